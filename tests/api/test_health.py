"""Whether the process is alive, and whether it is ready for clients."""

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
