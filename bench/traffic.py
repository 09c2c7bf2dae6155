"""Sending messages into rooms and waiting for their deliveries: in bursts, or at a fixed rate.

*In flight* means: written by a sender and not yet received by every member of the room. A burst of k is written by one
sender in one ``send`` and the next burst, wherever it goes, is written only when each member has received all k. The
sender is a member and receives its own messages, so a message to a room of n makes n deliveries with every peer.
"""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from bench.crowd import Crowd, Stalled
from bench.machine import cpu_seconds
from bench.payload import MARK
from bench.servers import Server

STALL_LIMIT = 20.0
CALIBRATION_LIMIT = 5.0


@dataclass(frozen=True)
class Room:
    """A sender in a room: where it writes, one message as it writes it, and the bytes that this brings to each member.

    ``sizes`` are in the order in which the members came; they differ where members don't speak the same protocol.
    """

    name: str
    sender: int
    message: bytes
    sizes: tuple[int, ...]

    @property
    def members(self) -> int:
        """How many there are, the sender among them."""
        return len(self.sizes)

    @property
    def bytes_per_message(self) -> int:
        """What one message brings to all members."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Load:
    """What a spell of bursts cost: CPU seconds of the server, and how many deliveries they made.

    ``sent`` counts the messages, those of the warm-up among them.
    """

    cpu: float
    seconds: float
    deliveries: int
    sent: int

    @property
    def microseconds_per_delivery(self) -> float:
        """Server CPU per delivery."""
        return self.cpu / self.deliveries * 1e6


def calibrate(crowd: Crowd, messages: Mapping[str, bytes]) -> list[Room]:
    """Send messages into each room, one at a time, and learn how many bytes one brings to each member.

    The first client of a room is its sender. Raises Stalled unless each member received exactly one message, and again
    one in as many bytes. A first message is sent and not counted: some servers answer a first one differently.
    """
    senders: dict[str, int] = {}
    members: dict[str, list[int]] = {}
    for index, room in enumerate(crowd.rooms):
        senders.setdefault(room, index)
        members.setdefault(room, []).append(crowd.socks[index].fileno())
    crowd.drain()
    got: list[dict[int, bytes]] = []
    for _attempt in range(3):
        for room, sender in senders.items():
            crowd.socks[sender].send(messages[room])
        got.append(_until_all_have_it(crowd))
    rooms = []
    for room, fds in members.items():
        once, again = ([each.get(fd, b"") for fd in fds] for each in got[1:])
        for first, second in zip(once, again, strict=True):
            if len(first) != len(second) or first.count(MARK) != 1 or second.count(MARK) != 1:
                raise Stalled(f"one message to {room} arrived as {first[:300]!r}, and then as {second[:300]!r}")
        rooms.append(Room(room, senders[room], messages[room], tuple(map(len, again))))
    return rooms


def _until_all_have_it(crowd: Crowd) -> dict[int, bytes]:
    """What every client receives until each has the message, and nothing follows."""
    got: dict[int, bytes] = {}
    deadline = time.monotonic() + CALIBRATION_LIMIT
    while time.monotonic() < deadline:
        for fd, data in crowd.drain().items():
            got[fd] = got.get(fd, b"") + data
        if all(MARK in got.get(sock.fileno(), b"") for sock in crowd.socks):
            break
    return got


def bursts(server: Server, crowd: Crowd, rooms: Sequence[Room], in_flight: int, warm_up: float, seconds: float) -> Load:
    """Send bursts of ``in_flight`` messages, one room after another, for a while; the warm-up is not counted."""
    _, warming = _spell(crowd, rooms, in_flight, warm_up)
    pids = server.pids
    before, started = cpu_seconds(pids), time.perf_counter()
    deliveries, sent = _spell(crowd, rooms, in_flight, seconds)
    elapsed = time.perf_counter() - started
    time.sleep(0.02)  # work after the last delivery belongs to it, and the scheduler's account lags by up to a tick
    return Load(cpu_seconds(pids) - before, elapsed, deliveries, warming + sent)


def _spell(crowd: Crowd, rooms: Sequence[Room], in_flight: int, seconds: float) -> tuple[int, int]:
    """Bursts for a number of seconds, at least one; the number of deliveries, and of messages."""
    ready = [
        (crowd.socks[room.sender].send, room.message * in_flight, room.bytes_per_message * in_flight, room.members)
        for room in rooms
    ]
    deadline = time.perf_counter() + seconds
    deliveries = sent = 0
    for send, data, brings, members in cycle(ready):
        if send(data) != len(data):
            raise Stalled("the server takes no more messages")
        crowd.collect(brings, STALL_LIMIT)
        deliveries += members * in_flight
        sent += in_flight
        if time.perf_counter() >= deadline:
            break
    return deliveries, sent


def paced(crowd: Crowd, rooms: Sequence[Room], per_second: int, seconds: float) -> list[float]:
    """Send at a fixed rate, room after room, whatever comes back; the latency of each delivery in seconds.

    Latency runs from when the message was due (so a late sender doesn't hide a slow server) to when its last byte had
    been received. The load generator spins instead of sleeping: waking up would be a part of the figure.
    """
    sizes = {room.name: iter(room.sizes) for room in rooms}
    due_of: dict[int, deque[float]] = {sock.fileno(): deque() for sock in crowd.socks}
    size_of = {sock.fileno(): next(sizes[room]) for sock, room in zip(crowd.socks, crowd.rooms, strict=True)}
    queues_of: dict[str, list[deque[float]]] = {}
    for sock, room in zip(crowd.socks, crowd.rooms, strict=True):
        queues_of.setdefault(room, []).append(due_of[sock.fileno()])
    partial = dict.fromkeys(due_of, 0)
    latencies: list[float] = []
    turn = cycle([(crowd.socks[room.sender].send, room.message, queues_of[room.name]) for room in rooms])
    total = int(per_second * seconds)
    started = time.perf_counter() + 0.01
    sent = missing = 0
    while sent < total or missing:
        now = time.perf_counter()
        if sent < total and now >= (due := started + sent / per_second):
            send, message, queues = next(turn)
            send(message)
            for queue in queues:
                queue.append(due)
            missing += len(queues)
            sent += 1
        for fd, count in crowd.poll(0):
            arrived = time.perf_counter()
            partial[fd] += count
            while partial[fd] >= size_of[fd]:
                partial[fd] -= size_of[fd]
                latencies.append(arrived - due_of[fd].popleft())
                missing -= 1
        if now > started + seconds + STALL_LIMIT:
            raise Stalled(f"{missing} deliveries missing {STALL_LIMIT:.0f} s after the last message")
    return latencies
