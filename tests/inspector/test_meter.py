"""The numbers of the last quarter of an hour: rates, delivery times, and one workspace apart from the others."""

import gevent
import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.documents import parse_document
from webapp.inspector.meter import SAMPLES_KEPT, TIMES_LOOKED_AT, Meter, busiest, measure
from webapp.inspector.tap import Tap
from webapp.realtime.events import Kind, Message
from webapp.realtime.workspace import WorkspaceConfig


@pytest.fixture
def live() -> Live:
    live = Live()
    live.publish(parse_document({"channels": [rule("chat/*", "A M"), rule("kept/*", "A M", history=25)]}).rules)
    live.realtime.apply(WorkspaceConfig(2, "other"))
    return live


def sample(live: Live, now: float) -> None:
    live.realtime.meter.sample(live.realtime, now, 1_000_000 + now)


def note(live: Live, channel: str, published: float, took: float = 0.0, workspace: str = "default") -> None:
    message = Message(live.realtime.engine.ticks.next(), channel, Kind.PUBLIC, b"1")
    live.realtime.tap.delivered(
        live.realtime.workspaces[workspace], message, 1, None, (), 1, published - took, published
    )


@pytest.mark.parametrize("channel", ["chat/a", "kept/a"])
def test_rates_are_those_since_the_sample_before(live: Live, channel: str) -> None:
    sample(live, 100)
    assert live.realtime.meter.series("default") == []
    one, two = live.connect(None), live.connect("bob")
    for client in (one, two):
        live.send(client, "join", channel, {})
    for _ in range(10):
        live.send(one, "message", channel, "hello")
    live.send(one, "join", "nowhere", {})
    sample(live, 105)
    (taken,) = live.realtime.meter.series("default")
    assert (taken.at, taken.clients, taken.channels) == (1_000_105, 2, 1)
    assert (taken.messages, taken.deliveries, taken.denials) == (2, 4, 0.2)
    sample(live, 110)
    assert live.realtime.meter.series("default")[1].messages == 0


def test_events_of_the_server_count(live: Live) -> None:
    sample(live, 0)
    one, two = live.connect(None), live.connect("bob")
    for client in (one, two):
        live.send(client, "join", "chat/a", {})
    live.realtime.publish_event("default", "chat/a", b"1")
    live.realtime.publish_event("default", "chat/a", b"1", target_user="bob")
    sample(live, 1)
    (taken,) = live.realtime.meter.series("default")
    assert (taken.messages, taken.deliveries) == (2, 3)


def test_a_workspace_sees_nothing_of_another(live: Live) -> None:
    sample(live, 0)
    one = live.connect(None)
    live.send(one, "join", "chat/a", {})
    live.send(one, "message", "chat/a", "hello")
    note(live, "chat/a", 0.5, 0.25)
    sample(live, 1)
    (theirs,) = live.realtime.meter.series("other")
    assert (theirs.clients, theirs.channels, theirs.messages, theirs.deliveries, theirs.denials) == (0, 0, 0, 0, 0)
    assert (theirs.median, theirs.p99) == (None, None)
    (whole,) = live.realtime.meter.series()
    assert (whole.clients, whole.channels, whole.messages) == (1, 1, 2)


def test_delivery_times_are_those_of_messages_since_the_sample_before(live: Live) -> None:
    sample(live, 10)
    note(live, "a", 9.0, 5.0)
    for number in range(1, 101):
        note(live, "a", 11.0, number / 1000)
    sample(live, 15)
    sample(live, 20)
    with_times, without = live.realtime.meter.series("default")
    assert with_times.median == pytest.approx(0.051)
    assert with_times.p99 == pytest.approx(0.1)
    assert (without.median, without.p99) == (None, None)


def test_of_very_many_messages_the_newest_are_looked_at(live: Live) -> None:
    sample(live, 0)
    for number in range(TIMES_LOOKED_AT * 2):
        note(live, "a", 1.0, 9.0 if number < TIMES_LOOKED_AT else 1.0)
    sample(live, 2)
    assert live.realtime.meter.series("default")[0].p99 == 1.0


def test_a_quarter_of_an_hour_is_kept(live: Live) -> None:
    for number in range(SAMPLES_KEPT + 10):
        sample(live, number * 5)
    kept = live.realtime.meter.series("default")
    assert len(kept) == SAMPLES_KEPT == 180
    assert kept[-1].at - kept[0].at == 895


def test_a_workspace_that_is_gone_leaves_nothing(live: Live) -> None:
    sample(live, 0)
    del live.realtime.workspaces["other"]
    sample(live, 5)
    assert live.realtime.meter.series("other") == []
    assert "other" not in live.realtime.meter._before


def test_a_clock_that_stands_still_divides_by_nothing(live: Live) -> None:
    sample(live, 5)
    sample(live, 5)
    assert live.realtime.meter.series("default") == []


def test_a_fault_does_not_end_it(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    workspaces = live.realtime.workspaces
    live.realtime.workspaces = None  # type: ignore[assignment]
    greenlet = gevent.spawn(measure, live.realtime, 0.001)
    try:
        with gevent.Timeout(10):
            while not caplog.records:
                gevent.sleep(0.001)
            live.realtime.workspaces = workspaces
            while not live.realtime.meter.series("default"):
                gevent.sleep(0.001)
    finally:
        greenlet.kill()
    assert "the numbers could not be taken" in caplog.text


def test_the_busiest_channels_come_first(live: Live) -> None:
    note(live, "long ago", 100)
    for channel, times in (("quiet", 1), ("busy", 10)):
        for _ in range(times):
            note(live, channel, 1000)
    note(live, "theirs", 1000, workspace="other")
    found = busiest(live.realtime.tap, "default", 1010, 5)
    assert [(busy.channel, busy.rate) for busy in found] == [("busy", 2), ("quiet", 0.2)]
    assert len(busiest(live.realtime.tap, "default", 1010, 1)) == 1


def test_where_much_goes_on_rates_are_those_of_what_is_remembered() -> None:
    live = Live(tap=Tap(messages_kept=60))
    for number in range(120):
        note(live, "busy", 1000 + number)
    (found,) = busiest(live.realtime.tap, "default", 1120, 5)
    assert found.rate == 60


def test_a_meter_that_never_sampled_knows_nothing() -> None:
    assert Meter().series("default") == []
