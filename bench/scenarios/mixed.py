"""Clients of several protocols in one channel: fan-out to 1,000 members on Tidegate alone, by who they are.

Each state is a server of its own: members all of one kind (Xano's, once more Xano's on another server, so that one sees
what chance alone makes, Phoenix's, Supabase's), half of one and half of another, and a third of each. The kinds come in
by turns, and the first to come sends. All servers are up at once and take turns in short spells, which share whatever
else the machine does.

A message should be encoded once for each protocol, and written once to each member. Frames of one protocol are longer
than those of another, though, so a mixture is compared with its members' own kinds: with the mean of what a delivery
costs where all are of one kind, by their share, in the same round.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import mean

from bench import tidegate
from bench.crowd import Crowd
from bench.dialects import PHOENIX, SUPABASE, XANO, Dialect
from bench.results import Results
from bench.scenarios.fanout import IN_FLIGHT, ROOM
from bench.scenarios.gathering import arrived
from bench.scenarios.settings import Settings
from bench.servers import Server, scratch_folder
from bench.traffic import Room, bursts

NAME = "mixed"
TITLE = "Protocols: fan-out to 1,000 members, by what they speak"
UNIT = "µs server CPU per delivery"
WITHOUT, AGAIN = "all Xano", "all Xano, another server"
HALF, OTHER_SENDS = "half Xano, half Phoenix", "half Phoenix, half Xano: a Phoenix client sends"
THIRDS = "a third each Xano, Phoenix, Supabase"
ALONE = {XANO: WITHOUT, PHOENIX: "all Phoenix", SUPABASE: "all Supabase"}
STATES: dict[str, Sequence[Dialect]] = {
    WITHOUT: [XANO],
    AGAIN: [XANO],
    ALONE[PHOENIX]: [PHOENIX],
    ALONE[SUPABASE]: [SUPABASE],
    HALF: [XANO, PHOENIX],
    OTHER_SENDS: [PHOENIX, XANO],
    THIRDS: [XANO, PHOENIX, SUPABASE],
}
"""Who comes in, by turns; the first of them sends."""
MIXTURES = (HALF, OTHER_SENDS, THIRDS)
TO_XANO, TO_ALONE = "{} in flight: ÷ all Xano", "{} in flight: ÷ each kind alone"
PARTS = 6
"""Spells that make a round."""

Place = tuple[Server, Crowd, list[Room]]


def run(settings: Settings, results: Results, say: Callable[[str], None]) -> None:
    """All sittings. Raises what servers and crowds raise; what was measured until then stays."""
    instance = tidegate.prepare(scratch_folder())
    number = 0
    for sitting in range(settings.sittings):
        say(f"{NAME} {sitting + 1}: {', '.join(STATES)}")
        with ExitStack() as stack:
            places = {
                state: stack.enter_context(_place(kinds, instance, settings.members)) for state, kinds in STATES.items()
            }
            for _ in range(settings.turns):
                _round(places, number, settings, results)
                number += 1


@contextmanager
def _place(kinds: Sequence[Dialect], instance: Path, members: int) -> Iterator[Place]:
    own, folder = tidegate.copied(instance)
    # Crowds answer no pings, and a ping would be taken for a part of a delivery.
    server = tidegate.serve(own, folder, {"TIDEGATE_PING_INTERVAL": "3600"})
    arrivals = [(ROOM, kind.arrive(ROOM)) for kind in kinds]
    coming = list(islice(cycle(arrivals), members))
    try:
        with arrived(Crowd(server.port), server, coming, {ROOM: kinds[0].publish(ROOM)}) as (crowd, rooms):
            yield server, crowd, rooms
    finally:
        server.stop()


def _round(places: dict[str, Place], number: int, settings: Settings, results: Results) -> None:
    states = list(places)
    for in_flight in IN_FLIGHT:
        cpu, deliveries = dict.fromkeys(states, 0.0), dict.fromkeys(states, 0)
        for part in range(PARTS):
            for turn in range(len(states)):
                state = states[(number + part + turn) % len(states)]
                load = bursts(*places[state], in_flight, settings.turn_warm_up, settings.turn_seconds / PARTS)
                cpu[state] += load.cpu
                deliveries[state] += load.deliveries
        costs = {state: cpu[state] / deliveries[state] * 1e6 for state in states}
        for state, cost in costs.items():
            results.add(NAME, f"{in_flight} in flight", state, number, cost)
            if state != WITHOUT:
                results.add(NAME, TO_XANO.format(in_flight), state, number, cost / costs[WITHOUT])
            if state in MIXTURES:
                alone = mean(costs[ALONE[kind]] for kind in STATES[state])
                results.add(NAME, TO_ALONE.format(in_flight), state, number, cost / alone)
