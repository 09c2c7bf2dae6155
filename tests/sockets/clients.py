"""A WebSocket client that does only what a test tells it to: one thread, no reading ahead, no answering by itself.

The handshake and the framing are those of ``websockets``' Sans-I/O layer; the bytes are at hand.
"""

import contextlib
import json
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.typing import Origin, Subprotocol
from websockets.uri import parse_uri

from tests.servers import Server, client_context

Json = dict[str, Any]
TIMEOUT = 15.0


class Closed(Exception):
    """The connection has ended; ``code`` is None if the server said no goodbye."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class Client:
    """A connection. Frames are read by :meth:`next`, :meth:`take` and :meth:`sync` alone."""

    def __init__(
        self,
        server: Server,
        token: str | None = None,
        *others: str,
        path: str = "/rt/default",
        origin: str | None = None,
        receive_buffer: int | None = None,
        segment: int | None = None,
        address: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.frames: list[Json] = []
        self.pings = 0
        self.answers_pings = True
        self.close_code: int | None = None
        self.ended = False
        self.pongs: list[bytes] = []
        self._syncs = 0
        secure = server.tls is not None
        uri = parse_uri(f"{'wss' if secure else 'ws'}://localhost:{server.port}{path}")
        self.protocol = ClientProtocol(
            uri,
            subprotocols=[Subprotocol(each) for each in (token, *others)] if token is not None else None,
            origin=Origin(origin) if origin is not None else None,
            max_size=None,
        )
        plain = socket.socket()
        plain.settimeout(TIMEOUT)
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment is not None:  # the server's kernel, too, keeps less for one that takes small segments
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        plain.bind((address, 0))
        plain.connect(("127.0.0.1", server.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = (
            client_context(server.tls).wrap_socket(plain, server_hostname="localhost") if server.tls else plain
        )
        request = self.protocol.connect()
        request.headers.update(headers or {})
        self.protocol.send_request(request)
        self._write()
        while self.protocol.state.name == "CONNECTING" and self.protocol.handshake_exc is None:
            self._read()
        if self.protocol.handshake_exc is not None:
            self.end()
            raise self.protocol.handshake_exc

    # Writing

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def text(self, text: str | bytes) -> None:
        """Send a text frame."""
        self.protocol.send_text(text if isinstance(text, bytes) else text.encode())
        self._write()

    def send(self, action: str, channel: str, payload: Any = None, **options: Any) -> None:
        """Send a frame of the protocol."""
        self.text(json.dumps({"action": action, "options": {"channel": channel, **options}, "payload": payload}))

    def say(self, channel: str, payload: Any, **options: Any) -> None:
        """Send a message."""
        self.send("message", channel, payload, **options)

    def whisper(self, channel: str, to: str, payload: Any, **options: Any) -> None:
        """Send a private message."""
        self.send("message", channel, payload, socketId=to, **options)

    def join(self, channel: str, *, history: bool = False, presence: bool = False) -> Json:
        """Join and return the answer, which must be the next frame: the acknowledgement or an error."""
        self.send("join", channel, {"history": history, "presence": presence})
        return self.next()

    # Reading

    def next(self, timeout: float = TIMEOUT) -> Json:
        """Return the next frame; raises ``Closed`` where there is none any more."""
        ends = time.monotonic() + timeout
        while not self.frames:
            if self.ended:
                raise Closed(self.close_code)
            self._read(ends)
        return self.frames.pop(0)

    def take(self, action: str, timeout: float = TIMEOUT) -> Json:
        """Return the next frame, which must be of this action."""
        frame = self.next(timeout)
        assert frame["action"] == action, f"expected {action}, got {frame}"
        return frame

    def error(self, timeout: float = TIMEOUT) -> Json:
        """Return the next frame, which must be an error, as ``{"channel", "message", "code", "ref"}``."""
        frame = self.take("error", timeout)
        return {"channel": frame["options"].get("channel"), **frame["payload"]}

    def sync(self, timeout: float = TIMEOUT) -> list[Json]:
        """Return what has come by the time that the server has dealt with everything sent so far.

        Asked twice: what is stored first may come after the first answer, in the same turn of the server's loop.
        """
        ends = time.monotonic() + timeout
        for _ in range(2):
            self._syncs += 1
            mark = struct.pack(">Q", self._syncs)
            self.protocol.send_ping(mark)
            self._write()
            while mark not in self.pongs:
                if self.ended:
                    raise Closed(self.close_code)
                self._read(ends)
            self.pongs.remove(mark)
        frames, self.frames = self.frames, []
        return frames

    def closed(self, timeout: float = TIMEOUT) -> int | None:
        """Read until the connection has ended and return its close code; frames stay to be read."""
        ends = time.monotonic() + timeout
        while not self.ended:
            self._read(ends)
        return self.close_code

    def _read(self, ends: float | None = None) -> None:
        if ends is not None:
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("nothing came in time")
            self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionError:
            data = b""
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
            self.ended = True
        for event in self.protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        if self.protocol.close_rcvd is not None:
            self.close_code = self.protocol.close_rcvd.code
        self._write()

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT:
            self.frames.append(json.loads(bytes(frame.data)))
        elif frame.opcode is Opcode.PONG:
            self.pongs.append(bytes(frame.data))
        elif frame.opcode is Opcode.PING:
            self.pings += 1
            if not self.answers_pings:
                self.protocol.data_to_send()  # the pong that the library would send

    def _write(self) -> None:
        for data in self.protocol.data_to_send():
            with contextlib.suppress(OSError):  # whatever is gone, or no longer connected
                if data:
                    self.socket.sendall(data)
                elif not isinstance(self.socket, ssl.SSLSocket):
                    self.socket.shutdown(socket.SHUT_WR)

    # Ending

    def leave(self) -> None:
        """Close as clients do, and wait for the server's answer."""
        self.protocol.send_close(1000)
        self._write()
        self.closed()
        self.end()

    def end(self) -> None:
        """Drop the connection without a word."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.end()


Connect = Callable[..., Client]


@contextlib.contextmanager
def connecting(server: Server) -> Iterator[Connect]:
    """Yield a function that connects; all it made are dropped at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda *tokens, **options: stack.enter_context(Client(server, *tokens, **options))


