"""Pings: the server asks whether a client is still there, and gives up on one that does not answer."""

import time
from collections.abc import Iterator

import pytest

from tests.servers import Server, rule, serving
from tests.sockets.clients import connecting, pump

INTERVAL, TIMEOUT = 0.4, 0.4


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(ping_interval=INTERVAL, ping_timeout=TIMEOUT, limit_messages_per_minute=0) as server:
        server.publish(rule("a", "A P M"))
        yield server


def test_a_client_that_answers_stays(server: Server) -> None:
    with connecting(server) as connect:
        client = connect()
        client.join("a")
        began = time.monotonic()
        while client.pings < 5:
            client._read(time.monotonic() + 5)
        assert time.monotonic() - began >= 3 * INTERVAL
        client.say("a", "still here")
        assert client.take("message")["payload"] == "still here"


def test_a_client_that_never_answers_is_closed(server: Server) -> None:
    with connecting(server) as connect:
        watcher, silent = connect(), connect()
        silent.answers_pings = False
        watcher.join("a", presence=True)
        silent.join("a")
        assert len(watcher.take("presence_full")["payload"]["presence"]) == 1
        assert watcher.take("presence_update")["payload"]["action"] == "join"
        began = time.monotonic()
        pump(lambda: silent.ended, watcher, silent)
        assert silent.close_code == 1011  # Xano's SDK comes back after it
        assert INTERVAL * 0.5 < time.monotonic() - began < 5
        assert watcher.take("presence_update")["payload"]["action"] == "leave"


def test_a_client_that_is_gone_without_a_word_is_noticed(server: Server) -> None:
    """Its socket stays open and takes what is sent, but nobody is behind it: the close is not answered either."""
    with connecting(server) as connect:
        watcher, dead = connect(), connect()
        watcher.join("a", presence=True)
        dead.join("a")
        assert watcher.take("presence_full")
        assert watcher.take("presence_update")["payload"]["action"] == "join"
        assert watcher.take("presence_update", 10)["payload"]["action"] == "leave"


def test_any_frame_shows_that_a_client_lives(server: Server) -> None:
    with connecting(server) as connect:
        client = connect()
        client.answers_pings = False
        client.join("a")
        ends = time.monotonic() + 3 * (INTERVAL + TIMEOUT)
        number = 0
        while time.monotonic() < ends:
            number += 1
            client.say("a", number)
            while client.next(5)["payload"] != number:
                pass
        assert client.pings >= 2
