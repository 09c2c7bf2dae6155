"""Opening the inspector with a text to look for in large payloads kept the loop for seconds: nobody was served."""

import time
from collections.abc import Callable
from dataclasses import replace

import gevent
import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.documents import parse_document
from webapp.inspector.capture import Capture, Mode
from webapp.inspector.filters import Filter
from webapp.inspector.lines import Scribe
from webapp.inspector.viewer import Viewer

LARGE = [{"id": number, "name": "Fähre", "token": "x" * 30} for number in range(1500)]


@pytest.fixture
def live() -> Live:
    live = Live()
    live.publish(parse_document({"channels": [rule("a", "A M")]}).rules)
    live.workspace.config = replace(live.workspace.config, capture=Capture(Mode.FULL, time.time() + 3600))
    live.workspace.set_capture(time.time())
    return live


def turns_during(look: Callable[[], object]) -> int:
    """How often others had a turn while this looked."""
    turns = 0

    def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    running = gevent.spawn(others)
    try:
        look()
    finally:
        running.kill()
    return turns


@pytest.mark.parametrize("text", ["fähre", ""])
def test_at_the_backlog_and_at_what_came_since(live: Live, text: str) -> None:
    one = live.connect("ada")
    live.send(one, "join", "a")
    viewer = Viewer(live.realtime.tap, Scribe(live.workspace, sees_payloads=True), Filter(text=text).matcher())
    for _ in range(150):
        live.send(one, "message", "a", LARGE)
    assert turns_during(viewer.begin) >= 3
    for _ in range(150):
        live.send(one, "message", "a", LARGE)
    assert turns_during(viewer.next) >= 3


def test_what_comes_meanwhile_is_in_the_next_batch_and_its_numbers(live: Live) -> None:
    one = live.connect("ada")
    live.send(one, "join", "a")
    for _ in range(150):
        live.send(one, "message", "a", LARGE)
    viewer = Viewer(live.realtime.tap, Scribe(live.workspace, sees_payloads=True), Filter(text="fähre").matcher())
    looking = gevent.spawn(viewer.begin)
    gevent.sleep(0)
    live.send(one, "message", "a", LARGE)
    assert not looking.ready()
    begun = looking.get(timeout=30)
    assert (len(begun.lines), begun.numbers.messages) == (150, 150)
    batch = viewer.next()
    assert batch is not None
    assert (len(batch.lines), batch.numbers.messages) == (1, 151)
