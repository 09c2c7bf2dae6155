"""What triggers add to a message, in a room of two on Tidegate alone: CPU of the server, all its threads together.

Each state is a server of its own: one without any trigger, another just like it (so that one sees what chance alone
makes), one on which every rule but the one that decides has triggers, and one whose rule runs a stack of a condition, a
rate limit that is never reached and a JavaScript function, on every message. All are up at once and take turns in
short spells, which share whatever else the machine does. What is added, and the ratio, are of figures of one round.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import tidegate
from bench.crowd import Crowd
from bench.results import Results
from bench.scenarios.gathering import gathered
from bench.scenarios.settings import Settings
from bench.servers import Server, scratch_folder
from bench.traffic import Room, bursts

NAME = "triggers"
TITLE = "Triggers: what they add to a message in a room of two"
UNIT = "µs server CPU per message"
IN_FLIGHT = (1, 16)
ROOM = "bench/pair"
MEMBERS = 2
WITHOUT, AGAIN = "no triggers", "no triggers, another server"
OTHERS, STACK = "triggers on all other rules", "condition, rate limit, JavaScript"
ADDED, RATIO = "{} in flight: added", "{} in flight: ÷ without"
PARTS = 6
"""Spells that make a round."""
FUNCTION = """async function (event) {
  const text = String(event.payload.text ?? event.payload);
  if (text.includes("casino")) throw new Error("Mind your words, please.");
  return event;
}"""
STEPS = (
    {"type": "condition", "expression": "event.channel.startsWith('bench/')"},
    {"type": "rate_limit", "limit": 1_000_000, "seconds": 60, "per": "user"},
    {"type": "javascript", "code": FUNCTION},
)
TRIGGER = {"name": "guard", "events": ["message"], "steps": STEPS}
DECIDES = "bench/*"
STATES = {
    WITHOUT: (),
    AGAIN: (),
    OTHERS: tidegate.DECOYS,
    STACK: (DECIDES,),
}
"""The targets that have the trigger."""


def run(settings: Settings, results: Results, say: Callable[[str], None]) -> None:
    """All sittings. Raises what servers and crowds raise; what was measured until then stays."""
    number = 0
    for sitting in range(settings.sittings):
        say(f"{NAME} {sitting + 1}: {', '.join(STATES)}")
        with ExitStack() as stack:
            places = {state: stack.enter_context(_place(targets)) for state, targets in STATES.items()}
            for _ in range(settings.turns):
                _round(places, number, settings, results)
                number += 1


@contextmanager
def _place(targets: tuple[str, ...]) -> Iterator[tuple[Server, Crowd, list[Room]]]:
    folder: Path = scratch_folder()
    instance = tidegate.prepare(folder, {target: [TRIGGER] for target in targets})
    # Crowds answer no pings, and a ping would be taken for a part of a delivery.
    server = tidegate.serve(instance, folder, {"TIDEGATE_PING_INTERVAL": "3600"})
    try:
        with gathered(tidegate.Tidegate(), server, [ROOM] * MEMBERS) as (crowd, rooms):
            yield server, crowd, rooms
    finally:
        server.stop()


def _round(
    places: dict[str, tuple[Server, Crowd, list[Room]]], number: int, settings: Settings, results: Results
) -> None:
    states = list(places)
    for in_flight in IN_FLIGHT:
        cpu, messages = dict.fromkeys(states, 0.0), dict.fromkeys(states, 0)
        for part in range(PARTS):
            for turn in range(len(states)):
                state = states[(number + part + turn) % len(states)]
                load = bursts(*places[state], in_flight, settings.turn_warm_up, settings.turn_seconds / PARTS)
                cpu[state] += load.cpu
                messages[state] += load.deliveries // MEMBERS
        costs = {state: cpu[state] / messages[state] * 1e6 for state in states}
        for state, cost in costs.items():
            results.add(NAME, f"{in_flight} in flight", state, number, cost)
            if state != WITHOUT:
                results.add(NAME, ADDED.format(in_flight), state, number, cost - costs[WITHOUT])
                results.add(NAME, RATIO.format(in_flight), state, number, cost / costs[WITHOUT])
