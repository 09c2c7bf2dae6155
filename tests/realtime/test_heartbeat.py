"""The heartbeat looks after every connection for as long as the process lives."""

import gevent
import pytest
from gevent.event import Event

from tests.sockets.live import MemoryStore
from webapp.realtime.heartbeat import beat
from webapp.realtime.limits import Limits
from webapp.realtime.server import Realtime


class Watched:
    """As much of a connection as the heartbeat asks for first; the first look at it fails if it is broken."""

    id = "watched"

    def __init__(self, broken: bool) -> None:
        self.broken = broken
        self.looked_at = Event()

    @property
    def closing_since(self) -> float:
        if self.broken:
            raise RuntimeError("a fault")
        self.looked_at.set()
        return 1e12  # closing, and for no time yet


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
