"""Running commands: in this process on a database of one's own, and the real thing with a real server."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from flask.cli import ScriptInfo

from tests.conftest import SECRET_KEY
from webapp.cli import tidegate
from webapp.cli.group import application
from webapp.config import Settings
from webapp.extensions import db
from webapp.services.backup import server_answers

Run = Callable[..., Result]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = application(settings)
    with made.app_context():
        yield made
        db.engine.dispose()


@pytest.fixture
def run(app: Flask) -> Run:
    """Run `tidegate` with arguments; ``input`` is what it reads."""

    def run_(*arguments: object, **options: object) -> Result:
        obj = ScriptInfo(create_app=lambda: app)
        return CliRunner().invoke(tidegate, [str(a) for a in arguments], obj=obj, **options)  # type: ignore[arg-type]

    return run_


def environment(settings: Settings) -> dict[str, str]:
    """The variables with which the real program uses the test's instance folder, on any free port."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    ours = {"INSTANCE": str(settings.instance), "SECRET_KEY": SECRET_KEY, "PORT": "0"}
    return others | {f"TIDEGATE_{name}": value for name, value in ours.items()}


@pytest.fixture
def serving(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """A real server on the instance folder of the test."""
    environ = environment(settings)
    command = [sys.executable, str(ROOT / "app.py")]
    log = settings.instance / "log"
    with log.open("w") as file:
        server = subprocess.Popen(command, env=environ, cwd=settings.instance, text=True, stdout=file, stderr=file)
    try:
        ends = time.monotonic() + 30
        while not server_answers(settings.control_socket):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < ends, log.read_text()
            time.sleep(0.02)
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)