def settle(*clients: Client) -> list[list[Json]]:
    """Wait until all that these clients sent has been dealt with and delivered; returns what each received since."""
    for client in clients:
        kept = client.sync()
        client.frames = kept + client.frames
    return [client.sync() for client in clients]


def pump(condition: Callable[[], bool], *clients: Client, timeout: float = TIMEOUT) -> None:
    """Read what comes for any of these clients, answering pings, until the condition holds."""
    ends = time.monotonic() + timeout
    while not condition():
        open_ones = [client for client in clients if not client.ended]
        readable, _, _ = select.select([client.socket for client in open_ones], [], [], max(0, ends - time.monotonic()))
        if not readable:
            raise TimeoutError("nothing came in time")
        for client in open_ones:
            if client.socket in readable:
                client._read()


def handshake(server: Server, request: bytes) -> bytes:
    """Send bytes of one's own as the beginning of a connection and return all that comes back until its end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        return answer


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, mask: bytes | None = b"\x01\x02\x03\x04") -> bytes:
    """Build a frame by hand; ``opcode`` may carry reserved bits, ``mask`` None leaves it unmasked."""
    size = len(payload)
    masked = 0x80 if mask is not None else 0
    head = bytes([opcode | (0x80 if final else 0)])
    if size < 126:
        head += bytes([masked | size])
    elif size < 1 << 16:
        head += bytes([masked | 126]) + struct.pack(">H", size)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", size)
    if mask is None:
        return head + payload
    stream = (mask * (size // 4 + 1))[:size]
    body = int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")
    return head + mask + body.to_bytes(size, "big")


def message(channel: str, payload: Any, **options: Any) -> bytes:
    """Write a message as the bytes of its JSON."""
    return json.dumps({"action": "message", "options": {"channel": channel, **options}, "payload": payload}).encode()


__all__ = [
    "Client",
    "Closed",
    "Connect",
    "InvalidHandshake",
    "connecting",
    "frame",
    "handshake",
    "message",
    "pump",
    "settle",
]
