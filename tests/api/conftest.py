"""The real server for the API's tests: `python app.py` on a free port, with keys made through the services."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.client import Api, Server
from tests.servers import ROOT, free_port, until
from webapp.cli.group import application
from webapp.config import Settings
from webapp.services import workspaces


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the workspaces ``default`` and ``other``."""
    with started(tmp_path_factory.mktemp("instance")) as running:
        yield running


class started:  # noqa: N801 (a context manager)
    """Start a server on an instance folder; it ends with the block."""

    def __init__(self, instance: Path, **settings: object) -> None:
        self._given = {"instance": instance, "port": free_port(), "log_level": "warning", **settings}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        environ |= {f"TIDEGATE_{name.upper()}": str(value) for name, value in self._given.items()}
        settings = Settings.from_env(environ)
        with (settings.instance / "server.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        running = Server(settings, application(settings), self._process)
        until(lambda: running.is_ready(), 30, "the start of the server")
        with running.app.app_context():
            workspaces.create("other", "Other", author="tests", source="cli")
        return running

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process is not None
        process.terminate()
        try:
            process.wait(10)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="session")
def api(server: Server) -> Api:
    """The API with a key of the workspace ``default`` that has every scope."""
    return server.api()
