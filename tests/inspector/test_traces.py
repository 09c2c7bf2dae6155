"""A record's whole way: what the judge said then, whom it reached, and what may be seen of it."""

import json
import time
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.servers import rule
from tests.sockets.live import Live, MemoryConnection
from webapp.core.documents import parse_document
from webapp.core.policy import decide
from webapp.core.ruleset import RuleSet
from webapp.inspector.capture import Capture
from webapp.inspector.lines import Scribe
from webapp.inspector.records import Record
from webapp.inspector.route import Route
from webapp.inspector.traces import HAS_NONE, NOT_CAPTURED, NOT_FOR_THIS_ROLE, Tracer
from webapp.protocols import FACES
from webapp.protocols.phoenix import PHOENIX
from webapp.realtime.connection import Connection

RULES = parse_document(
    {
        "channels": [
            rule("chat/*", "A M P V"),
            rule("team/*", "M Ma X", history=25),
            rule("silent", "X M Ma"),
            rule("news", "A"),
        ]
    }
).rules


@pytest.fixture
def live() -> Live:
    live = Live()
    live.publish(RULES)
    return live


def capture(live: Live, until: float = 4e9) -> None:
    live.workspace.config = replace(live.workspace.config, capture=Capture(until=until))
    live.workspace.set_capture(time.time())


def members(live: Live, channel: str, *users: str | None) -> list[MemoryConnection]:
    clients = [live.connect(user) for user in users]
    for client in clients:
        live.send(client, "join", channel, {})
    return clients


def last(live: Live) -> Record:
    return live.realtime.tap.since(0)[-1]


def route(live: Live, record: Record | None = None, sees_payloads: bool = True) -> Route:
    record = record or last(live)
    tracer = Tracer(Scribe(live.workspace, sees_payloads=sees_payloads), live.realtime.tap, FACES)
    return tracer.route(record, live.workspace.rules_of(getattr(record, "version", live.workspace.rules.version)))


def test_a_delivered_message_has_the_steps_of_the_judge(live: Live) -> None:
    ada, _ = members(live, "chat/a", "ada", None)
    live.send(ada, "message", "chat/a", "hello")
    found = route(live)
    decision = decide(live.workspace.rules, ada.actor, found_operation(found), "chat/a")
    assert [step.sentence for step in found.steps] == [step.sentence for step in decision.steps]
    assert (found.line.rule, found.line.version, found.line.verdict) == ("chat/*", 2, "allowed")
    assert found.sentence == "Delivered to 2 clients."
    assert found.recipients is not None
    assert {(group.who, group.count, group.allowed) for group in found.recipients.groups} == {
        ("anonymous client", 1, True),
        ("authenticated client", 1, True),
    }


def found_operation(found: Route) -> Any:
    from webapp.core.permissions import Operation

    assert found.operation is not None
    return Operation(found.operation)


def test_who_may_not_receive_is_grouped_by_reason(live: Live) -> None:
    ada, bob, ghost = members(live, "silent", "ada", "bob", None)
    live.send(ada, "message", "silent", "hello")
    found = route(live).recipients
    assert found is not None
    assert found.delivered == 2
    refused = [group for group in found.groups if not group.allowed]
    assert [(g.who, g.count, g.code) for g in refused] == [("anonymous client", 1, "anonymous_not_allowed")]
    assert {(one.socket, one.state) for one in found.named} == {
        (ada.id, "delivered"),
        (bob.id, "delivered"),
        (ghost.id, "refused"),
    }


def test_recipients_are_those_who_were_there_at_that_moment(live: Live) -> None:
    ada, leaver, closer = members(live, "chat/a", "ada", "leaver", "closer")
    live.send(ada, "message", "chat/a", "first")
    record = last(live)
    live.send(leaver, "leave", "chat/a")
    live.disconnect(closer)
    members(live, "chat/a", "late")
    live.send(leaver, "join", "chat/a", {})
    found = route(live, record).recipients
    assert found is not None
    assert sorted(one.user or "" for one in found.named) == ["ada", "closer", "leaver"]
    assert found.complete


def test_where_who_left_is_forgotten_the_route_says_so(live: Live) -> None:
    ada, gone = members(live, "chat/a", "ada", "gone")
    live.send(ada, "message", "chat/a", "first")
    record = last(live)
    live.disconnect(gone)
    happenings = live.realtime.tap.happenings
    happenings.records.clear()
    found = route(live, record).recipients
    assert found is not None
    assert (found.complete, found.delivered) == (False, 2)


