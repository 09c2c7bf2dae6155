"""A receiver, and a real server that may reach it and tries again soon."""

from collections.abc import Iterator

import pytest

from tests.receiver import Receiver, receiving
from tests.servers import Server, rule, serving
from tests.sockets.clients import Connect, connecting

QUICKLY = {
    "allow_private_addresses": "on",
    "webhook_retries": "0.1,0.2,0.4",
    "webhook_timeout": 5,
    "limit_messages_per_minute": 0,
}
"""Settings with which a server may reach a receiver on this machine, and soon tries again."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Server]:
    with serving(**QUICKLY) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """A server with open channels, whose webhooks go with the test; nothing may be wrong in its log."""
    said = len(shared_server.log)
    shared_server.publish(rule("*", "A M P V"), rule("kept/*", "A M V", history=50))
    yield shared_server
    shared_server.publish()
    for webhook in shared_server.call("webhooks"):
        shared_server.call("delete_webhook", number=webhook["id"])
    assert "Traceback" not in shared_server.log[said:], shared_server.log[said:]


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    with connecting(server) as connect:
        yield connect
