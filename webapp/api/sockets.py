"""The socket endpoints: ``/rt/<canonical>`` for Xano's SDK, ``/socket/websocket`` for phoenix.js and its kin."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from flask import Flask, Response, current_app, request

from ..config import Settings
from ..protocols.phoenix import face_of
from ..protocols.xano import XANO
from ..realtime.callers import Caller
from ..realtime.events import Face
from ..realtime.server import Realtime
from ..realtime.workspace import Workspace
from .addresses import client_address
from .handshake import Sock, accept, handshake_problem, offered_subprotocol, offered_subprotocols

PHOENIX_PROTOCOL = "phoenix"
BEARER = "base64url.bearer.phx."
"""What stands before the token in a subprotocol that phoenix.js offers."""

_STANDARD = str.maketrans("-_", "+/")

Proxies = Sequence[IPv4Network | IPv6Network]


def init_app(app: Flask, settings: Settings) -> None:
    """Register the endpoints."""
    sock = Sock(app)
    proxies = settings.proxies

    @sock.route("/rt/<canonical>")
    @sock.route("/rt", endpoint="connect_without_canonical")
    def connect(socket: Any, canonical: str | None = None) -> Response | None:
        environ, realtime = request.environ, _realtime()
        refusal = _refusal(environ, realtime)
        if refusal is not None:
            return refusal
        token = offered_subprotocol(environ)
        # Without the echo the client's handshake fails: protocols/xano.md, "Connection".
        if not accept(socket, environ, token):
            return None
        workspace = realtime.workspace(canonical) if canonical is not None else realtime.default_workspace()
        realtime.connect(socket, _caller(environ, XANO, workspace, token, proxies))
        return None

    @sock.route("/socket/websocket")
    def connect_phoenix(socket: Any) -> Response | None:
        environ, realtime, asked = request.environ, _realtime(), request.args
        refusal = _refusal(environ, realtime)
        if refusal is not None:
            return refusal
        face = face_of(asked.get("vsn"), "apikey" in asked)
        if face is None:
            return _forbidden()
        offered = offered_subprotocols(environ)
        caller = _caller(environ, face, _workspace(realtime, asked), _phoenix_token(asked, offered), proxies)
        # A close would bring these clients back at once: protocols/phoenix.md, "Connection".
        if realtime.turned_away(caller) is not None:
            return _forbidden()
        if accept(socket, environ, PHOENIX_PROTOCOL if PHOENIX_PROTOCOL in offered else None):
            realtime.connect(socket, caller)
        return None

    @app.get("/rt/<canonical>")
    @app.get("/rt")
    @app.get("/socket/websocket")
    def not_a_socket(canonical: str | None = None) -> Response:
        return _upgrade_required(handshake_problem(request.environ) or "Connect with a WebSocket client.")


def _realtime() -> Realtime:
    realtime: Realtime = current_app.extensions["tidegate.realtime"]
    return realtime


def _refusal(environ: dict[str, Any], realtime: Realtime) -> Response | None:
    """Answer what is no handshake, or comes when nobody is let in any more."""
    problem = handshake_problem(environ)
    if problem is not None:
        return _upgrade_required(problem)
    if realtime.draining:
        return Response("The server is shutting down.\n", 503, {"Content-Type": "text/plain"})
    return None


def _caller(
    environ: dict[str, Any], face: Face, workspace: Workspace | None, token: str | None, proxies: Proxies
) -> Caller:
    return Caller(
        face,
        workspace,
        token,
        origin=environ.get("HTTP_ORIGIN"),
        address=client_address(environ, proxies),
        user_agent=environ.get("HTTP_USER_AGENT", "")[:200],
    )


def _workspace(realtime: Realtime, asked: Mapping[str, str]) -> Workspace | None:
    """Find the workspace that a Phoenix client names as ``app``, or a Supabase client as its ``apikey``."""
    canonical = asked.get("app") or asked.get("apikey")
    return realtime.workspace(canonical) if canonical else realtime.default_workspace()


def _phoenix_token(asked: Mapping[str, str], offered: Sequence[str]) -> str | None:
    """Find the token in the parameters, or in a subprotocol of phoenix.js 1.8, base64 of either alphabet."""
    for protocol in offered:
        if protocol.startswith(BEARER):
            encoded = protocol.removeprefix(BEARER)
            padded = encoded.translate(_STANDARD) + "=" * (-len(encoded) % 4)
            try:
                return b64decode(padded).decode()
            except (Base64Error, ValueError):
                return encoded  # which no key will verify, so that it is told
    return asked.get("token") or None


def _forbidden() -> Response:
    return Response("", 403, {"Content-Type": "text/plain"})


def _upgrade_required(problem: str) -> Response:
    headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Content-Type": "text/plain"}
    return Response(problem + "\n", 426, headers)
