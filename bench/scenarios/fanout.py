"""One channel with 1,000 members, one of which sends: server CPU per delivery with 1 and with 64 messages in flight.

With 1, a message is sent when all 1,000 members have the one before. With 64, the sender writes 64 messages in one
``send``, as a busy publisher's do arrive, and the next 64 when all members have all of them.
"""

from bench.adapters import Peer
from bench.scenarios.gathering import gathered
from bench.scenarios.settings import READERS, Settings
from bench.servers import Server
from bench.traffic import bursts

NAME = "fanout"
TITLE = "Fan-out: one channel, 1,000 members"
UNIT = "µs server CPU per delivery"
IN_FLIGHT = (1, 64)
ROOM = "bench/everyone"


def measure(peer: Peer, server: Server, settings: Settings) -> dict[str, float]:
    """One round with one peer."""
    figures = {}
    with gathered(peer, server, [ROOM] * settings.members) as (crowd, rooms):
        for reader in READERS:
            crowd.reader_sleeps = not reader
            for in_flight in IN_FLIGHT:
                load = bursts(server, crowd, rooms, in_flight, settings.warm_up, settings.seconds)
                figures[f"{in_flight} in flight{reader}"] = load.microseconds_per_delivery
    return figures
