"""Clients coming in, 50 at a time: server CPU per client from accepting it to its being a member of a room.

A client connects, makes the WebSocket handshake (TLS's before it where that is measured), joins one of 100 rooms and
waits for the acknowledgement; peers without joins do what is their nearest to it. What leaving costs is not part of it.
A million divided by the figure is how many clients a second one core can take in.
"""

import time

from bench.adapters import Peer
from bench.machine import cpu_seconds, settle
from bench.scenarios.settings import ROOMS, Settings
from bench.servers import Server

NAME = "connect"
TITLE = "Connecting: handshake and join, 50 at a time"
UNIT = "clients a second and server core"
WARM_UP_CLIENTS = 200


def measure(peer: Peer, server: Server, settings: Settings) -> dict[str, float]:
    """One round with one peer."""
    arrivals = [(room, peer.arrive(room)) for room in ROOMS]
    crowd = peer.crowd(server)
    try:
        crowd.open([arrivals[i % len(arrivals)] for i in range(WARM_UP_CLIENTS)])
        settle(server.pids)
        pids = server.pids
        before = cpu_seconds(pids)
        crowd.open([arrivals[i % len(arrivals)] for i in range(settings.arrivals)])
        time.sleep(0.05)
        per_client = (cpu_seconds(pids) - before) / settings.arrivals
        return {"clients/s/core": 1 / per_client, "µs CPU per client": per_client * 1e6}
    finally:
        crowd.close()
        settle(server.pids)
