"""`tidegate serve`: what it prints, one server on an instance folder, and files that nobody else reads."""

import http.client
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT
from tests.servers import until


class Started:
    """The program on an instance folder, on any free port."""

    def __init__(self, folder: Path, name: str = "one") -> None:
        self.log = folder / f"{name}.log"
        others = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        environ = others | {"TIDEGATE_INSTANCE": str(folder / "instance"), "TIDEGATE_PORT": "0"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py")], env=environ, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def port(self) -> int:
        """The port that it has printed, once it answers there; 0 until then."""
        found = re.search(r"dashboard: http://127\.0\.0\.1:(\d+)$", self.log.read_text(), re.MULTILINE)
        if found is None:
            return 0
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=5)
        try:
            connection.request("GET", "/readyz")
            return int(found[1]) if connection.getresponse().status == 200 else 0
        except OSError:
            return 0
        finally:
            connection.close()

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(15)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


@pytest.fixture
def several(tmp_path: Path) -> Iterator[list[Started]]:
    started: list[Started] = []
    yield started
    for each in started:
        each.end()


def test_any_free_port_is_printed(tmp_path: Path, several: list[Started]) -> None:
    # With TIDEGATE_PORT=0 the address that was printed ended in `:0`.
    several.append(Started(tmp_path))
    assert until(lambda: several[0].port, 30) > 0


def test_nobody_else_reads_what_it_keeps(tmp_path: Path, several: list[Started]) -> None:
    several.append(Started(tmp_path))
    until(lambda: several[0].port, 30)
    instance = tmp_path / "instance"
    modes = {path.name: path.stat().st_mode & 0o777 for path in instance.iterdir()}
    assert {"tidegate.db", "tidegate.db-wal", "secret_key", "control.sock"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert instance.stat().st_mode & 0o777 == 0o700


def test_of_two_that_start_at_once_one_serves(tmp_path: Path, several: list[Started]) -> None:
    # Neither saw the other's control socket yet, and both served with half of the clients each.
    several += [Started(tmp_path, "one"), Started(tmp_path, "two")]
    until(lambda: any(each.process.poll() is not None for each in several), 30, "the end of one")
    (ended,) = [each for each in several if each.process.poll() is not None]
    (other,) = [each for each in several if each is not ended]
    assert ended.process.returncode == 1
    assert ended.log.read_text().startswith("Error: A server runs on the instance folder ")
    assert until(lambda: other.port, 30) > 0
    third = Started(tmp_path, "three")
    several.append(third)
    assert third.process.wait(30) == 1
    assert "Error: A server runs on the instance folder " in third.log.read_text()


def test_after_a_crash_it_starts_again(tmp_path: Path, several: list[Started]) -> None:
    several.append(Started(tmp_path))
    until(lambda: several[0].port, 30)
    os.killpg(several[0].process.pid, signal.SIGKILL)
    several[0].process.wait()
    several.append(Started(tmp_path, "again"))
    assert until(lambda: several[1].port, 30) > 0
