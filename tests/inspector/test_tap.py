"""The tap keeps what has just happened, within bounds and in one order, and finds it by its number."""

import json

import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.codes import Code
from webapp.core.documents import parse_document
from webapp.inspector.capture import Capture, Mode
from webapp.inspector.records import Happening, MessageRecord, What
from webapp.inspector.tap import Ring, Tap
from webapp.realtime.events import Kind, Message, Refusal
from webapp.realtime.workspace import Workspace, WorkspaceConfig

PLACE = Workspace(WorkspaceConfig(1, "default"))


def message(number: int, payload: bytes = b"1") -> Message:
    return Message(number, "a", Kind.PUBLIC, payload)


def deliver(tap: Tap, *messages: Message, workspace: Workspace = PLACE) -> None:
    for one in messages:
        tap.delivered(workspace, one, 3, None, (), 2, 1.0, 1.5)


def refuse(tap: Tap, ref: str, code: Code = Code.NO_RULE, workspace: str = "default") -> None:
    tap.refusal(Refusal(ref, 0.0, workspace, code, code.sentence))


@pytest.fixture
def live() -> Live:
    live = Live()
    live.publish(parse_document({"channels": [rule("chat/*", "A M P")]}).rules)
    return live


def test_a_record_says_what_became_of_a_message() -> None:
    tap = Tap()
    deliver(tap, message(7))
    (record,) = tap.kept.records
    assert (record.workspace, record.id, record.version, record.recipients) == ("default", 7, 3, 2)
    assert record.published - record.received == 0.5
    assert tap.messages == 1


def test_the_oldest_go_when_there_are_too_many() -> None:
    tap = Tap(messages_kept=3)
    deliver(tap, *map(message, range(5)))
    assert [record.id for record in tap.kept.records] == [2, 3, 4]
    assert (tap.messages, tap.is_full) == (5, True)


def test_large_messages_push_out_more() -> None:
    tap = Tap(bytes_kept=100)
    deliver(tap, message(1), message(2, b"x" * 60), message(3, b"x" * 60), message(4))
    assert [record.id for record in tap.kept.records] == [3, 4]


def test_a_refusal_is_found_by_its_number() -> None:
    tap = Tap()
    for ref, code in (("1", Code.NO_RULE), ("2", Code.MUTED), ("3", Code.MUTED)):
        refuse(tap, ref, code)
    found = tap.find_refusal("2")
    assert found is not None
    assert found.code is Code.MUTED
    assert tap.find_refusal("4") is None
    assert tap.refused == {Code.NO_RULE: 1, Code.MUTED: 2}


def test_whoever_asks_gets_what_came_since_in_the_order_in_which_it_happened() -> None:
    tap = Tap()
    deliver(tap, message(1))
    refuse(tap, "2")
    deliver(tap, message(3), message(4))
    refuse(tap, "5")
    assert [record.id for record in tap.since(0)] == [1, 2, 3, 4, 5]
    assert [record.id for record in tap.since(3)] == [4, 5]
    assert tap.since(tap.noted) == []
    assert [record.id for record in tap.backwards()] == [5, 4, 3, 2, 1]


def test_what_has_been_let_go_is_missed_and_the_rest_still_comes() -> None:
    tap = Tap(messages_kept=2)
    deliver(tap, *map(message, range(1, 6)))
    refuse(tap, "6")
    assert [record.id for record in tap.since(0)] == [4, 5, 6]
    assert tap.noted == 6


def test_only_records_of_ones_own_workspace_are_found() -> None:
    tap = Tap()
    deliver(tap, message(1))
    refuse(tap, "2", workspace="other")
    assert isinstance(tap.find("default", 1), MessageRecord)
    assert tap.find("other", 1) is None
    assert tap.find("default", 2) is None
    assert tap.find("other", 2) is not None


def test_where_capture_is_off_messages_leave_no_record_and_are_counted() -> None:
    tap = Tap()
    quiet = Workspace(WorkspaceConfig(2, "quiet", capture=Capture(Mode.OFF)))
    deliver(tap, message(1), workspace=quiet)
    assert (tap.messages, len(tap.kept.records)) == (1, 0)


