"""The WebSocket handshake (RFC 6455 §4.2), answered on the socket of a request that gunicorn has parsed."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import Any

import flask_sock
from flask import Response, request

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class _HandedOver(Response):
    """The answer of a view whose socket now belongs to a connection: gunicorn is to forget the request."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.headers.clear()  # the one object is given every session's cookie
        raise StopIteration


class Sock(flask_sock.Sock):
    """flask-sock, but for its server: the view gets the bare socket, answers the handshake itself and returns.

    simple-websocket would parse the request a second time and start a thread a connection; gunicorn's C parser has
    read it already, and a greenlet of our own reads. flask-sock makes a response class a connection; one object
    shared by all does the same.
    """

    def route(self, path: str, bp: Any = None, **kwargs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register a view ``f(sock, **values)`` that returns None once it has taken the socket, or a response."""
        handed_over = _HandedOver()
        kwargs["websocket"] = True

        def decorator(view: Callable[..., Any]) -> Callable[..., Any]:
            def handshake(**values: Any) -> Any:
                refusal = view(request.environ["gunicorn.socket"], **values)
                return handed_over if refusal is None else refusal

            handshake.__name__ = view.__name__
            (bp or self.app).route(path, **kwargs)(handshake)
            return view

        return decorator


def handshake_problem(environ: dict[str, Any]) -> str | None:
    """Say what keeps a request from being a WebSocket handshake (RFC 6455 §4.2.1), or None."""
    if "websocket" not in environ.get("HTTP_UPGRADE", "").lower():
        return "This is a WebSocket endpoint: connect with a WebSocket client."
    if "upgrade" not in environ.get("HTTP_CONNECTION", "").lower():
        return "The `Connection` header must name `Upgrade`."
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
        return "WebSocket version 13 is the one that is spoken here."
    if len(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")) != 24:
        return "`Sec-WebSocket-Key` must hold 16 bytes in base64."
    if environ["REQUEST_METHOD"] != "GET":
        return "A WebSocket handshake is a GET request."
    if "HTTP_TRANSFER_ENCODING" in environ or environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
        return "A WebSocket handshake has no body: what follows it are frames."
    return None


def accept(sock: Any, environ: dict[str, Any], subprotocol: str | None) -> bool:
    """Answer the handshake; False if the client has gone meanwhile. Compression is not negotiated."""
    digest = sha1(environ["HTTP_SEC_WEBSOCKET_KEY"].encode("latin-1") + _GUID).digest()
    answer = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + b64encode(digest)
    )
    if subprotocol:
        answer += b"\r\nSec-WebSocket-Protocol: " + subprotocol.encode("latin-1")
    try:
        sock.sendall(answer + b"\r\n\r\n")
    except OSError:
        return False
    return True


def offered_subprotocol(environ: dict[str, Any]) -> str | None:
    """Return the first subprotocol the client offers. Xano's SDK puts its token there, raw."""
    offered = offered_subprotocols(environ)
    return offered[0] if offered else None


def offered_subprotocols(environ: dict[str, Any]) -> list[str]:
    """Return the subprotocols the client offers, in its order."""
    offered: str = environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "")
    return [protocol.strip() for protocol in offered.split(",") if protocol.strip()]
