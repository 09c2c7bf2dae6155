"""100 rooms of 10 members at 500 messages a second in total: how long a delivery takes (p50, p99, worst).

Rooms take turns at a fixed rate whatever comes back. See ``traffic.paced`` for what counts as latency; the load
generator's own share (receiving ten sockets one after another) is in it, for all peers alike.
"""

from bench.adapters import Peer
from bench.scenarios.gathering import gathered
from bench.scenarios.settings import ROOM_MEMBERS, ROOMS, Settings
from bench.servers import Server
from bench.traffic import paced

NAME = "latency"
TITLE = "Latency: 100 rooms of 10 members, 500 messages a second"
UNIT = "ms from sending to receiving"
PER_SECOND = 500


def measure(peer: Peer, server: Server, settings: Settings) -> dict[str, float]:
    """One round with one peer."""
    with gathered(peer, server, ROOMS * ROOM_MEMBERS) as (crowd, rooms):
        paced(crowd, rooms, PER_SECOND, settings.warm_up)
        latencies = sorted(paced(crowd, rooms, PER_SECOND, settings.latency_seconds))
    p50, p99 = (latencies[int(len(latencies) * share)] for share in (0.5, 0.99))
    return {"p50": p50 * 1e3, "p99": p99 * 1e3, "max": latencies[-1] * 1e3}