def test_what_happens_to_a_connection_is_noted_with_its_times(live: Live) -> None:
    one, two = live.connect("ada"), live.connect(None)
    for client in (one, two):
        live.send(client, "join", "chat/a", {})
    live.send(two, "leave", "chat/a")
    live.disconnect(one)
    tap = live.realtime.tap
    happened: list[Happening] = list(tap.happenings.records)
    assert [(h.what, h.socket_id, h.channel, h.why) for h in happened] == [
        (What.JOIN, one.id, "chat/a", ""),
        (What.JOIN, two.id, "chat/a", ""),
        (What.LEAVE, two.id, "chat/a", "left"),
        (What.LEAVE, one.id, "chat/a", "the connection ended"),
        (What.CLOSE, one.id, None, ""),
    ]
    assert happened[2].since == happened[1].id
    assert happened[3].since == happened[0].id
    assert [h.id for h in happened] == sorted(h.id for h in happened)
    assert tap.joins == 2


def test_a_change_of_rules_is_why_a_client_is_out(live: Live) -> None:
    one = live.connect(None)
    live.send(one, "join", "chat/a", {})
    live.publish(parse_document({"channels": [rule("chat/*", "M Ma")]}).rules)
    last = live.realtime.tap.happenings.records[-1]
    assert (last.what, last.why) == (What.LEAVE, "a change of the rules")


def test_a_record_knows_who_was_in_the_channel(live: Live) -> None:
    clients = [live.connect(None), live.connect("ada"), live.connect("bob")]
    for client in clients:
        live.send(client, "join", "chat/a", {})
    live.send(clients[0], "message", "chat/a", "hello")
    live.disconnect(clients[1])
    live.send(clients[0], "message", "chat/a", "again")
    first, second = live.realtime.tap.kept.records
    counted = [{kind.authenticated: count for kind, count in r.members or ()} for r in (first, second)]
    assert counted == [{False: 1, True: 2}, {False: 1, True: 1}]
    assert first.actor is clients[0].actor


def test_steps_are_timed_only_while_somebody_watches(live: Live) -> None:
    one = live.connect(None)
    live.send(one, "join", "chat/a", {})
    live.send(one, "message", "chat/a", "unseen")
    live.realtime.watch()
    live.send(one, "message", "chat/a", "seen")
    live.realtime.unwatch()
    live.send(one, "message", "chat/a", "unseen")
    before, during, after = live.realtime.tap.kept.records
    assert before.detail is None
    assert after.detail is None
    assert during.detail is not None
    assert 0 < during.detail.parsed <= during.detail.decided <= during.published <= during.detail.written
    assert during.detail.frame is None


def test_what_clients_sent_is_kept_only_in_full_capture(live: Live) -> None:
    one = live.connect(None)
    live.send(one, "join", "chat/a", {})
    for until in (0.0, 4e9):
        live.workspace.config = WorkspaceConfig(1, "default", live.workspace.rules, capture=Capture(until=until))
        live.workspace.set_capture(1e9)
        live.send(one, "message", "chat/a", "hello")
        live.send(one, "message", "nowhere", "hello")
    plain, full = live.realtime.tap.kept.records
    assert plain.detail is None
    assert full.detail is not None
    assert json.loads(full.detail.frame or b"")["payload"] == "hello"
    refused_before, refused = live.realtime.tap.refusals.records
    assert refused_before.frame is None
    assert json.loads(refused.frame or b"")["payload"] == "hello"
    assert refused.told == refused.code.sentence


def test_nothing_piles_up_while_payloads_are_captured_and_nobody_watches(live: Live) -> None:
    """What waits to be marked as written was collected without anyone who ever would."""
    one = live.connect(None)
    live.send(one, "join", "chat/a", {})
    live.workspace.config = WorkspaceConfig(1, "default", live.workspace.rules, capture=Capture(until=4e9))
    live.workspace.set_capture(1e9)
    for _ in range(100):
        live.send(one, "message", "chat/a", "hello")
    assert live.realtime.tap._unwritten == []


def test_a_ring_forgets_bytes_with_their_records() -> None:
    ring: Ring[MessageRecord] = Ring(2, 10**6)
    for number in range(100):
        record = MessageRecord(number, "w", message(number, b"x" * 1000), 1, None, (), 1, 0.0, 0.0)
        ring.add(record, record.size)
    assert ring._bytes == sum(record.size for record in ring.records) == 2000
