"""Starting the servers under test as child processes, and stopping them whatever happens."""

import atexit
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from bench.machine import descendants, prepare_server

START_LIMIT = 30.0
STOP_LIMIT = 5.0
_running: list["Server"] = []
_folders: list[Path] = []


class ServerFailed(Exception):
    """A server did not start, or ended by itself; the text holds the end of what it printed."""


class Server:
    """A running server: a process of its own session on the servers' core, with a port and a scratch folder."""

    def __init__(self, command: Sequence[str], port: int, folder: Path, cwd: Path, env: Mapping[str, str]) -> None:
        self.port = port
        self.folder = folder
        self._log = folder / "output.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=prepare_server,
            )
        _running.append(self)

    def wait_until_up(self) -> None:
        """Return once the port accepts connections; raise ServerFailed if the process ends or takes too long."""
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            self.check()
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.05)
        raise self._failure(f"nothing listens on the port after {START_LIMIT:.0f} s")

    def wait_for_http(self, path: str, tls: ssl.SSLContext | None = None) -> None:
        """Return once ``path`` is answered with no server error: a port may be open before its worker is there."""
        deadline = time.monotonic() + START_LIMIT
        url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}{path}"
        while time.monotonic() < deadline:
            self.check()
            try:
                with urllib.request.urlopen(url, timeout=5, context=tls):
                    return
            except urllib.error.HTTPError as answer:
                if answer.code < 500:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise self._failure(f"no answer to {path} after {START_LIMIT:.0f} s")

    def check(self) -> None:
        """Raise ServerFailed if the process has ended."""
        if self._process.poll() is not None:
            raise self._failure(f"ended with {self._process.returncode}")

    def _failure(self, what: str) -> ServerFailed:
        """Stop what is left of the server and say what happened."""
        text = f"{what}: {self.tail()}"
        self.stop()
        return ServerFailed(text)

    def tail(self) -> str:
        """The end of what the server printed, on one line."""
        return " / ".join(self._log.read_text(errors="replace").splitlines()[-4:])

    @property
    def pids(self) -> list[int]:
        """The processes that do the work: a master's workers, or the process itself where it has none."""
        return descendants(self._process.pid) or [self._process.pid]

    def stop(self) -> None:
        """End the process and its children, politely for a few seconds, then not; remove the scratch folder."""
        if self in _running:
            _running.remove(self)
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)


def scratch_folder() -> Path:
    """A new folder for what one server keeps; it goes with the server."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    _folders.append(folder)
    folder.chmod(0o755)  # nginx drops its privileges in the worker
    return folder


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def stop_all() -> None:
    """Stop every server that is still running, and remove what any of them has left."""
    while _running:
        _running[-1].stop()
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)


def stop_all_at_exit(limit: int) -> None:
    """However this process ends, no server outlives it; after ``limit`` seconds it ends by itself."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(f"stopped by {signal.Signals(number).name}")

    atexit.register(stop_all)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, leave)
    signal.alarm(limit)
