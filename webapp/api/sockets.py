"""The socket endpoint ``/rt/<canonical>``, which Xano's SDK dials."""

from typing import Any

from flask import Flask, Response, current_app, request

from ..config import Settings
from ..protocols.xano import XANO
from ..realtime.server import Realtime
from .addresses import client_address
from .handshake import Sock, accept, handshake_problem, offered_subprotocol


def init_app(app: Flask, settings: Settings) -> None:
    """Register the endpoint."""
    sock = Sock(app)
    proxies = settings.proxies

    @sock.route("/rt/<canonical>")
    @sock.route("/rt", endpoint="connect_without_canonical")
    def connect(socket: Any, canonical: str | None = None) -> Response | None:
        environ = request.environ
        realtime: Realtime = current_app.extensions["tidegate.realtime"]
        problem = handshake_problem(environ)
        if problem is not None:
            return _upgrade_required(problem)
        if realtime.draining:
            return Response("The server is shutting down.\n", 503, {"Content-Type": "text/plain"})
        token = offered_subprotocol(environ)
        # Without the echo the client's handshake fails: protocols/xano.md, "Connection".
        if not accept(socket, environ, token):
            return None
        workspace = realtime.workspace(canonical) if canonical is not None else realtime.default_workspace()
        realtime.connect(
            socket,
            XANO,
            workspace,
            token,
            origin=environ.get("HTTP_ORIGIN"),
            address=client_address(environ, proxies),
            user_agent=environ.get("HTTP_USER_AGENT", "")[:200],
        )
        return None

    @app.get("/rt/<canonical>")
    @app.get("/rt")
    def not_a_socket(canonical: str | None = None) -> Response:
        return _upgrade_required(handshake_problem(request.environ) or "Connect with a WebSocket client.")


def _upgrade_required(problem: str) -> Response:
    headers = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Content-Type": "text/plain"}
    return Response(problem + "\n", 426, headers)