def test_a_private_message_names_its_recipient_alone(live: Live) -> None:
    ada, bob, _ = members(live, "chat/a", "ada", "bob", "eve")
    live.send(ada, "message", "chat/a", "psst", socketId=bob.id)
    found = route(live)
    assert found.operation == "send_private"
    assert found.recipients is not None
    assert [(one.socket, one.state) for one in found.recipients.named] == [(bob.id, "delivered")]
    assert found.line.to == bob.id


def test_what_the_rules_said_then_is_told_under_later_ones(live: Live) -> None:
    ada = members(live, "chat/a", "ada")[0]
    live.send(ada, "message", "chat/a", "hello")
    record = last(live)
    live.publish(parse_document({"channels": [rule("chat/*", "A")]}).rules)
    assert route(live, record).steps[-1].state == "granted"
    assert (route(live, record).line.version, route(live, record).line.rule) == (2, "chat/*")


def test_rules_that_are_gone_leave_a_sentence_instead_of_steps(live: Live) -> None:
    ada = members(live, "chat/a", "ada")[0]
    live.send(ada, "message", "chat/a", "hello")
    record = last(live)
    for _ in range(20):
        live.publish(RULES)
    found = route(live, record)
    assert found.steps == []
    assert "version 2" in found.unknown


def test_a_refusal_says_what_the_judge_said_and_what_the_client_was_told(live: Live) -> None:
    ada = members(live, "news", "ada")[0]
    live.send(ada, "message", "news", "hello")
    found = route(live)
    assert (found.line.verdict, found.line.code, found.operation) == ("denied", "public_messaging_off", "send_public")
    assert found.steps[-1].state == "off"
    told = ada.take()[-1]["payload"]
    assert found.told == told["message"]
    assert found.line.id == told["ref"]
    sent = [frame for frame in found.frames if frame.direction == "sent"]
    assert [json.loads(frame.text)["payload"] for frame in sent] == [told]


def test_an_event_of_the_server_asks_no_sender(live: Live) -> None:
    members(live, "news", None)
    live.realtime.publish_event("default", "news", b"1", event="breaking", by="ada")
    found = route(live)
    assert (found.client, found.operation, found.line.by) == (None, None, "ada")
    assert found.line.what == "event breaking"
    assert found.unknown


def test_an_event_for_one_user_names_only_that_users_clients(live: Live) -> None:
    members(live, "news", "ada", "bob")
    live.realtime.publish_event("default", "news", b"1", target_user="bob")
    found = route(live).recipients
    assert found is not None
    assert [one.user for one in found.named] == ["bob"]


def test_payloads_are_shown_only_if_they_were_captured_and_to_whom_they_may(live: Live) -> None:
    ada = members(live, "chat/a", "ada")[0]
    live.send(ada, "message", "chat/a", {"text": "unseen"})
    before = last(live)
    capture(live)
    live.send(ada, "message", "chat/a", {"text": "seen", "password": "hunter2"})
    during = last(live)
    assert (route(live, before).payload, route(live, before).hidden) == (None, NOT_CAPTURED)
    assert route(live, before).frames == []
    found = route(live, during)
    assert json.loads(found.payload or "") == {"text": "seen", "password": "[redacted]"}
    assert [frame.direction for frame in found.frames] == ["received", "sent"]
    assert "hunter2" not in str(found)
    assert [frame.protocol for frame in found.frames] == ["", "xano"]
    viewer = route(live, during, sees_payloads=False)
    assert (viewer.payload, viewer.hidden, viewer.frames) == (None, NOT_FOR_THIS_ROLE, [])
    assert viewer.line.payload is None


def test_what_was_refused_is_shown_as_it_came(live: Live) -> None:
    capture(live)
    ada = members(live, "news", "ada")[0]
    live.send(ada, "message", "news", {"password": "hunter2"})
    found = route(live)
    assert json.loads(found.payload or "")["payload"] == {"password": "[redacted]"}
    assert "hunter2" not in str(found)


def test_the_stages_follow_each_other(live: Live) -> None:
    live.realtime.watch()
    for channel, expected in (
        ("chat/a", ["received", "parsed", "decided", "published", "written"]),
        ("team/a", ["received", "parsed", "decided", "stored", "published", "written"]),
    ):
        ada = members(live, channel, "ada")[0]
        live.send(ada, "message", channel, "hello")
        stages = route(live).stages
        assert [stage.name for stage in stages] == expected
        times = [stage.at for stage in stages if stage.at is not None]
        assert len(times) == len(stages)
        assert times[1:] == sorted(times[1:])


