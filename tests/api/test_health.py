"""Whether the process is alive, and whether it is ready for clients."""

import socket
from pathlib import Path

from tests.api.client import Server
from tests.api.conftest import started
from tests.servers import until
from webapp.extensions import db


def test_alive_and_ready(server: Server) -> None:
    alive = server.request("GET", "/healthz")
    assert (alive.status, alive.body) == (200, b"ok\n")
    ready = server.request("GET", "/readyz")
    assert (ready.status, ready.json) == (200, {"ready": True, "database": True, "rules": True, "serving": True})


def test_alive_but_not_ready_without_the_database(tmp_path: Path) -> None:
    with started(tmp_path) as server:
        with server.app.app_context():
            db.session.execute(db.text("ALTER TABLE workspace RENAME TO hidden"))
            db.session.commit()
        ready = until(lambda: (a := server.request("GET", "/readyz")).status == 503 and a, what="not ready")
        assert ready.json["database"] is False
        assert ready.json["ready"] is False
        assert server.request("GET", "/healthz").status == 200
        answer = server.request("GET", "/api/v1/workspaces/default/rules", control=True)
        assert (answer.status, answer.error) == (503, "storage_unavailable")
        with server.app.app_context():
            db.session.execute(db.text("ALTER TABLE hidden RENAME TO workspace"))
            db.session.commit()
            db.engine.dispose()
        until(lambda: server.request("GET", "/readyz").status == 200, what="ready again")


def test_not_ready_while_it_closes_its_connections(tmp_path: Path) -> None:
    with started(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port), timeout=15) as client:
        # A client that never answers the server's goodbye keeps it waiting for a moment.
        client.sendall(
            b"GET /rt/default HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 101")
        key = server.api()
        server.process.terminate()
        ready = until(lambda: (a := server.request("GET", "/readyz")).status == 503 and a, what="not ready")
        assert ready.json == {"ready": False, "database": True, "rules": True, "serving": False}
        refused = key("POST", "/events", {"channel": "a", "data": 1})
        assert (refused.status, refused.error) == (503, "not_serving")
        assert server.request("GET", "/healthz").status == 200
