"""A recording holds what passed while it ran, each line with its route, ends where it should, and disturbs nobody."""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import msgspec
import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.actors import AUTHENTICATED_KIND, Actor
from webapp.core.documents import parse_document
from webapp.inspector.capture import Capture
from webapp.inspector.filters import Filter, Verdict
from webapp.inspector.recording import EndedBy, Entry, checked
from webapp.inspector.tap import Tap
from webapp.realtime.workspace import WorkspaceConfig

from .recording import MEBIBYTE, recording, tracer


def begun(tap: Tap | None = None, *, full: bool = False) -> Live:
    live = Live(tap=tap)
    rules = parse_document({"channels": [rule("chat/*", "A M P V")]}).rules
    live.publish(rules)
    if full:
        live.realtime.apply(
            WorkspaceConfig(1, "default", live.workspace.rules, generation=99, capture=Capture(until=4e9))
        )
    return live


@pytest.fixture
def live() -> Live:
    return begun()


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a disk that is full there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_it_holds_what_passed_while_it_ran_with_its_routes(live: Live, tmp_path: Path) -> None:
    ada, guest = live.connect("ada"), live.connect(None)
    live.send(ada, "join", "chat/a", {})
    with recording(live, tmp_path / "r") as recorded:
        before = live.realtime.tap.noted
        live.send(guest, "join", "chat/a", {})
        live.send(ada, "message", "chat/a", "hello")
        live.send(ada, "message", "nowhere", "no")
        live.send(ada, "message", "chat/a", "psst", socketId=guest.id)
        live.disconnect(guest)
        recorded.recorder.stop(EndedBy.STOPPED)
        assert recorded.recorder.run() is EndedBy.STOPPED
    expected = [
        msgspec.to_builtins(tracer(live).route(record, live.workspace.rules))
        for record in live.realtime.tap.since(before)
    ]
    entries = recorded.items[:-1]
    assert [entry["route"] for entry in entries] == expected
    assert [entry["line"] for entry in entries] == [route["line"] for route in expected]
    assert len(expected) == 6
    assert recorded.end["by"] == "stopped"
    assert (recorded.end["lines"], recorded.end["missed"]) == (6, 0)
    for line in recorded.path.read_bytes().splitlines()[:-1]:
        assert isinstance(checked(line), Entry)


def test_only_what_the_filter_takes_is_in_it(live: Live, tmp_path: Path) -> None:
    ada = live.connect("ada")
    with recording(live, tmp_path / "r", Filter(channel="chat/*", verdict=Verdict.DENIED)) as recorded:
        live.send(ada, "message", "chat/a", "not joined")
        live.send(ada, "join", "chat/a", {})
        live.send(ada, "message", "news", "elsewhere")
        recorded.recorder.read()
    assert [(line["channel"], line["code"]) for line in recorded.lines] == [("chat/a", "not_joined")]
    assert recorded.recorder.missed == 0


def test_it_ends_before_its_file_is_larger_than_it_may_be(live: Live, tmp_path: Path) -> None:
    ada = live.connect("ada")
    live.send(ada, "join", "chat/a", {})
    size = 20_000
    with recording(live, tmp_path / "r", size=size) as recorded:
        for number in range(200):
            live.send(ada, "message", "chat/a", number)
        assert recorded.recorder.run() is EndedBy.SIZE
    assert size - 3_000 < recorded.path.stat().st_size <= size
    assert recorded.path.stat().st_size == recorded.recorder.size
    assert recorded.end["by"] == "size"
    assert recorded.end["lines"] == len(recorded.lines) == recorded.recorder.lines > 5


def test_it_ends_when_its_time_is_over(live: Live, tmp_path: Path) -> None:
    ada = live.connect("ada")
    with recording(live, tmp_path / "r", seconds=0.05) as recorded:
        live.send(ada, "join", "chat/a", {})
        began = time.monotonic()
        assert recorded.recorder.run() is EndedBy.TIME
        assert time.monotonic() - began < 5
    assert recorded.end["by"] == "time"
    assert len(recorded.lines) == 1


