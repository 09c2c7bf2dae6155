"""The heartbeat looks after every connection for as long as the process lives."""

from dataclasses import replace
from typing import cast

import gevent
import pytest
from gevent.event import Event

from tests.sockets.live import Live, MemoryStore
from webapp.core.actors import ANONYMOUS
from webapp.realtime.connection import Connection
from webapp.realtime.heartbeat import beat, look_after
from webapp.realtime.limits import Limits
from webapp.realtime.server import Realtime


class Watched:
    """As much of a connection as the heartbeat asks for first; the first look at it fails if it is broken."""

    id = "watched"
    quiet_until = 0.0
    connected_at = pinged_at = heard_at = 0.0
    actor = ANONYMOUS

    def __init__(self, broken: bool) -> None:
        self.broken = broken
        self.looked_at = Event()

    @property
    def closing_since(self) -> float:
        if self.broken:
            raise RuntimeError("a fault")
        self.looked_at.set()
        return -1e12  # closing, and for longer than any client may take

    def abort(self) -> None:
        """Cut; it is not gone yet."""


def test_a_fault_with_one_connection_does_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    realtime = Realtime(Limits(ping_interval=0.02, ping_timeout=0.02), MemoryStore(commits_at_once=True))
    broken, sound = Watched(broken=True), Watched(broken=False)
    realtime.connections |= {broken, sound}  # type: ignore[arg-type]
    beating = gevent.spawn(beat, realtime)
    try:
        for _ in range(3):
            sound.looked_at.clear()
            assert sound.looked_at.wait(5), "the heartbeat has ended"
    finally:
        beating.kill()
    assert "could not be looked after" in caplog.text


def test_who_is_quiet_is_looked_at_only_when_something_is_due() -> None:
    limits = Limits(ping_interval=20, ping_timeout=10)
    live = Live()
    live.realtime.limits = limits
    connection = cast(Connection, live.connect("ann"))
    connection.connected_at = connection.heard_at = 100.0
    connection.pinged_at = connection.quiet_until = 0.0
    pings: list[float] = []

    def ping(now: float) -> None:
        pings.append(now)
        connection.pinged_at = now

    connection.ping = ping  # type: ignore[method-assign]
    due = []
    for now in (101.0, 120.0, 130.5):
        look_after(live.realtime, connection, now, 0.0)
        due.append(connection.quiet_until)
        connection.heard_at = now + 0.1  # it answers
    assert pings == [120.0]
    assert due == [120.0, 130.0, 140.0]  # the next ping, the end of the wait for its answer, the next ping

    connection.actor = replace(connection.actor, expires_at=7.0)
    look_after(live.realtime, connection, 131.0, 5.0)
    assert connection.quiet_until == 133.0
