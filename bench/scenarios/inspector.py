"""What the inspector costs: fan-out to 1,000 members on Tidegate alone, with and without somebody looking.

Each state is a server of its own: one that keeps no record of messages, another just like it (so that one sees what
chance alone makes), one with the compact record and nobody watching, which is how Tidegate comes, one that captures
payloads in full, one with a viewer on all traffic that reads in a process of its own, and one with a viewer that has
stalled, so that the server can write no more to it. All are up at once and take turns. Where nobody watches, a round
is made of many short spells in turn, which share whatever else the machine does. With a viewer it is one spell, long
enough for several of its looks, and compared with a spell as long without a record. Held against the targets is the
median, over all rounds, of the ratios within a round. Servers are started anew for each sitting, because where a
process happens to lie in memory makes a per cent or two.

Throughput is deliveries by second of server CPU, so it is 1 / CPU per delivery. In the end both viewers must have been
told of exactly as many messages as were sent: those shown, those left out and those missed; the stalled one, which then
reads on, must have missed some.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import tidegate, watching
from bench.crowd import Crowd, Stalled
from bench.results import Results
from bench.scenarios.fanout import IN_FLIGHT, ROOM
from bench.scenarios.gathering import gathered
from bench.scenarios.settings import Settings
from bench.servers import Server, scratch_folder
from bench.traffic import Load, Room, bursts

NAME = "inspector"
TITLE = "The inspector: fan-out to 1,000 members, by who looks"
UNIT = "µs server CPU per delivery"
WITHOUT, AGAIN, COMPACT = "no record", "no record, another server", "compact record, nobody watches"
FULL = "full capture, nobody watches"
WATCHED, STALLED = "one viewer on all traffic", "one viewer, stalled"
_NO_RECORD = {"TIDEGATE_INSPECTOR_MESSAGES": "0"}
STEADY = "no record, longer spells"
STATES = {WITHOUT: _NO_RECORD, AGAIN: _NO_RECORD, COMPACT: {}, FULL: {}, WATCHED: {}, STALLED: {}}
ROWS = (WITHOUT, AGAIN, COMPACT, FULL, STEADY, WATCHED, STALLED)
BASES = {AGAIN: WITHOUT, COMPACT: WITHOUT, FULL: WITHOUT, WATCHED: STEADY, STALLED: STEADY}
"""What a row is compared with."""
THROUGHPUT = "{} in flight: throughput"
TOLD = "told ÷ sent"
PARTS = 6
"""Spells that make a round where nobody watches."""
KEPT = 10_000
"""Messages that the record holds by default; a viewer that has stalled for longer must have missed some."""
BLOCKED = 1.0
"""Seconds of traffic without a byte more for the stalled viewer, after which the server counts as blocked."""
BLOCKED_LIMIT = 30.0


@dataclass
class Place:
    """A server in one state, with its crowd, its viewer and how many messages were sent since that came."""

    state: str
    server: Server
    crowd: Crowd
    rooms: list[Room]
    viewer: watching.Viewer | watching.Reader | None = None
    sent: int = 0
    blocked_after: int = 0

    def spell(self, in_flight: int, seconds: float, warm_up: float = 0.0) -> Load:
        """Bursts for a while, and what they cost."""
        load = bursts(self.server, self.crowd, self.rooms, in_flight, warm_up, seconds)
        self.sent += load.sent
        return load


def run(settings: Settings, results: Results, say: Callable[[str], None]) -> None:
    """All sittings. Raises what servers and crowds raise; what was measured until then stays."""
    instance = tidegate.prepare(scratch_folder())
    link = urlsplit(tidegate.command(instance, "setup-link").split()[-1]).path
    number = 0
    for sitting in range(settings.sittings):
        say(f"{NAME} {sitting + 1}: {', '.join(STATES)}")
        with ExitStack() as stack:
            places = [stack.enter_context(_place(state, instance, settings.members)) for state in STATES]
            for place in places:
                _set_up(place, link, stack)
            for _ in range(settings.turns):
                _round(places, number, settings, results)
                number += 1
            for place in places:
                _ask_viewer(place, sitting, results)


@contextmanager
def _place(state: str, instance: Path, members: int) -> Iterator[Place]:
    own, folder = tidegate.copied(instance)
    # Crowds answer no pings, and a ping would be taken for a part of a delivery.
    server = tidegate.serve(own, folder, {"TIDEGATE_PING_INTERVAL": "3600", **STATES[state]})
    try:
        with gathered(tidegate.Tidegate(), server, [ROOM] * members) as (crowd, rooms):
            yield Place(state, server, crowd, rooms)
    finally:
        server.stop()


def _set_up(place: Place, link: str, stack: ExitStack) -> None:
    """Bring about what makes a state: a viewer, which stalls until the server waits for it, or capturing in full."""
    port = place.server.port
    if place.state == WATCHED:
        place.viewer = stack.enter_context(closing(watching.Reader(port, watching.owner(port, link))))
    elif place.state == FULL:
        watching.capture_in_full(port, watching.owner(port, link))
    elif place.state == STALLED:
        place.viewer = viewer = watching.Viewer(port, watching.owner(port, link), stalls=True)
        stack.enter_context(closing(viewer))
        waits, since, ends = 0, time.monotonic(), time.monotonic() + BLOCKED_LIMIT
        while not waits or time.monotonic() - since < BLOCKED:
            place.spell(IN_FLIGHT[1], 0.1)
            if viewer.waits != waits:
                waits, since = viewer.waits, time.monotonic()
            if time.monotonic() > ends:
                raise Stalled("the server goes on writing to a viewer that does not read")
        place.blocked_after = place.sent


def _round(places: list[Place], number: int, settings: Settings, results: Results) -> None:
    for in_flight in IN_FLIGHT:
        loads: dict[str, list[Load]] = {
            WITHOUT: [],
            AGAIN: [],
            COMPACT: [],
            FULL: [],
            STEADY: [],
            WATCHED: [],
            STALLED: [],
        }
        for row, place, seconds in _turns({place.state: place for place in places}, number, settings):
            loads[row].append(place.spell(in_flight, seconds, settings.turn_warm_up))
        costs = {
            row: sum(load.cpu for load in each) / sum(load.deliveries for load in each) for row, each in loads.items()
        }
        for row, cost in costs.items():
            results.add(NAME, f"{in_flight} in flight", row, number, cost * 1e6)
            if row in BASES:
                results.add(NAME, THROUGHPUT.format(in_flight), row, number, costs[BASES[row]] / cost)


def _turns(places: dict[str, Place], number: int, settings: Settings) -> Iterator[tuple[str, Place, float]]:
    """Which row is measured when in a round, on which server and for how long; every round in another order."""
    short = [(row, places[row]) for row in (WITHOUT, AGAIN, COMPACT, FULL)]
    long = [(STEADY, places[WITHOUT]), (WATCHED, places[WATCHED]), (STALLED, places[STALLED])]
    long = _turned(long, number)
    for part in range(PARTS):
        for row, place in _turned(short, number + part):
            yield row, place, settings.turn_seconds / PARTS
        if part % 2:
            yield *long[part // 2], settings.turn_seconds


def _turned(items: list[tuple[str, Place]], by: int) -> list[tuple[str, Place]]:
    return items[by % len(items) :] + items[: by % len(items)]


def _ask_viewer(place: Place, sitting: int, results: Results) -> None:
    """Have a viewer read all there is, and hold what it was told against what was sent."""
    viewer = place.viewer
    if viewer is None:
        return
    while place.blocked_after and place.sent < place.blocked_after + 2 * KEPT:
        place.spell(IN_FLIGHT[1], 0.5)
    told = viewer.read_until(place.sent)
    if place.blocked_after and not told.missed:
        raise Stalled(f"a viewer that had stalled missed nothing of {place.sent:,} messages: {told}")
    results.add(NAME, TOLD, place.state, sitting, told.all / place.sent)
    results.note(
        NAME, place.state, f"in the last sitting {place.sent:,} messages were sent, and it was told of {told}."
    )
