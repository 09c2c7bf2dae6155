"""What one turn of the loop produces is written at its end, in order, and once to whom several frames go."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import get_hub

from webapp.realtime.turn import Recipients, Turn


class Client:
    """A connection as a turn sees one: something that is written to."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.writes.append(data)
        return len(data)


@pytest.fixture
def clients() -> list[Any]:
    return [Client(), Client()]


@pytest.fixture
def turn() -> Turn:
    return Turn(get_hub().loop)


@pytest.fixture
def readable() -> Iterator[Callable[[list[Callable[[], None]]], None]]:
    """Call functions from watchers of the loop, all in one turn of it."""
    pairs: list[tuple[socket.socket, socket.socket]] = []

    def run(functions: list[Callable[[], None]]) -> None:
        watchers = []
        for function in functions:
            here, there = socket.socketpair()
            pairs.append((here, there))
            there.send(b"x")
            watcher = get_hub().loop.io(here.fileno(), 1)
            watchers.append(watcher)

            def happened(watcher: Any = watcher, function: Callable[[], None] = function) -> None:
                watcher.stop()
                function()

            watcher.start(happened)
        while any(watcher.active for watcher in watchers):
            gevent.sleep(0.001)
        for watcher in watchers:
            watcher.close()

    yield run
    for pair in pairs:
        for sock in pair:
            sock.close()


def test_what_is_sent_in_a_greenlet_goes_at_the_end_of_the_turn(turn: Turn, clients: list[Any]) -> None:
    recipients = Recipients(clients)
    turn.send(recipients, b"a")
    turn.send(recipients, b"b")
    turn.send(clients[0], b"c")
    assert clients[0].writes == []
    gevent.sleep(0)
    assert clients[0].writes == [b"ab", b"c"]
    assert clients[1].writes == [b"ab"]


def test_a_single_event_is_written_before_the_loop_goes_on(turn: Turn, clients: list[Any], readable: Any) -> None:
    seen: list[list[bytes]] = []

    def step() -> None:
        turn.stepping = True
        turn.send(clients[0], b"a")
        turn.send(clients[0], b"b")
        turn.end_step()
        seen.append(list(clients[0].writes))

    readable([step])
    assert seen == [[b"ab"]]


def test_events_of_one_turn_travel_in_one_write(turn: Turn, clients: list[Any], readable: Any) -> None:
    recipients = Recipients(clients)
    frames = [b"a", b"b", b"c"]
    sent: list[bytes] = []
    early: list[bytes] = []

    def step() -> None:
        early.extend(clients[0].writes)
        turn.stepping = True
        frame = frames[len(sent)]
        sent.append(frame)
        turn.send(recipients, frame)
        turn.end_step()

    readable([step, step, step])
    assert early == []
    assert clients[0].writes == clients[1].writes == [b"abc"]


def test_a_step_that_sends_nothing_leaves_nothing_to_do(turn: Turn, clients: list[Any], readable: Any) -> None:
    runs: list[None] = []
    turn.before = lambda: runs.append(None)

    def step() -> None:
        turn.stepping = True
        turn.end_step()

    readable([step])
    assert runs == []
    turn.send(clients[0], b"later")
    gevent.sleep(0)
    assert clients[0].writes == [b"later"]
    assert len(runs) == 1


def test_what_must_be_stored_is_stored_first(turn: Turn, clients: list[Any], readable: Any) -> None:
    turn.before = lambda: turn.send(clients[0], b"stored")

    def step() -> None:
        turn.stepping = True
        turn.schedule()
        turn.end_step()
        assert clients[0].writes == [b"stored"]

    readable([step])
    assert clients[0].writes == [b"stored"]


def test_what_goes_to_the_parts_of_an_audience_by_turns_is_one_write_each(turn: Turn, clients: list[Any]) -> None:
    """In a channel of two protocols, 64 messages at once were 64 writes to every member, where one protocol had one."""
    parts = [Recipients(clients[:1]), Recipients(clients[1:])]
    audience = tuple(parts)
    for frames in ((b"a", b"A"), (b"b", b"B"), (b"c", b"C")):
        for recipients, frame in zip(parts, frames, strict=True):
            turn.send(recipients, frame, audience)
    turn.flush()
    assert clients[0].writes == [b"abc"]
    assert clients[1].writes == [b"ABC"]
    turn.send(parts[0], b"d", audience)
    turn.flush()
    assert clients[0].writes == [b"abc", b"d"]


def test_what_comes_in_between_stays_in_between(turn: Turn, clients: list[Any]) -> None:
    parts = [Recipients(clients[:1]), Recipients(clients[1:])]
    audience = tuple(parts)
    others = (Recipients(clients),)

    def to_all(number: bytes) -> None:
        for recipients in parts:
            turn.send(recipients, number, audience)

    to_all(b"1")
    turn.send(clients[0], b"2")
    to_all(b"3")
    turn.send(others[0], b"4", others)
    to_all(b"5")
    to_all(b"6")
    turn.flush()
    assert clients[0].writes == [b"1", b"2", b"3", b"4", b"56"]
    assert clients[1].writes == [b"1", b"3", b"4", b"56"]


def test_acknowledging_a_burst_does_not_part_what_others_get(turn: Turn, clients: list[Any]) -> None:
    """A client of Phoenix channels that sent 64 messages at once had each written to all members by itself."""
    recipients = Recipients(clients)
    for number in (b"1", b"2", b"3"):
        turn.send(recipients, number)
        turn.acknowledge(clients[0], b"ok" + number)
    turn.flush()
    assert clients[0].writes == [b"123", b"ok1ok2ok3"]
    assert clients[1].writes == [b"123"]


def test_what_else_a_client_is_told_comes_behind_its_acknowledgements(turn: Turn, clients: list[Any]) -> None:
    recipients = Recipients(clients)
    turn.send(recipients, b"1")
    turn.acknowledge(clients[0], b"ok1")
    turn.send(clients[0], b"left")
    turn.acknowledge(clients[0], b"ok2")
    turn.send(clients[0], b"closed")
    turn.flush()
    assert b"".join(clients[0].writes) == b"1ok1leftok2closed"
    assert clients[1].writes == [b"1"]
    turn.acknowledge(clients[1], b"alone")
    gevent.sleep(0)
    assert clients[1].writes == [b"1", b"alone"]
