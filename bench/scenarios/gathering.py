"""Clients that have come together in rooms, for the scenarios in which messages flow."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench.adapters import Peer
from bench.crowd import Crowd, Step
from bench.machine import settle
from bench.servers import Server
from bench.traffic import Room, calibrate


@contextmanager
def gathered(peer: Peer, server: Server, members: Sequence[str]) -> Iterator[tuple[Crowd, list[Room]]]:
    """A crowd with one client for each entry of ``members`` (its room), calibrated; it leaves at the end."""
    ways = {room: peer.arrive(room) for room in set(members)}
    messages = {room: peer.publish(room) for room in ways}
    with arrived(peer.crowd(server), server, [(room, ways[room]) for room in members], messages, peer.greeting) as come:
        yield come


@contextmanager
def arrived(
    crowd: Crowd,
    server: Server,
    arrivals: Sequence[tuple[str, Sequence[Step]]],
    messages: Mapping[str, bytes],
    greeting: float = 0.0,
) -> Iterator[tuple[Crowd, list[Room]]]:
    """The same with a client for each of (room, steps); ``messages`` are what the first in each room sends there.

    The first come before all others, since these, many at a time, overtake each other on their way in.
    Before and after, the server is given time to come to rest, so that neither arriving nor leaving is measured.
    """
    try:
        first: list[tuple[str, Sequence[Step]]] = []
        others: list[tuple[str, Sequence[Step]]] = []
        known: set[str] = set()
        for arrival in arrivals:
            (others if arrival[0] in known else first).append(arrival)
            known.add(arrival[0])
        crowd.open(first)
        crowd.open(others)
        time.sleep(greeting)
        settle(server.pids)
        yield crowd, calibrate(crowd, messages)
    finally:
        crowd.close()
        settle(server.pids)
