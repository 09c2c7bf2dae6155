"""Clients that have come together in rooms, for the scenarios in which messages flow."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.adapters import Peer
from bench.crowd import Crowd
from bench.machine import settle
from bench.servers import Server
from bench.traffic import Room, calibrate


@contextmanager
def gathered(peer: Peer, server: Server, members: Sequence[str]) -> Iterator[tuple[Crowd, list[Room]]]:
    """A crowd with one client for each entry of ``members`` (its room), calibrated; it leaves at the end.

    Before and after, the server is given time to come to rest, so that neither arriving nor leaving is measured.
    """
    arrivals = {room: peer.arrive(room) for room in set(members)}
    crowd = peer.crowd(server)
    try:
        crowd.open([(room, arrivals[room]) for room in members])
        time.sleep(peer.greeting)
        settle(server.pids)
        yield crowd, calibrate(crowd, {room: peer.publish(room) for room in arrivals})
    finally:
        crowd.close()
        settle(server.pids)
