"""kill -9 while rules are published and messages stored: nothing half done, nothing lost that anyone has seen."""

import contextlib
import random
import threading

import pytest

from tests.servers import Rule, Server, rule, serving, until
from tests.sockets.clients import Client, Closed, connecting


class Publisher(threading.Thread):
    """Publishes version after version, each with rules that name its number."""

    def __init__(self, server: Server, number: int) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.acknowledged = self.asked = number

    def run(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                self.asked += 1
                published = self.server.publish(*version(self.asked))
                assert published["version"] == self.asked
                self.acknowledged = self.asked


class Talker(threading.Thread):
    """Sends number after number and notes which have come back, and what a second client has seen."""

    def __init__(self, client: Client, channel: str) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.channel = channel
        self.acknowledged = -1

    def run(self) -> None:
        number = 0
        with contextlib.suppress(Closed, OSError):
            while True:
                # Some at once and some one by one: turns with one message and with many.
                burst = 1 if number % 7 else 10
                for each in range(number, number + burst):
                    self.client.say(self.channel, each)
                for _ in range(burst):
                    self.acknowledged = self.client.take("message")["payload"]
                number += burst


def version(number: int) -> list[Rule]:
    """The rules of a version: 40 targets that name it."""
    return [rule("log/*", "A M", history=1000), *(rule(f"v{number}/{each}", "A") for each in range(40))]


@pytest.mark.parametrize("times", [5, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_killed_at_any_moment(times: int) -> None:
    chance = random.Random(times)
    with serving(limit_messages_per_minute=0) as server:
        server.publish(*version(1))
        number = 1
        for turn in range(times):
            number = _kill_once(server, number, f"log/{turn}", chance)


def _kill_once(server: Server, number: int, channel: str, chance: random.Random) -> int:
    """Kill the server while it publishes and stores, look at what it finds when it comes back; the version then."""
    messages, versions = chance.randrange(1, 300), number + chance.randrange(1, 10)
    with connecting(server) as connect:
        watcher, client = connect(), connect()
        watcher.join(channel)
        client.join(channel)
        publisher, talker = Publisher(server, number), Talker(client, channel)
        publisher.start()
        talker.start()
        until(lambda: talker.acknowledged >= messages and publisher.acknowledged >= versions, 30)
        server.kill()
        publisher.join(10)
        talker.join(10)
        watcher.closed()
        seen = [frame["payload"] for frame in watcher.frames]
    server.start()
    _history_is_whole(server, channel, {talker.acknowledged, *seen})
    return _rules_are_whole(server, publisher)


def _rules_are_whole(server: Server, publisher: Publisher) -> int:
    """The old version or the new one is in force, and each that ever was is audited once."""
    found = server.call("versions")
    active: int = found["active"]
    assert active in (publisher.acknowledged, publisher.asked)
    assert found["targets"] == [row["pattern"] for row in version(active)]
    audited = [entry["after"]["version"] for entry in server.call("audited") if entry["action"] == "rules:publish"]
    assert sorted(audited)[-500:] == list(range(max(1, active - 499), active + 1))
    assert found["numbers"] == list(range(max(1, active - 99), active + 1))
    return active


def _history_is_whole(server: Server, channel: str, seen: set[int]) -> None:
    with connecting(server) as connect:
        client = connect()
        client.join(channel, history=True)
        stored = [frame["payload"] for frame in client.take("history")["payload"]["history"]]
        assert stored == list(range(stored[0], stored[-1] + 1))
        assert stored[0] == 0 or len(stored) == 1000
        assert max(seen) <= stored[-1]
        client.say(channel, "after")
        assert client.take("message")["payload"] == "after"
