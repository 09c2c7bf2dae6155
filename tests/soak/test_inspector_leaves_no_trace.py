"""Half a million messages later, with viewers who came and went in every way, the server is where it was."""

import itertools
import os
import socket
import struct
import threading
import time
from collections.abc import Iterator

import pytest

from tests.servers import Server, rule, serving, until
from tests.soak.crowd import resident, worker_of
from tests.soak.flood import Flood
from tests.viewers import STALLED, Viewer, owner_of

SECONDS = min(60.0, float(os.environ.get("SOAK_SECONDS", "60")))
MESSAGES = int(500_000 * SECONDS / 60)
WARM_UP = int(200_000 * SECONDS / 60)
"""Messages with viewers who come and go, until the allocator has what it keeps."""
VIEWERS = 50
GROWTH = 4 * 1024 * 1024
ENDS_WITHIN = 3.0
"""Seconds that the end may take although viewers are stalled."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(int(SECONDS) + 240)]


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0, ping_interval=3600) as server:
        server.publish(rule("flood/*", "A M"))
        yield server
        assert server.log == ""


def test_memory_descriptors_and_greenlets_are_where_they_were(server: Server) -> None:
    cookie = owner_of(server)
    assert server.process is not None
    worker = worker_of(server.process.pid)
    with Flood(server) as flood:
        come_and_go(server, cookie, flood, WARM_UP)
        settled = state(server, worker)
        viewers = come_and_go(server, cookie, flood, MESSAGES)
        now = state(server, worker)
        assert viewers >= VIEWERS * SECONDS / 60
        print(f"after {viewers} viewers and {MESSAGES:,} messages: {settled} -> {now}")
        assert now[1:] == settled[1:]
        assert now[0] - settled[0] <= GROWTH

        stalled = [Viewer(server, cookie, **STALLED) for _ in range(5)]
        flood.count(20_000)
        flood.result()
    began = time.monotonic()
    assert server.stop() == 0
    took = time.monotonic() - began
    print(f"ended in {took:.1f} s")
    assert took <= ENDS_WITHIN
    for viewer in stalled:
        viewer.end()


def state(server: Server, worker: int) -> tuple[int, int, int]:
    """Bytes of memory, open descriptors and greenlets of the server when nobody watches."""
    until(lambda: server.call("watching") == 0, timeout=30)
    server.call("overview")
    return resident(worker), len(os.listdir(f"/proc/{worker}/fd")), server.call("greenlets")


def come_and_go(server: Server, cookie: str, flood: Flood, messages: int) -> int:
    """Let viewers come and go, one after the other and in every way, while messages pass; returns how many."""
    with Viewer(server, cookie) as stays, Viewer(server, cookie, **STALLED):
        stays.look()
        flood.pace(messages, max(5_000, MESSAGES / SECONDS))
        reading = threading.Thread(target=stays.look_until, args=(messages,))
        reading.start()
        for number in itertools.count():
            if flood.is_done:
                break
            visit(server, cookie, number, flood)
        assert flood.result()["sent"] == messages
        reading.join(60)
        assert stays.told == messages
        stays.leave()
    return number


def visit(server: Server, cookie: str, number: int, flood: Flood) -> None:
    """Come, look, and leave in one of the ways in which browsers do."""
    way = ("closes", "resets", "stalls, then is gone", "never looks")[number % 4]
    viewer = Viewer(server, cookie, **(STALLED if way.startswith("stalls") else {}))
    if way == "closes":
        viewer.look()
        viewer.leave()
    elif way == "resets":
        viewer.look()
        viewer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif way.startswith("stalls"):
        until(lambda: viewer.waits > 0 or flood.is_done)  # gone with much unread, which is a reset, too
    viewer.end()