def test_what_happened_to_a_connection_has_a_line_and_its_client(live: Live) -> None:
    ada = members(live, "chat/a", "ada")[0]
    live.disconnect(ada)
    lines = [route(live, record).line for record in live.realtime.tap.since(0)]
    assert [line.what for line in lines] == [
        "joined",
        "left: the connection ended",
        "connection ended: without a close frame",
    ]
    assert route(live).hidden == HAS_NONE
    client = route(live).client
    assert client is not None
    assert (client.user, client.identity) == ("ada", {"sub": "ada"})


def test_a_recipient_that_read_too_slowly_was_cut(live: Live) -> None:
    ada, slow = members(live, "chat/a", "ada", "slow")
    live.send(ada, "message", "chat/a", "arrives")
    arrived = live.realtime.tap.kept.records[-1]
    live.send(ada, "message", "chat/a", "is lost")
    lost = live.realtime.tap.kept.records[-1]
    slow.cut_at = lost.published
    live.disconnect(slow)

    def states(record: Record) -> dict[str | None, str]:
        found = route(live, record).recipients
        assert found is not None
        return {one.user: one.state for one in found.named}

    assert states(arrived) == {"ada": "delivered", "slow": "delivered"}
    assert states(lost) == {"ada": "delivered", "slow": "cut"}


def test_each_protocol_that_was_there_is_shown_with_its_own_frame(live: Live) -> None:
    ada = members(live, "chat/a", "ada")[0]
    bob = live.connect("bob")
    bob.face = PHOENIX
    join = ["1", "1", "realtime:chat/a", "phx_join", {"config": {"broadcast": {"self": False}}}]
    live.realtime.engine.receive(cast(Connection, bob), json.dumps(join).encode())
    capture(live)
    live.send(ada, "message", "chat/a", {"n": 1})
    from_ada = last(live)
    broadcast = ["1", "2", "realtime:chat/a", "broadcast", {"type": "broadcast", "event": "e", "payload": {"n": 2}}]
    live.realtime.engine.receive(cast(Connection, bob), json.dumps(broadcast).encode())
    live.end_turn()
    from_bob = last(live)
    sent = {frame.protocol: json.loads(frame.text) for frame in route(live, from_ada).frames if frame.protocol}
    assert sorted(sent) == ["supabase", "xano"]
    assert sent["xano"]["payload"] == sent["supabase"][4]["payload"] == {"n": 1}
    sent = {frame.protocol: json.loads(frame.text) for frame in route(live, from_bob).frames if frame.protocol}
    assert list(sent) == ["xano"], "who does not hear itself is sent nothing"
    assert (sent["xano"]["payload"], sent["xano"]["options"]["event"]) == ({"n": 2}, "e")
    assert json.loads(route(live, from_bob).frames[0].text) == broadcast
    reached = route(live, from_bob).recipients
    assert reached is not None
    assert [one.user for one in reached.named] == ["ada"], "who does not hear itself is no recipient"
    live.disconnect(bob)
    carol = members(live, "chat/a", "carol")[0]
    live.disconnect(ada)
    sent_over = [frame.protocol for frame in route(live, from_ada).frames if frame.direction == "sent"]
    assert sorted(sent_over) == ["supabase", "xano"], "also when they have left"
    whisper = ["1", "3", "chat/a", "private_message", {"target_client_id": carol.id}]
    dan = live.connect("dan")
    dan.face = PHOENIX
    for frame in (["1", "1", "chat/a", "phx_join", {}], whisper):
        live.realtime.engine.receive(cast(Connection, dan), json.dumps(frame).encode())
    live.end_turn()
    frames = [(frame.protocol, frame.to) for frame in route(live).frames if frame.direction == "sent"]
    assert frames == [("xano", "each recipient"), ("phoenix", "its sender")]


def test_a_refusal_is_shown_as_it_was_answered(live: Live) -> None:
    bob = live.connect("bob")
    bob.face = PHOENIX
    for frame in (["7", "7", "news", "phx_join", {}], ["7", "8", "news", "message", {}]):
        live.realtime.engine.receive(cast(Connection, bob), json.dumps(frame).encode())
    live.end_turn()
    told: Any = bob.take()[-1]
    assert (told[:4], told[4]["status"]) == (["7", "8", "news", "phx_reply"], "error")
    (sent,) = [frame for frame in route(live).frames if frame.direction == "sent"]
    assert json.loads(sent.text) == told
    live.publish(RuleSet())
    closed: Any = bob.take()[-1]
    assert closed[3] == "phx_close"
    (sent,) = [frame for frame in route(live).frames if frame.direction == "sent"]
    assert json.loads(sent.text) == closed
