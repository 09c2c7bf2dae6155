"""The socket on which the inspector's page is told what passes. It is the dashboard's own: same origin, signed in."""

from collections import deque
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import gevent.event
import msgspec
from flask import Response, request, session

from ...api.handshake import Sock, accept, handshake_problem
from ...core.codes import CloseCode
from ...inspector.viewer import INTERVAL, Viewer
from ...realtime.framing import Closed, FrameReader, Item, Ping, close_frame, text_frame
from ...realtime.server import Realtime
from ...services import admins, sessions
from ...triggers.turns import PAUSE
from ..access import SIGN_IN, current_workspace, signed_in
from .blueprint import blueprint, live, scribe
from .views import filter_asked

SEEN_EVERY = 5.0
"""Seconds between looks at whether the reader may still read."""
STALLED_MOST = 120.0
"""Seconds that a browser may take nothing before its socket is closed; it comes back by itself."""
WRITE_TIMEOUT = 1.0
FRAME_MOST = 4096

_sock = Sock()
_encode = msgspec.json.Encoder().encode


@_sock.route("/stream", bp=blueprint, endpoint="stream")
def stream(socket: Any, **_: Any) -> Response | None:
    """Send what passes, for as long as the page is open."""
    problem = handshake_problem(request.environ)
    if problem is not None:
        return Response(problem + "\n", 426, {"Upgrade": "websocket", "Content-Type": "text/plain"})
    if not _is_own(request.headers.get("Origin", "")):
        return Response("Only pages of this dashboard may read this.\n", 403, {"Content-Type": "text/plain"})
    found = live()
    if found is None:
        return Response("No realtime server runs here.\n", 503, {"Content-Type": "text/plain"})
    realtime, workspace = found
    wanted, _problem = filter_asked()
    viewer = Viewer(realtime.tap, scribe(workspace), wanted.matcher())
    if accept(socket, request.environ, None):
        _Reader(realtime, viewer, socket).serve()
    return None


def _is_own(origin: str) -> bool:
    try:
        return urlsplit(origin).netloc == request.host
    except ValueError:
        return False  # no browser writes such an origin


@blueprint.get("/stream")
def not_a_stream() -> Response:
    """Say to whoever asks without a WebSocket what this is."""
    problem = handshake_problem(request.environ) or "Connect with a WebSocket client."
    return Response(problem + "\n", 426, {"Upgrade": "websocket", "Content-Type": "text/plain"})


class _Reader:
    """Writes to one browser, and waits for it here, where nobody else has to."""

    def __init__(self, realtime: Realtime, viewer: Viewer, socket: Any) -> None:
        self._realtime = realtime
        self._viewer = viewer
        self._socket = socket
        self._replies: deque[bytes] = deque(maxlen=1)  # a pong for the newest ping will do (RFC 6455 §5.5.3)
        self._goodbye = b""
        self._gone = gevent.event.Event()
        self._secret: Any = session.get(SIGN_IN)
        self._role = admins.role_in(signed_in(), current_workspace())
        self._workspace = current_workspace()

    def serve(self) -> None:
        """Send until the browser leaves, may no longer read, or the server stops."""
        self._socket.settimeout(WRITE_TIMEOUT)
        reading = gevent.spawn(self._read)
        self._realtime.watch()
        try:
            if self._send(self._frame(self._viewer.begin())):
                self._go_on()
        finally:
            self._realtime.unwatch()
            reading.kill()

    def _go_on(self) -> None:
        looked = monotonic()
        while not self._gone.wait(INTERVAL):
            if self._realtime.draining:
                self._send(close_frame(CloseCode.SERVICE_RESTART, "service restart"))
                return
            if monotonic() - looked > SEEN_EVERY:
                looked = monotonic()
                if not self._may_read():
                    self._send(close_frame(CloseCode.REFUSED, "signed out, or another role"))
                    return
            while self._replies:
                if not self._send(self._replies.popleft()):
                    return
            batch = self._viewer.next()
            if batch is not None and not self._send(self._frame(batch)):
                return
        if self._goodbye:
            self._send(self._goodbye)

    def _frame(self, batch: Any) -> bytes:
        return text_frame(_encode(batch))

    def _send(self, data: bytes) -> bool:
        """Write everything, waiting for the browser; False if it is gone, or took nothing for too long."""
        rest = memoryview(data)
        gives_up = monotonic() + STALLED_MOST
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
                gives_up = monotonic() + STALLED_MOST
            except TimeoutError:
                if monotonic() > gives_up or self._realtime.draining or self._gone.is_set():
                    return False
            except OSError:
                return False
        return True

    def _read(self) -> None:
        """Look after what the browser sends: pings, and its goodbye. Answers are written by :meth:`_go_on` alone."""
        reader = FrameReader(FRAME_MOST)
        try:
            while not self._goodbye:
                try:
                    data = self._socket.recv(FRAME_MOST)
                except TimeoutError:
                    continue
                if not data:
                    return
                self._take(reader.feed(memoryview(data)))
                while reader.has_more and not self._goodbye:
                    gevent.sleep(PAUSE)
                    self._take(reader.feed(memoryview(b"")))
                gevent.sleep(PAUSE)  # one that never stops sending must not keep the loop to itself
        except OSError:
            pass
        finally:
            self._gone.set()

    def _take(self, items: list[Item]) -> None:
        for item in items:
            if isinstance(item, Ping):
                self._replies.append(item.reply)
            elif isinstance(item, Closed):
                self._goodbye = item.reply

    def _may_read(self) -> bool:
        """Whether the sign-in and the role with which this began still hold."""
        loaded = sessions.load(self._secret) if isinstance(self._secret, str) else None
        return loaded is not None and admins.role_in(loaded.admin, self._workspace) is self._role
