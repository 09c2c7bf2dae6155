"""A viewer that reads nothing, or floods its socket: nobody else notices, and in the end it is told what it missed."""

import time
from collections.abc import Iterator

import pytest

from tests.servers import Server, rule, serving, until
from tests.soak.crowd import resident, worker_of
from tests.sockets.clients import Client, Connect, connecting, frame, pump
from tests.viewers import STALLED, Viewer, owner_of
from webapp.server import GRACEFUL_TIMEOUT

KEPT = 10_000
AT_ONCE = 200
ROUNDS = 75
"""More than is kept, so that what a stalled viewer did not read is gone by then."""
BLOCKED = 1.0
"""Seconds in which no byte is taken off what waits for a viewer, nor added, although much passes: five looks."""
PING, CLOSE = 0x9, 0x8


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0, inspector_messages=KEPT) as server:
        server.publish(rule("a", "A M"), rule("quiet", "A"))
        yield server
        assert "Traceback" not in server.log, server.log


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    with connecting(server) as connect:
        yield connect


@pytest.fixture
def cookie(server: Server) -> str:
    return owner_of(server)


def talk(sender: Client, rounds: int = ROUNDS) -> int:
    """Send many messages, each burst when the one before has arrived; returns how many."""
    for _ in range(rounds):
        for number in range(AT_ONCE):
            sender.say("a", {"n": number, "text": "Low water at six, all boats wait for the gate."})
        for number in range(AT_ONCE):
            assert sender.take("message")["payload"]["n"] == number
    return rounds * AT_ONCE


def talk_until_blocked(sender: Client, *viewers: Viewer) -> int:
    """Send messages until the server waits for each of these viewers, which don't read; returns how many."""
    sent, queues, since = 0, [0], time.monotonic()
    while not all(queues) or time.monotonic() - since < BLOCKED:
        sent += talk(sender, 1)
        now = [viewer.waits for viewer in viewers]
        if now != queues:
            queues, since = now, time.monotonic()
    return sent


def test_one_that_reads_again_is_told_how_much_it_missed(server: Server, connect: Connect, cookie: str) -> None:
    sender = connect()
    sender.join("a")
    with Viewer(server, cookie, **STALLED) as stalled:
        stalled.look()
        sent = talk_until_blocked(sender, stalled) + talk(sender)
        stalled.look_until(sent)
        assert stalled.told == sent
        assert stalled.missed >= ROUNDS * AT_ONCE - KEPT
        before, sent = stalled.missed, sent + talk(sender, 1)
        last = stalled.look_until(sent)
        assert (stalled.told, stalled.missed) == (sent, before)
        assert last["numbers"]["messages"] - stalled.begin["numbers"]["messages"] == sent
    until(lambda: server.call("watching") == 0)


def test_one_that_reads_is_told_the_same_while_another_is_stalled(
    server: Server, connect: Connect, cookie: str
) -> None:
    sender = connect()
    sender.join("a")
    with Viewer(server, cookie, **STALLED) as stalled, Viewer(server, cookie) as reads:
        reads.look()
        sent = talk_until_blocked(sender, stalled)
        for _ in range(10):
            sent += talk(sender, 5)
            reads.look_until(sent)
        assert (reads.told, reads.missed) == (sent, 0)


def test_what_is_held_for_them_is_bounded(server: Server, connect: Connect, cookie: str) -> None:
    """Were lines held back for each, twenty of them would need 60 MB and more for what is sent here."""
    assert server.process is not None
    worker = worker_of(server.process.pid)
    sender = connect()
    sender.join("a")
    talk(sender, 2 * KEPT // AT_ONCE)
    viewers = [Viewer(server, cookie, **STALLED) for _ in range(20)]
    talk_until_blocked(sender, *viewers)
    before = resident(worker)
    talk(sender)
    assert resident(worker) - before < 8 * 1024 * 1024
    for viewer in viewers:
        viewer.end()
    until(lambda: server.call("watching") == 0)


def test_a_goodbye_is_not_answered_within_a_line(server: Server, connect: Connect, cookie: str) -> None:
    """It was, by another greenlet than the one that waited in the middle of a frame."""
    sender = connect()
    sender.join("a")
    with Viewer(server, cookie, **STALLED) as stalled:
        talk_until_blocked(sender, stalled)
        stalled.raw(frame(PING, b"still here") + frame(CLOSE, (1000).to_bytes(2, "big")))
        assert stalled.closed() == 1000
        assert {batch["type"] for batch in stalled.frames} == {"lines"}
    until(lambda: server.call("watching") == 0)


def test_pings_without_end_do_not_stop_the_server(server: Server, connect: Connect, cookie: str) -> None:
    """Only the first 200 of each piece were looked at, the rest was kept; so was a pong for each."""
    assert server.process is not None
    worker = worker_of(server.process.pid)
    client = connect()
    client.join("a")
    pings = frame(PING) * 1000
    with Viewer(server, cookie, **STALLED) as floods:
        floods.raw(pings)
        before = resident(worker)
        for _ in range(300):
            floods.raw(pings)
            client.say("a", 1)
            client.take("message")
        assert resident(worker) - before < 2 * 1024 * 1024
        floods.raw(frame(CLOSE, (1000).to_bytes(2, "big")))
        until(lambda: server.call("watching") == 0)


def test_the_server_ends_in_time(server: Server, connect: Connect, cookie: str) -> None:
    sender, *clients = (connect() for _ in range(21))
    sender.join("a")
    for client in clients:
        client.join("quiet")
    stalled = [Viewer(server, cookie, **STALLED) for _ in range(3)]
    talk_until_blocked(sender, *stalled)
    with Viewer(server, cookie) as reads:
        told = (sender, *clients, reads)
        process = server.process
        assert process is not None
        process.terminate()
        began = time.monotonic()
        pump(lambda: all(client.ended for client in told), *told)
        assert {client.close_code for client in told} == {1012}
        assert process.wait(GRACEFUL_TIMEOUT) == 0
        assert time.monotonic() - began < GRACEFUL_TIMEOUT
    for viewer in stalled:
        viewer.end()
