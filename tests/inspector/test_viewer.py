"""A reader of the stream: a backlog, then what came since; sampled and counted exactly when it is too much."""

import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.documents import parse_document
from webapp.inspector.filters import read_filter
from webapp.inspector.lines import Scribe
from webapp.inspector.tap import Tap
from webapp.inspector.viewer import BACKLOG, DENIED_AT_ONCE, LINES_AT_ONCE, Batch, Viewer, spread


def running(tap: Tap | None = None) -> Live:
    live = Live(tap=tap)
    live.publish(parse_document({"channels": [rule("chat/*", "A M"), rule("news", "A")]}).rules)
    return live


@pytest.fixture
def live() -> Live:
    return running()


def viewer(live: Live, **arguments: str) -> Viewer:
    scribe = Scribe(live.workspace, sees_payloads=False)
    return Viewer(live.realtime.tap, scribe, read_filter(arguments).matcher())


def get(reader: Viewer) -> Batch:
    batch = reader.next()
    assert batch is not None
    return batch


def test_it_begins_with_what_passed_before_and_goes_on_without_a_gap(live: Live) -> None:
    one = live.connect("ada")
    live.send(one, "join", "chat/a", {})
    live.send(one, "message", "chat/a", "before")
    reader = viewer(live)
    begun = reader.begin()
    live.send(one, "message", "chat/a", "after")
    assert [line.action for line in begun.lines] == ["join", "message"]
    assert [line.action for line in get(reader).lines] == ["message"]
    assert reader.next() is None
    assert begun.begins


def test_the_backlog_is_bounded_and_holds_the_newest(live: Live) -> None:
    one = live.connect("ada")
    live.send(one, "join", "chat/a", {})
    for _ in range(BACKLOG + 50):
        live.send(one, "message", "chat/a", "x")
    begun = viewer(live).begin()
    ids = [record.id for record in live.realtime.tap.kept.records]
    assert [int(line.id) for line in begun.lines] == ids[-BACKLOG:]


def test_a_filter_holds_for_the_backlog_and_for_what_comes(live: Live) -> None:
    one = live.connect("ada")
    for channel in ("chat/a", "news"):
        live.send(one, "join", channel, {})
    live.send(one, "message", "news", "denied")
    reader = viewer(live, verdict="denied")
    assert [line.code for line in reader.begin().lines] == ["public_messaging_off"]
    live.send(one, "message", "chat/a", "fine")
    live.send(one, "message", "news", "denied")
    batch = get(reader)
    assert ([line.code for line in batch.lines], batch.matched) == (["public_messaging_off"], 1)


def test_too_much_at_once_is_sampled_and_counted(live: Live) -> None:
    one = live.connect("ada")
    for channel in ("chat/a", "news"):
        live.send(one, "join", channel, {})
    reader = viewer(live)
    reader.begin()
    for number in range(500):
        live.send(one, "message", "news" if number % 5 == 0 else "chat/a", number)
    batch = get(reader)
    assert (len(batch.lines), batch.matched, batch.left_out, batch.missed) == (LINES_AT_ONCE, 500, 460, 0)
    assert sum(line.verdict == "denied" for line in batch.lines) == DENIED_AT_ONCE
    ids = [int(line.id) for line in batch.lines]
    assert ids == sorted(ids)
    assert batch.numbers.messages == 400
    assert batch.numbers.denials == 100


def test_what_was_let_go_before_it_was_read_is_counted() -> None:
    live = running(Tap(messages_kept=30))
    one = live.connect("ada")
    live.send(one, "join", "chat/a", {})
    reader = viewer(live)
    reader.begin()
    for number in range(100):
        live.send(one, "message", "chat/a", number)
    batch = get(reader)
    assert (len(batch.lines), batch.left_out, batch.missed) == (30, 0, 70)
    assert batch.numbers.messages == 100


def test_whether_clients_came_or_went_is_said(live: Live) -> None:
    reader = viewer(live, channel="elsewhere")
    reader.begin()
    one = live.connect("ada")
    live.send(one, "join", "chat/a", {})
    batch = get(reader)
    assert (batch.changed, batch.lines) == (True, [])


def test_numbers_come_though_the_filter_takes_nothing(live: Live) -> None:
    one = live.connect("ada")
    live.send(one, "join", "chat/a", {})
    reader = viewer(live, channel="elsewhere")
    before = reader.begin().numbers
    live.send(one, "message", "chat/a", "x")
    batch = get(reader)
    assert batch.lines == []
    assert batch.numbers.messages - before.messages == 1


@pytest.mark.parametrize(("many", "most"), [(0, 5), (3, 5), (5, 5), (7, 5), (1000, 40), (41, 40)])
def test_a_sample_is_spread_and_ends_with_the_newest(many: int, most: int) -> None:
    chosen = spread(list(range(many)), most)
    assert len(chosen) == min(many, most)
    assert len(set(chosen)) == len(chosen)
    assert chosen == sorted(chosen)
    assert not many or chosen[-1] == many - 1
