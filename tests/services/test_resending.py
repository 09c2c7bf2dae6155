"""A message is sent again as its client, decided by the rules of this moment, or as an event; marked and audited."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.servers import rule
from tests.sockets.live import Live, MemoryConnection
from webapp.core.actors import Actor
from webapp.core.codes import Code
from webapp.core.documents import parse_document
from webapp.inspector.capture import Capture
from webapp.inspector.records import MessageRecord, Record
from webapp.models import Action, Workspace
from webapp.realtime.events import Refusal, Send
from webapp.realtime.workspace import WorkspaceConfig
from webapp.services import audit, resending
from webapp.services.errors import InvalidInput, NotFound
from webapp.services.resending import Original, Sent, Who

WHO = Who("grace", "web", "127.0.0.1")


@pytest.fixture
def live(app: Flask, workspace: Workspace) -> Iterator[Live]:
    live = Live()
    live.publish(parse_document({"channels": [rule("chat/*", "A M V X")]}).rules)
    capture(live)
    app.extensions["tidegate.realtime"] = live.realtime
    yield live
    del app.extensions["tidegate.realtime"]


def capture(live: Live, until: float = 4e9) -> None:
    live.workspace.config = WorkspaceConfig(1, "default", live.workspace.rules, capture=Capture(until=until))
    live.workspace.set_capture(1e9)


def publish(live: Live, letters: str) -> None:
    live.publish(parse_document({"channels": [rule("chat/*", letters)]}).rules)
    capture(live)


def members(live: Live, *users: str | None) -> list[MemoryConnection]:
    clients = [live.connect(user) for user in users]
    for client in clients:
        live.send(client, "join", "chat/a", {})
    return clients


def newest(live: Live) -> Record:
    return next(live.realtime.tap.backwards())


def original(live: Live) -> Original:
    found = resending.original(live.workspace, newest(live))
    assert found is not None
    return found


def again(live: Live, workspace: Workspace, given: Original, command: Send | None = None) -> Sent:
    assert given.payload is not None
    command = command or Send(given.channel, given.payload, given.marked, given.to)
    return resending.as_client(workspace, live.realtime, given, command, WHO, edited=False)


def heard(client: MemoryConnection) -> list[object]:
    return [frame["payload"] for frame in client.take() if frame["action"] in ("message", "event")]


def test_a_message_is_delivered_again_and_stands_in_log_and_tap(live: Live, workspace: Workspace) -> None:
    ada, bob = members(live, "ada", "bob")
    live.send(ada, "message", "chat/a", {"n": 1})
    given = original(live)
    sent = again(live, workspace, given)
    assert (heard(ada), heard(bob)) == ([{"n": 1}] * 2, [{"n": 1}] * 2)
    record = newest(live)
    assert isinstance(record, MessageRecord)
    assert (record.by, record.actor) == ("grace", ada.actor)
    assert (sent.id, sent.code, sent.sentence) == (str(record.id), None, "Delivered to 2 clients.")
    (entry,) = audit.entries(workspace.id, action=Action.MESSAGE_RESEND)
    assert entry.actor == "grace"
    assert entry.after == {
        "socket_id": ada.id, "user": "ada", "to": None, "marked": False, "bytes": 8, "channel": "chat/a",
        "again": str(given.id), "edited": False, "id": sent.id, "refused": None,
    }  # fmt: skip


def test_the_rules_of_this_moment_decide(live: Live, workspace: Workspace) -> None:
    (guest,) = members(live, None)
    live.send(guest, "message", "chat/a", "hello")
    given = original(live)
    publish(live, "A M Ma")
    guest.take()
    sent = again(live, workspace, given)
    refusal = newest(live)
    assert isinstance(refusal, Refusal)
    assert (sent.id, sent.code) == (refusal.ref, Code.AUTHENTICATION_REQUIRED)
    assert (refusal.by, refusal.received) == ("grace", refusal.refused)
    (frame,) = guest.take()
    assert frame["payload"]["ref"] == sent.id
    (entry,) = audit.entries(workspace.id, action=Action.MESSAGE_RESEND)
    assert entry.after["refused"] == "authentication_required"


def test_what_was_refused_is_sent_again_from_its_frame(live: Live, workspace: Workspace) -> None:
    publish(live, "A M Ma")
    guest, ada = members(live, None, "ada")
    live.send(guest, "message", "chat/a", {"text": "let me", "password": "x"})
    given = original(live)
    assert given.payload == b'{"text": "let me", "password": "x"}'
    publish(live, "A M")
    assert again(live, workspace, given).code is None
    assert heard(ada) == [{"text": "let me", "password": "x"}], "what is hidden from people is sent as it was"


def test_mark_and_recipient_stay(live: Live, workspace: Workspace) -> None:
    ada, bob, guest = members(live, "ada", "bob", None)
    for options in ({"authenticated": True}, {"socketId": bob.id}, {"socketId": bob.id, "authenticated": True}):
        live.send(ada, "message", "chat/a", "psst", **options)
        first = newest(live)
        again(live, workspace, original(live))
        second = newest(live)
        assert isinstance(first, MessageRecord)
        assert isinstance(second, MessageRecord)
        for name in ("kind", "authenticated", "target_id", "socket_id", "payload"):
            assert getattr(first.message, name) == getattr(second.message, name)
    assert heard(guest) == []


def test_a_message_that_the_rules_marked_is_sent_again_without_a_mark(live: Live) -> None:
    publish(live, "X")
    (ada,) = members(live, "ada")
    live.send(ada, "message", "chat/a", "plain")
    assert original(live).marked is False
    live.send(ada, "message", "chat/a", "marked", authenticated=True)
    assert original(live).marked is True


def test_a_client_that_is_gone_sends_nothing_and_nothing_is_noted(live: Live, workspace: Workspace) -> None:
    (ada,) = members(live, "ada")
    live.send(ada, "message", "chat/a", "hello")
    given = original(live)
    live.disconnect(ada)
    with pytest.raises(NotFound):
        again(live, workspace, given)
    assert audit.entries(workspace.id, action=Action.MESSAGE_RESEND) == []


def test_it_is_offered_as_an_event_instead(live: Live, workspace: Workspace) -> None:
    ada, bob, guest = members(live, "ada", "bob", None)
    live.send(ada, "message", "chat/a", "hello")
    given = original(live)
    live.disconnect(ada)
    bob.take()
    assert given.payload is not None
    command = Send("chat/a", given.payload, socket_id=bob.id)
    sent = resending.as_event(workspace, live.realtime, given, command, WHO)
    live.end_turn()
    assert (heard(bob), heard(guest)) == ([{"data": "hello"}], ["hello"]), "only the one client that was named"
    assert sent.sentence == "Delivered to 1 client."
    (entry,) = audit.entries(workspace.id, action=Action.EVENT_SEND)
    assert (entry.after["channel"], entry.after["to"], entry.after["id"]) == ("chat/a", bob.id, sent.id)


def test_an_event_is_sent_again_as_it_was(live: Live, workspace: Workspace) -> None:
    ada, bob = members(live, "ada", "bob")
    live.realtime.publish_event("default", "chat/a", b"[1]", event="tick", client=b'{"a":1}', target_user="ada")
    live.end_turn()
    given = original(live)
    assert (given.is_event, given.event, given.to_user) == (True, "tick", "ada")
    assert given.payload is not None
    resending.as_event(workspace, live.realtime, given, Send("chat/a", given.payload), WHO)
    live.end_turn()
    first, second = (f for f in ada.take() if f["action"] == "event")
    assert first == second
    assert heard(bob) == []


def test_nothing_that_was_not_captured_can_be_sent_as_it_was(live: Live) -> None:
    capture(live, until=0)
    (ada,) = members(live, "ada")
    live.workspace.captured._periods.clear()
    live.send(ada, "message", "chat/a", "hello")
    assert original(live).payload is None
    live.send(ada, "message", "nowhere", "hello")
    assert original(live).payload is None


def test_what_was_no_message_is_not_sent_again(live: Live) -> None:
    (ada,) = members(live, "ada")
    assert resending.original(live.workspace, newest(live)) is None
    live.send(ada, "join", "nowhere", {})
    assert resending.original(live.workspace, newest(live)) is None
    live.send(ada, "shout", "chat/a", {})
    assert resending.original(live.workspace, newest(live)) is None


def test_where_nothing_is_captured_it_is_said_that_no_line_tells_of_it(live: Live, workspace: Workspace) -> None:
    (ada,) = members(live, "ada")
    live.send(ada, "message", "chat/a", "hello")
    given = original(live)
    live.workspace.is_recorded = False
    assert again(live, workspace, given) == Sent(
        None, "Let through; the inspector captures nothing here, so there is no line of it."
    )


@pytest.mark.parametrize(
    ("channel", "payload", "field"),
    [
        ("", "1", "channel"),
        ("a\nb", "1", "channel"),
        ("a", "", "payload"),
        ("a", "{", "payload"),
        ("a", "NaN", "payload"),
        ("a", "[" * 5000, "payload"),
        ("a", '"\\ud800"', "payload"),
        ("a", '"' + "x" * 65_536 + '"', "payload"),
    ],
)
def test_what_can_not_be_sent_is_told_beside_its_field(live: Live, channel: str, payload: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        resending.checked(live.realtime, channel, payload)
    assert list(refused.value.problems) == [field]


def test_json_is_sent_without_what_makes_it_legible_and_else_as_it_was_typed(live: Live) -> None:
    typed = '{\n  "n": 12345678901234567890123,\n "e": 1.50e3, "a b": [ ]\n}'
    assert resending.checked(live.realtime, "a", typed)[1] == b'{"n":12345678901234567890123,"e":1.50e3,"a b":[]}'


def test_the_kind_of_client_is_that_of_the_message(live: Live) -> None:
    (ada,) = members(live, "ada")
    ada.actor = Actor(ada.actor.kind, user_id="ada", is_test=True)
    live.send(ada, "message", "chat/a", "hello")
    given = original(live)
    assert given.actor is not None
    assert given.actor.is_test
