"""How much of everything; ``--quick`` takes less."""

from dataclasses import dataclass

ROOM_MEMBERS = 10
ROOMS = tuple(f"bench/room-{number:02}" for number in range(100))

READERS = ("", ", reader spins")
"""What is measured twice: with clients that sleep until something arrives, as clients do, and with ones that spin.

On one machine a sleeping reader is woken inside the server's ``send`` and at its expense, several µs each time; a
spinning one costs the server nothing, as clients on other machines do. Targets are held against the first.
"""


@dataclass(frozen=True)
class Settings:
    """Sizes and lengths of a run; times in seconds, of one round with one peer.

    ``sittings`` of ``turns`` rounds each are those of the inspector's states.
    """

    rounds: int = 5
    members: int = 1_000
    warm_up: float = 0.2
    seconds: float = 0.8
    latency_seconds: float = 2.0
    arrivals: int = 1_000
    idle_members: int = 9_000
    sittings: int = 3
    turns: int = 7
    turn_warm_up: float = 0.02
    turn_seconds: float = 0.8


QUICK = Settings(rounds=2, seconds=0.3, latency_seconds=1.0, arrivals=300, idle_members=1_500, sittings=1, turns=3)
