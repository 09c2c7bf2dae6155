"""One server for most tests, without limits on rates; tests that need other settings start their own."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import Server, serving
from tests.sockets.clients import Connect, connecting
from tests.sockets.phoenix import OK, Enter, Phoenix


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


@pytest.fixture
def enter(server: Server) -> Iterator[Enter]:
    """A function that connects a client of Phoenix channels: ``enter(token, vsn, topic=…, payload=…)``.

    With a topic it has joined that, and read what came.
    """
    made: list[Phoenix] = []

    def connect(
        token: str | None = None, vsn: str = "2.0.0", topic: str = "", payload: Any = None, **options: Any
    ) -> Phoenix:
        client = Phoenix(server, token, vsn, **options)
        made.append(client)
        if topic:
            assert client.join_topic(topic, payload) == OK
            client.sync()
        return client

    yield connect
    for client in made:
        client.end()
