"""A client's connection: reading in its one greenlet, writing that never waits."""

import logging
import ssl
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent
from gevent import get_hub, getcurrent

from ..core.actors import Actor
from ..core.codes import CloseCode, Code
from ..core.policy import JOINED, Facts
from ..triggers.turns import PAUSE
from .events import Face, Sender, new_socket_id
from .framing import PING_FRAME, Binary, Closed, FrameReader, Item, Ping, Pong, TooLarge, close_frame
from .outbox import Outbox
from .turn import write_to

if TYPE_CHECKING:
    from .channel import Membership
    from .server import Realtime
    from .workspace import Workspace

_log = logging.getLogger("tidegate.connection")

BUFFER_SIZE = 64 * 1024
# One buffer for all connections: bytes are read into it and taken out before anything can switch greenlets.
_buffer = bytearray(BUFFER_SIZE)
_view = memoryview(_buffer)

_NO_BYTES = memoryview(b"")
_WOULD_BLOCK = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
CLOSE_TIMEOUT = 5.0
"""Seconds a client has to answer the server's close before its socket is cut."""


class Connection:
    """One client. Frames of one connection are handled strictly in order, in its own greenlet."""

    standing: Facts = JOINED
    """What is true of it wherever it is a member."""

    __slots__ = (
        "__weakref__",
        "_engine",
        "_greenlet",
        "_held",
        "_held_size",
        "_inbox",
        "_is_silent",
        "_is_tls",
        "_limit_outbox",
        "_loop",
        "_raw_write",
        "_reader",
        "_realtime",
        "_recv_into",
        "_said_goodbye",
        "_sender",
        "_sock",
        "_switch_to_hub",
        "_turn",
        "_waiting",
        "actor",
        "address",
        "close_code",
        "closing_since",
        "connected_at",
        "cut_at",
        "ended",
        "ended_by",
        "ended_why",
        "face",
        "heard_at",
        "id",
        "last_error",
        "memberships",
        "outbox",
        "pinged_at",
        "quiet_until",
        "received",
        "since",
        "user_agent",
        "window",
        "window_count",
        "workspace",
        "write",
    )

    def __init__(self, realtime: "Realtime", workspace: "Workspace", face: Face, sock: Any, actor: Actor) -> None:
        self.id = new_socket_id()
        self.workspace = workspace
        self.face = face
        self.actor = actor
        self.address = ""
        self.user_agent = ""
        self.connected_at = self.heard_at = monotonic()
        self.pinged_at = 0.0
        self.closing_since = 0.0
        self.quiet_until = 0.0
        """Until when the heartbeat need not look at this connection."""
        self.close_code = 0
        self.since = 0
        """When it was let in, in ticks as a message's id."""
        self.ended_why = self.ended_by = ""
        """Why it was ended, and the admin who did, where somebody did."""
        self.cut_at = 0.0
        """When the first came of what a slow client never got, in monotonic seconds."""
        self.ended = False
        self._said_goodbye = False
        self.received = 0
        self.window = 0.0
        self.window_count = 0
        self.last_error: Code | None = None
        self.memberships: dict[str, Membership] = {}
        self.outbox: Outbox | None = None
        self._sender: Sender | None = None
        self._realtime = realtime
        self._sock = sock
        self._limit_outbox = realtime.limits.outbox_bytes
        self._reader = FrameReader(realtime.limits.message_bytes)
        self._loop = realtime.loop
        self._greenlet: Any = None
        self._waiting = False
        self._is_silent = False
        self._held: list[bytes] | None = None
        self._held_size = 0
        self._switch_to_hub = get_hub().switch
        # Straight to the C socket, which never blocks: gevent's own `send` would wait where this raises.
        self._raw_write: Callable[[bytes], int] = sock._sslobj.write if _is_tls(sock) else sock._sock.send
        self._engine = realtime.engine
        self._turn = realtime.turn
        self._recv_into: Callable[[bytearray], int] = sock._sock.recv_into
        self._is_tls = _is_tls(sock)
        self._inbox: list[Item] = []
        self.write = self._raw_write

    def _receive(self) -> int:
        """Read into the shared buffer; returns the number of bytes, 0 at the end. Never waits."""
        if self._is_tls:
            count: int = self._sock._sslobj.read(BUFFER_SIZE, _buffer)
            return count
        return self._recv_into(_buffer)

    def _pending(self) -> int:
        """Bytes that TLS has decrypted and nobody has read: no readiness of the socket will tell of them."""
        return self._sock._sslobj.pending() if self._is_tls else 0

    @property
    def sender(self) -> Sender:
        """This client as others see it, made when first needed."""
        if self._sender is None:
            actor = self.actor
            self._sender = Sender(self.id, actor.extras, actor.dbo_id, actor.row_id, actor.user_id)
        return self._sender

    def become(self, actor: Actor) -> None:
        """Go on as somebody else, whose token the client has sent."""
        self.workspace.forget_user(self)
        self.actor = actor
        self._sender = None
        self.quiet_until = 0.0
        self.workspace.note_user(self)

    @property
    def queued(self) -> int:
        """Bytes that wait in the outbox."""
        return self.outbox.size if self.outbox is not None else 0

    @property
    def is_busy(self) -> bool:
        """Whether a frame of this client is being handled, so that none of its others is read."""
        return not self._waiting

    # Reading

    def run(self) -> None:
        """Read until the connection ends. Runs as the connection's greenlet."""
        try:
            self._read()
        except OSError:
            pass  # the peer is gone
        except Exception:
            _log.exception("connection %s ended by a fault", self.id)
        finally:
            self._end()

    def _read(self) -> None:
        reader, receive = self._reader, self._receive
        self._greenlet = getcurrent()
        while True:
            try:
                count = receive()
            except _WOULD_BLOCK:
                items = self._wait()
            else:
                if not count:
                    return
                self.heard_at = monotonic()
                # Who has said goodbye is read to the end: closing with unread input would reset the connection
                # and lose our own close.
                items = [] if self._said_goodbye else reader.feed(_view[:count])
            while items or reader.has_more:
                self._handle(items)
                if self._said_goodbye:
                    break
                if reader.has_more:
                    gevent.sleep(PAUSE)  # many small frames at once: others get their turn before the rest
                    items = reader.feed(_NO_BYTES)
                elif self._pending():
                    break  # TLS has decrypted more than was read
                else:
                    # What has not been read yet wakes the loop again, so there is no need to try.
                    items = self._wait()
            if self._said_goodbye:
                self._wait()

    def _handle(self, items: list[Item]) -> None:
        receive = self._engine.receive
        for item in items:
            if type(item) is Binary:
                receive(self, item.payload, True)
            elif type(item) is not bytes:
                self._control(item)
            elif item.isascii() or self._is_utf8(item):
                receive(self, item)
            if self._said_goodbye:
                return

    def _wait(self) -> list[Item]:
        """Wait until there is something to read; returns what the loop has taken in already and could not handle.

        The watcher stays on from one time to the next, which costs less than gevent's own ``wait``: nothing is made
        and nothing is changed in the loop.
        """
        event = self._sock._read_event
        if not event.active:
            event.start(self._readable)
        self._waiting = True
        self._switch_to_hub()
        inbox, self._inbox = self._inbox, []
        return inbox

    def _readable(self) -> None:
        """Called by the loop. A greenlet that waits for something else must not be woken: bytes can wait as well."""
        if not self._waiting:
            self._sock._read_event.stop()
        elif self._is_tls or self._said_goodbye or not self._took_at_once():
            self._waiting = False
            turn = self._turn
            turn.stepping = True
            try:
                self._greenlet.switch()
            finally:
                turn.end_step()

    def _took_at_once(self) -> bool:
        """Handle messages here in the loop, and say whether that was all; the rest is left for the greenlet."""
        try:
            count = self._recv_into(_buffer)
        except BlockingIOError:
            return True
        except OSError:
            return False  # the greenlet finds out for itself
        if not count:
            return False
        self.heard_at = monotonic()
        turn = self._turn
        turn.stepping = True
        try:
            frame = self._reader.sole(_buffer, _view, count)
            if frame is None:
                return self._took_all(self._reader.feed(_view[:count]))
            if frame.isascii() and self._engine.receive_at_once(self, frame):
                return True
            self._inbox = [frame]
            return False
        finally:
            turn.end_step()

    def _took_all(self, items: list[Item]) -> bool:
        for index, item in enumerate(items):
            if type(item) is not bytes or not item.isascii() or not self._engine.receive_at_once(self, item):
                self._inbox = items[index:]
                return False
        if self._reader.has_more:
            self._inbox = self._reader.feed(_NO_BYTES)
            return False
        return True

    def _control(self, item: Item) -> None:
        """Handle what is not a text message. It counts like one: it costs the server as much."""
        engine = self._engine
        if not isinstance(item, Closed):
            engine.within_rate(self)
            if self.closing_since:
                return
        match item:
            case Ping(reply):
                self._turn.send(self, reply)
            case Pong():
                pass
            case TooLarge(size):
                limit = self._reader.limit
                detail = f"A message of {size} bytes; the limit is {limit}."
                self._realtime.refuser.refuse(self, Code.MESSAGE_TOO_LARGE, None, detail=detail)
            case Closed(code, _, reply):
                if not self.closing_since:
                    self._turn.flush()
                    self._say_goodbye(code, reply)
                self._said_goodbye = True
                self._shut_writing()

    def _is_utf8(self, text: bytes) -> bool:
        """Check a text message; one that is not UTF-8 ends the connection (RFC 6455 §8.1)."""
        try:
            text.decode()
        except UnicodeDecodeError:
            self._realtime.refuser.note(self, Code.INVALID_FRAME, "A text frame that is not UTF-8.")
            self._turn.flush()
            self.close(CloseCode.INVALID_DATA, "a text frame must be UTF-8")
            self._said_goodbye = True
            self._shut_writing()
            return False
        return True

    # Writing: `self.write` is the socket's own `send` as long as nothing waits; see turn.py

    def wrote_part(self, data: bytes, written: int) -> None:
        """The socket took only the first ``written`` bytes."""
        self._block(data[written:])

    def write_failed(self, data: bytes, error: OSError) -> None:
        """The socket took nothing: because it is full, or because it is gone."""
        if isinstance(error, _WOULD_BLOCK):
            self._block(data)
        else:
            self.abort()

    def _block(self, rest: bytes) -> None:
        assert self.outbox is None, "what is blocked already is written to through its outbox"
        self.outbox = Outbox(self._loop, self._sock.fileno(), self._writable)
        self.outbox.append(rest)
        self._choose_write()

    def _choose_write(self) -> None:
        """Set ``write`` to what fits the moment; audiences hold it, so they are told."""
        if self._is_silent:
            self.write = _discard
        elif self._held is not None:
            self.write = self._hold_back
        elif self.outbox is not None:
            self.write = self._queue
        else:
            self.write = self._raw_write
        for membership in self.memberships.values():
            membership.channel.audience_changed()

    def hold(self) -> None:
        """Keep back what is sent to this client from now on, until :meth:`release`."""
        self._turn.flush()
        self._held, self._held_size = [], 0
        self.cut_at = monotonic()  # what is kept back is lost if this one turns out too slow
        self._choose_write()

    def release(self, first: bytes = b"") -> None:
        """Send ``first``, and behind it what was kept back."""
        if self._held is None:
            if first:
                self._turn.send(self, first)
            return
        held, self._held = self._held, None
        self.cut_at = 0.0
        self._choose_write()
        write_to(self, b"".join((first, *held)))

    def _hold_back(self, data: bytes) -> int:
        """Stands in for ``write`` while an answer is being fetched that belongs in front."""
        assert self._held is not None
        self._held.append(data)
        self._held_size += len(data)
        if self._held_size > self._limit_outbox:
            self._too_slow("kept back behind an answer from the history")
        return len(data)

    def _too_slow(self, where: str) -> None:
        self._realtime.refuser.note(self, Code.SLOW_CLIENT, f"More than {self._limit_outbox} bytes were {where}.")
        self._held = None
        self.close(CloseCode.TRY_AGAIN_LATER, Code.SLOW_CLIENT.value)

    def _queue(self, data: bytes) -> int:
        """Stands in for ``write`` while the socket is full."""
        outbox = self.outbox
        assert outbox is not None
        if outbox.size + len(data) > self._limit_outbox:
            self.cut_at = outbox.keep_head_only()
            self._too_slow("waiting to be read")
        else:
            outbox.append(data)
        return len(data)

    def _writable(self) -> None:
        outbox = self.outbox
        if outbox is None:
            return
        try:
            outbox.drain(self._raw_write)
        except _WOULD_BLOCK:
            return
        except OSError:
            self.abort()
            return
        outbox.close()
        self.outbox = None
        self._choose_write()
        if self._said_goodbye:
            self._shut_writing()

    def _write_last(self, data: bytes) -> None:
        """Write the last bytes of this connection behind what waits; everything after them is dropped."""
        if self.outbox is not None:
            self.outbox.append(data)
        else:
            try:
                written = self._raw_write(data)
            except OSError as error:
                self.write_failed(data, error)
            else:
                if written != len(data):
                    self.wrote_part(data, written)
        self._is_silent = True
        self._choose_write()

    # Ending

    def ping(self, now: float) -> None:
        """Ask whether the client is still there."""
        self.pinged_at = now
        self._turn.send(self, PING_FRAME)

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Say goodbye: takes effect for the hub at once, and the socket follows when the client answers."""
        if not self.closing_since:
            self._say_goodbye(code, close_frame(code, reason))

    def _say_goodbye(self, code: int, frame: bytes) -> None:
        self.closing_since = monotonic()
        self.quiet_until = 0.0
        self.close_code = code
        self._realtime.disconnected(self)
        self._write_last(frame)

    def _shut_writing(self) -> None:
        """Tell the peer that no more comes, once everything is out; it then closes its side."""
        if self.outbox is not None:
            return
        try:
            if _is_tls(self._sock):
                self._sock._sslobj.shutdown()  # says so to TLS, and raises since the peer has not answered yet
        except OSError:
            pass
        try:
            self._sock._sock.shutdown(1)
        except OSError:
            pass  # the peer is gone already

    def abort(self) -> None:
        """Cut the socket. The reading greenlet sees its end and cleans up."""
        self._is_silent = True
        self._choose_write()
        try:
            self._sock._sock.shutdown(2)
        except OSError:
            pass

    def _end(self) -> None:
        self.closing_since = self.closing_since or monotonic()
        self._is_silent = True
        self._choose_write()
        self.ended = True
        self._sock._read_event.stop()
        self._realtime.disconnected(self)
        if self.outbox is not None:
            self.outbox.close()
            self.outbox = None
        self._sock._io_refs -= 1
        self._sock.close()


def _discard(data: bytes) -> int:
    return len(data)


def _is_tls(sock: Any) -> bool:
    return getattr(sock, "_sslobj", None) is not None


def take_over(connection: Connection, sock: Any) -> None:
    """Give the socket to a greenlet of its own, so that the request and all that hangs on it can go.

    gunicorn and gevent close a socket when the handler returns; one more reference makes that a mark only.
    """
    sock._io_refs += 1
    if _is_tls(sock):
        sock.setblocking(False)
    gevent.spawn_raw(connection.run)