def test_what_was_gone_before_it_could_be_read_is_counted(tmp_path: Path) -> None:
    live = begun(Tap(messages_kept=5))
    ada = live.connect("ada")
    live.send(ada, "join", "chat/a", {})
    with recording(live, tmp_path / "r") as recorded:
        for turn in range(3):
            for number in range(20):
                live.send(ada, "message", "chat/a", [turn, number])
            live.send(ada, "message", "nowhere", "refused: in a ring of its own")
            recorded.recorder.read()
    assert recorded.recorder.missed == 3 * 15
    assert recorded.recorder.lines == 3 * 6


def test_the_last_whole_lines_stay_when_the_disk_is_full(live: Live, tmp_path: Path) -> None:
    ada = live.connect("ada")
    live.send(ada, "join", "chat/a", {})
    with recording(live, tmp_path / "r") as recorded:
        for number in range(50):
            live.send(ada, "message", "chat/a", number)
        with files_up_to(10_000):
            assert recorded.recorder.run() is EndedBy.DISK
    assert recorded.recorder.problem
    data = recorded.path.read_bytes()
    assert data.endswith(b"\n")
    assert len(data) == recorded.recorder.size <= 10_000
    assert recorded.recorder.lines == len(recorded.lines) > 3
    for line in data.splitlines():
        json.loads(line)


def test_a_recorder_that_must_write_much_lets_others_run(live: Live, tmp_path: Path) -> None:
    ada = live.connect("ada")
    live.send(ada, "join", "chat/a", {})
    longest = 0.0
    done = False

    def ticking() -> None:
        nonlocal longest
        last = time.thread_time()
        while not done:
            gevent.sleep(0)
            longest = max(longest, time.thread_time() - last)
            last = time.thread_time()

    with recording(live, tmp_path / "r", size=100 * MEBIBYTE) as recorded:
        for number in range(5_000):
            live.send(ada, "message", "chat/a", {"n": number, "text": "x" * 300})
        other = gevent.spawn(ticking)
        recorded.recorder.read(last=True)
        done = True
        other.join()
    assert recorded.recorder.lines + recorded.recorder.missed == 5_000
    assert longest < 0.05  # seconds of work, whatever else this machine does


def test_it_takes_a_bounded_share_of_the_time(live: Live, tmp_path: Path) -> None:
    ada = live.connect("ada")
    live.send(ada, "join", "chat/a", {})
    with recording(live, tmp_path / "r", size=100 * MEBIBYTE) as recorded:
        for number in range(3_000):
            live.send(ada, "message", "chat/a", number)
        worked, began = time.thread_time(), time.monotonic()
        recorded.recorder.read()
        worked, took = time.thread_time() - worked, time.monotonic() - began
    assert recorded.recorder.lines == 3_000
    assert worked < 0.5 * took


def test_without_the_right_to_see_payloads_none_is_written(tmp_path: Path) -> None:
    live = begun(full=True)
    ada = live.connect("ada")
    live.send(ada, "join", "chat/a", {})
    for sees, name in ((True, "full"), (False, "without")):
        with recording(live, tmp_path / name, sees_payloads=sees) as recorded:
            live.send(ada, "message", "chat/a", {"text": "marker-1", "password": "marker-2"})
            live.send(ada, "message", "chat/a", {"text": "marker-1"}, socketId="nobody")
            recorded.recorder.read()
        data = recorded.path.read_bytes()
        assert (b"marker-1" in data) is sees
        assert b"marker-2" not in data
        assert b"psst" not in data


def test_names_that_no_file_can_hold_are_written_as_escapes(live: Live, tmp_path: Path) -> None:
    """Halves of surrogate pairs in a token's claims made the line impossible to write."""
    ada = live.connect("ada")
    ada.actor = Actor(AUTHENTICATED_KIND, user_id="\ud800x", extras={"deep": {"\udfff": ["\ud800", 10**40]}})
    with recording(live, tmp_path / "r") as recorded:
        live.send(ada, "join", "chat/a", {})
        recorded.recorder.read()
    assert [line["user"] for line in recorded.lines] == ["\\ud800x"]
    (item,) = recorded.path.read_bytes().splitlines()
    assert isinstance(checked(item), Entry)
