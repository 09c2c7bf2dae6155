"""Idle members: how much the server process grows for each of 9,000 of them (VmRSS; kernel buffers are not in it).

A fresh server takes in 200 clients first, so that what is made once doesn't count, and then the others. Each is a
member of one of 100 rooms and says nothing more. One round: the figure hardly differs from run to run.
"""

import time

from bench.adapters import Peer
from bench.machine import resident_kib, settle
from bench.scenarios.settings import ROOMS, Settings
from bench.servers import Server

NAME = "memory"
TITLE = "Memory per idle member"
UNIT = "KiB resident"
WARM_UP_CLIENTS = 200


def measure(peer: Peer, server: Server, settings: Settings) -> dict[str, float]:
    """Grow one fresh server."""
    arrivals = [(room, peer.arrive(room)) for room in ROOMS]
    crowd = peer.crowd(server)
    try:
        crowd.open([arrivals[i % len(arrivals)] for i in range(WARM_UP_CLIENTS)])
        settle(server.pids)
        before = resident_kib(server.pids)
        crowd.open([arrivals[i % len(arrivals)] for i in range(settings.idle_members)], limit=90)
        settle(server.pids, limit=2.0)
        time.sleep(0.2)
        return {"KiB": (resident_kib(server.pids) - before) / settings.idle_members}
    finally:
        crowd.close()
