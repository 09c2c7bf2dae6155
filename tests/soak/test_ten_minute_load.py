"""Ten minutes of traffic with everything going on at once: order holds, nothing is lost, memory stays."""

import json
import os
import random
import time
from collections import defaultdict

import pytest

from tests.servers import Server, rule, serving
from tests.soak.crowd import Client, Crowd, deadline, resident, worker_of

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
ROOMS = 50
PER_ROOM = 10
PER_SECOND = 300
GROWTH = 1.25
"""How much more memory the end may need than the time when everything has been in use for a while."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(int(SECONDS) + 300)]


class Load:
    """Rooms whose members write numbered messages, come and go, while rules change beside them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.crowd = Crowd()
        self.dice = random.Random(1)
        self.rooms: dict[str, list[Client]] = {}
        self.sent: dict[str, int] = {}
        self.last: dict[int, int] = {}
        self.received = 0
        self.problems: list[str] = []
        self._numbers = iter(range(10**9))

    def name(self, room: int) -> str:
        # Every other room keeps history, so that storing and live delivery run side by side.
        return f"{'kept' if room % 2 else 'live'}/{room}"

    def open(self) -> None:
        for room in range(ROOMS):
            name = self.name(room)
            self.sent[name] = 0
            self.rooms[name] = [self.join(name) for _ in range(PER_ROOM)]

    def join(self, name: str) -> Client:
        client = self.crowd.add(Client(self.server.port, next(self._numbers)))
        client.send("join", name, {"history": True, "presence": True})
        return client

    def step(self) -> None:
        """One message in some room; now and then a member is replaced by a new one."""
        name = self.dice.choice(list(self.rooms))
        members = self.rooms[name]
        self.sent[name] += 1
        # One writer a room: what it writes must reach every member in this order, whatever else happens.
        members[0].send("message", name, {"number": self.sent[name]})
        if self.dice.random() < 0.01:
            leaving = members.pop(self.dice.randrange(1, len(members)))
            self.crowd.remove(leaving)
            members.append(self.join(name))

    def read(self, timeout: float) -> None:
        for client, text in self.crowd.read(timeout):
            frame = json.loads(text)
            if frame["action"] == "error":
                self.problems.append(f"an error: {frame}")
            elif frame["action"] == "history":
                kept = [entry["payload"]["number"] for entry in frame["payload"]["history"]]
                if kept:
                    self.follow(client, kept)
            elif frame["action"] == "message":
                self.received += 1
                self.follow(client, [frame["payload"]["number"]])

    def follow(self, client: Client, numbers: list[int]) -> None:
        """Each member sees consecutive numbers from the first one on, history included."""
        expected = self.last.get(client.number)
        for number in numbers:
            if expected is not None and number != expected + 1:
                self.problems.append(f"client {client.number} got {number} after {expected}")
            expected = number
        assert expected is not None
        self.last[client.number] = expected


def test_ten_minutes_of_everything() -> None:
    settings = {"limit_messages_per_minute": 0, "ping_interval": 5, "ping_timeout": 5}
    with serving(**settings) as server:
        rules = [rule("live/*", "A M P"), rule("kept/*", "A M P", history=100)]
        server.publish(*rules)
        load = Load(server)
        load.open()
        assert server.process is not None
        worker = worker_of(server.process.pid)
        started, ends = time.monotonic(), deadline(SECONDS)
        settled: int | None = None
        next_publication = started + 5
        steps = 0
        while (now := time.monotonic()) < ends:
            while steps < (now - started) * PER_SECOND:
                load.step()
                steps += 1
            load.read(0.002)
            if now > next_publication:
                next_publication += 5
                server.publish(*rules, rule(f"other/{steps}", "A"))
            if settled is None and now - started > SECONDS / 4:
                settled = resident(worker)
        quiet = deadline(5)
        while time.monotonic() < quiet:
            load.read(0.05)
        assert load.problems[:5] == []
        behind = defaultdict(list)
        for name, members in load.rooms.items():
            behind[name] = [m.number for m in members if load.last.get(m.number, load.sent[name]) != load.sent[name]]
        assert {name: late for name, late in behind.items() if late} == {}
        assert load.received > steps * PER_ROOM * 0.9
        assert settled is not None
        assert resident(worker) <= settled * GROWTH
        assert server.log == ""
        load.crowd.close()
