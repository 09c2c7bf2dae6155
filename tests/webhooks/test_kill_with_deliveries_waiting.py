"""kill -9 with deliveries waiting: what any client has seen is delivered after the restart, nothing is lost."""

import os
import random
import threading
from collections.abc import Iterator

import pytest

from tests import postgres
from tests.receiver import receiving
from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Client, Closed, connecting

from .conftest import QUICKLY


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    settings = QUICKLY | {"webhook_retries": "0.2,0.5,1,1,1,1,1,1,1,1,1,1"}
    if request.param == "sqlite":
        with serving(**settings) as server:
            yield server
        return
    binaries = postgres.binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(postgres.MISSING)
        pytest.skip(postgres.MISSING)
    with postgres.server(binaries) as url, serving(database_url=url, **settings) as server:
        yield server


def seen_until_its_end(client: Client) -> list[int]:
    """What a client sees of its own messages, of which it always has some under way, until the server is gone."""
    seen: list[int] = []
    try:
        for number in range(100_000):
            client.say("live/a" if number % 2 else "kept/a", number)
            if number >= 8:
                seen.append(client.take("message")["payload"])
    except (Closed, OSError, TimeoutError):
        pass
    return seen + [frame["payload"] for frame in client.frames if frame["action"] == "message"]


@pytest.mark.parametrize("refuses", [True, False], ids=["nobody takes them", "while they are taken"])
def test_nothing_that_anyone_has_seen_is_lost(server: Server, refuses: bool) -> None:
    with receiving() as receiver:
        server.publish(rule("live/*", "A M"), rule("kept/*", "A M", history=1000))
        number, secret = server.call("webhook", url=receiver.url, events=["message"])
        receiver.status = 503 if refuses else 200
        with connecting(server) as connect:
            client = connect()
            client.join("live/a")
            client.join("kept/a")
            killer = threading.Timer(random.uniform(0.3, 0.8), server.kill)
            killer.start()
            seen = seen_until_its_end(client)
            killer.join()
        assert len(seen) > 20
        receiver.status = 200
        before = {request.id for request in receiver.requests}
        server.start()
        until(lambda: set(seen) <= set(receiver.payloads()), 60, "all that was seen")
        until(lambda: {row["state"] for row in server.call("deliveries", number=number)} == {"delivered"}, 60)
        rows = server.call("deliveries", number=number)
        assert {row["key"] for row in rows} == {request.id for request in receiver.requests}
        assert before <= {row["key"] for row in rows}
        for request in receiver.requests[-20:]:
            request.verified(secret)
        assert "Traceback" not in server.log


def test_what_is_under_way_when_it_is_told_to_stop_is_made_after_the_restart() -> None:
    with receiving() as receiver, serving(**QUICKLY) as server:
        server.publish(rule("*", "A M"))
        number, _ = server.call("webhook", url=receiver.url, events=["message", "leave", "channel.vacated"])
        receiver.hang = True
        with connecting(server) as connect:
            client = connect()
            client.join("a")
            client.say("a", "under way")
            client.take("message")
            until(lambda: receiver.under_way)
            server.stop()
        receiver.hang = False
        receiver.released.set()
        server.start()
        until(lambda: {row["state"] for row in server.call("deliveries", number=number)} == {"delivered"})
        told = sorted({body["type"] for body in receiver.bodies})
        assert told == ["channel.vacated", "leave", "message"]
