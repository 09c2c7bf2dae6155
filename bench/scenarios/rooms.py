"""100 rooms of 10 members: server CPU per delivery with 1 and with 16 messages in flight.

With 1, there is one message in flight in the whole server: a member of the first room sends one, and when all ten
have it a member of the second room does, and so on round all rooms. With 16, the same, but each turn is a burst of 16
written in one ``send`` by one member of one room.
"""

from bench.adapters import Peer
from bench.scenarios.gathering import gathered
from bench.scenarios.settings import READERS, ROOM_MEMBERS, ROOMS, Settings
from bench.servers import Server
from bench.traffic import bursts

NAME = "rooms"
TITLE = "Rooms: 100 rooms of 10 members"
UNIT = "µs server CPU per delivery"
IN_FLIGHT = (1, 16)


def measure(peer: Peer, server: Server, settings: Settings) -> dict[str, float]:
    """One round with one peer."""
    figures = {}
    with gathered(peer, server, ROOMS * ROOM_MEMBERS) as (crowd, rooms):
        for reader in READERS:
            crowd.reader_sleeps = not reader
            for in_flight in IN_FLIGHT:
                load = bursts(server, crowd, rooms, in_flight, settings.warm_up, settings.seconds)
                figures[f"{in_flight} in flight{reader}"] = load.microseconds_per_delivery
    return figures
