"""What others wait for while triggers are in trouble: a pair of clients at 200 messages a second, through a stack of
their own.

On the same server, on one core, eight clients send messages to a channel whose trigger never comes back by itself: an
endless loop, an endless chain of promises, and one slow call after the other. Rounds with and without that take turns.
Latency runs as in ``latency``; what the trouble adds is of two spells one right after the other.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from bench import tidegate
from bench.crowd import Crowd
from bench.results import Results
from bench.scenarios.gathering import gathered
from bench.scenarios.settings import Settings
from bench.scenarios.triggers import DECIDES, MEMBERS, ROOM, TRIGGER
from bench.servers import scratch_folder
from bench.traffic import Room, paced

NAME = "trouble"
TITLE = "Triggers in trouble: what others wait for"
UNIT = "ms from sending to receiving, in another channel"
WITHOUT, TROUBLE, ADDED = "no trouble", "triggers in trouble", "added"
ROWS = (WITHOUT, TROUBLE, ADDED)
PER_SECOND = 200
SENDERS = 8
BAD = (
    "(event) => { for (;;); }",
    "async (event) => { for (;;) await null; }",
    "(event) => { for (;;) 'x'.repeat(1000000); }",
)
CHANNELS = dict(zip(tidegate.DECOYS, BAD, strict=False))


def run(settings: Settings, results: Results, say: Callable[[str], None]) -> None:
    """All rounds. Raises what servers and crowds raise; what was measured until then stays."""
    say(f"{NAME}: {WITHOUT}, {TROUBLE}")
    folder = scratch_folder()
    bad = {target: [_trigger(code)] for target, code in CHANNELS.items()}
    server = tidegate.serve(
        tidegate.prepare(folder, {DECIDES: [TRIGGER], **bad}), folder, {"TIDEGATE_PING_INTERVAL": "3600"}
    )
    try:
        with gathered(tidegate.Tidegate(), server, [ROOM] * MEMBERS) as (crowd, rooms):
            for number in range(settings.rounds):
                calm = _spell(crowd, rooms, settings)
                with _trouble(server.port):
                    troubled = _spell(crowd, rooms, settings)
                for variant in calm:
                    results.add(NAME, variant, WITHOUT, number, calm[variant])
                    results.add(NAME, variant, TROUBLE, number, troubled[variant])
                    results.add(NAME, variant, ADDED, number, troubled[variant] - calm[variant])
    finally:
        server.stop()


def _trigger(code: str) -> dict[str, object]:
    return {"name": "bad", "events": ["message"], "steps": [{"type": "javascript", "code": code}]}


def _spell(crowd: Crowd, rooms: list[Room], settings: Settings) -> dict[str, float]:
    paced(crowd, rooms, PER_SECOND, settings.warm_up)
    latencies = sorted(paced(crowd, rooms, PER_SECOND, settings.latency_seconds))
    return {
        "p50": median(latencies) * 1e3,
        "p99": latencies[int(len(latencies) * 0.99)] * 1e3,
        "max": latencies[-1] * 1e3,
    }


@contextmanager
def _trouble(port: int) -> Iterator[None]:
    """Clients that send to channels with bad triggers, each as soon as it is told of its last message."""
    over = threading.Event()
    begun = threading.Barrier(SENDERS + 1)
    channels = [target.replace("*", "x") for target in CHANNELS]
    senders = [
        threading.Thread(target=_send, args=(port, channels[number % len(channels)], begun, over), daemon=True)
        for number in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    begun.wait()
    try:
        yield
    finally:
        over.set()
        for sender in senders:
            sender.join()


def _send(port: int, channel: str, begun: threading.Barrier, over: threading.Event) -> None:
    def frame(action: str) -> str:
        return json.dumps({"action": action, "options": {"channel": channel}, "payload": {}})

    with connect(f"ws://127.0.0.1:{port}/rt/default", ping_interval=None) as socket:
        socket.send(frame("join"))
        socket.recv()
        socket.send(frame("message"))
        begun.wait()
        try:
            while not over.is_set():
                socket.recv(timeout=10)
                socket.send(frame("message"))
        except (WebSocketException, TimeoutError):
            return  # the round is over, or its figures say so
