"""One server for most tests, without limits on rates; tests that need other settings start their own."""

from collections.abc import Iterator

import pytest

from tests.servers import Server, serving
from tests.sockets.clients import Connect, connecting


@pytest.fixture(scope="session")
def shared_server() -> Iterator[Server]:
    """The server that all tests use that change nothing but rules."""
    with serving(limit_messages_per_minute=0, limit_channels_per_client=1000) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """The shared server; afterwards it must still serve, with nobody left on it and nothing wrong in its log."""
    said = len(shared_server.log)
    yield shared_server
    shared_server.publish()
    assert "Traceback" not in shared_server.log[said:], shared_server.log[said:]


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    """A function that connects a client to the shared server: ``connect(token, **options)``."""
    with connecting(server) as connect:
        yield connect
