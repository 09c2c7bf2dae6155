"""Joining: what comes back and in which order, joining again, leaving, and what a refusal leaves as it was."""

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Connect, settle

ANONYMOUS = {"extras": {}, "permissions": {"dbo_id": 0, "row_id": 0}}


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(
        rule("chat/*", "A P M", history=25),
        rule("plain", "A M"),
        rule("members", "M Ma P"),
        rule("signed", "X P V", history=25),
    )


def test_the_answers_come_in_order(connect: Connect) -> None:
    client = connect()
    client.send("join", "chat/order", {"history": True, "presence": True})
    joined, present, history = client.sync()
    assert joined == {"action": "join", "options": {"channel": "chat/order"}, "payload": {}}
    assert present["action"] == "presence_full"
    assert present["options"] == {"channel": "chat/order"}
    (me,) = present["payload"]["presence"]
    assert me.pop("socketId")
    assert me == ANONYMOUS
    assert history == {"action": "history", "options": {"channel": "chat/order"}, "payload": {"history": []}}


@pytest.mark.parametrize("payload", [None, {}, {"history": False, "presence": False}, {"history": None}])
def test_only_what_was_asked_for_comes(connect: Connect, payload: object) -> None:
    client = connect()
    client.send("join", "chat/asked", payload)
    assert [frame["action"] for frame in client.sync()] == ["join"]


def test_a_channel_without_presence_or_history(connect: Connect) -> None:
    client = connect()
    client.send("join", "plain", {"history": True, "presence": True})
    assert [(f["action"], f["payload"]) for f in client.sync()] == [("join", {}), ("history", {"history": []})]


def test_joining_again_changes_nothing(connect: Connect) -> None:
    watcher, client = connect(), connect()
    watcher.join("chat/again", presence=True)
    client.join("chat/again", presence=True)
    first, seen = settle(client, watcher)
    assert [frame["action"] for frame in first] == ["presence_full"]
    assert [frame["action"] for frame in seen] == ["presence_full", "presence_update"]

    client.send("join", "chat/again", {"history": True, "presence": True})
    again, seen = settle(client, watcher)
    assert [frame["action"] for frame in again] == ["join", "presence_full", "history"]
    assert len(again[1]["payload"]["presence"]) == 2
    assert seen == []

    watcher.say("chat/again", "once")
    _, received = settle(watcher, client)
    assert [frame["payload"] for frame in received] == ["once"]

    client.send("leave", "chat/again")
    left, seen = settle(client, watcher)
    assert [frame["action"] for frame in left] == ["leave"]
    assert [f["payload"].get("action") for f in seen if f["action"] == "presence_update"] == ["leave"]


def test_joining_and_speaking_back_to_back(connect: Connect) -> None:
    """The SDK sends its join and the first messages without waiting."""
    client = connect()
    client.send("join", "chat/burst", {"history": True, "presence": True})
    for number in range(3):
        client.say("chat/burst", number)
    frames = client.sync()
    assert [f["action"] for f in frames] == ["join", "presence_full", "history", "message", "message", "message"]
    assert [f["payload"] for f in frames[3:]] == [0, 1, 2]


def test_leaving(connect: Connect) -> None:
    client, other = connect(), connect()
    client.join("chat/leave")
    other.join("chat/leave")
    client.send("leave", "chat/leave")
    assert client.next() == {"action": "leave", "options": {"channel": "chat/leave"}, "payload": {}}
    other.say("chat/leave", "you are gone")
    assert settle(other, client)[1] == []
    client.say("chat/leave", "still here?")
    assert client.error()["code"] == "not_joined"
    client.send("leave", "chat/leave")
    assert client.error()["code"] == "not_joined"
    assert client.join("chat/leave")["action"] == "join"


def test_a_message_before_joining(connect: Connect) -> None:
    member, stranger = connect(), connect()
    member.join("plain")
    stranger.say("plain", "let me in")
    error = stranger.error()
    assert (error["channel"], error["code"], error["message"]) == ("plain", "not_joined", "Join this channel first.")
    assert error["ref"]
    assert settle(stranger, member) == [[], []]
    stranger.send("history", "plain")
    assert stranger.error()["code"] == "not_joined"


def test_a_refused_join_keeps_the_socket(connect: Connect) -> None:
    client = connect()
    refusal = client.join("members", presence=True)
    assert refusal["options"] == {"channel": "members"}
    assert refusal["payload"]["message"] == "Anonymous clients cannot join this channel."
    assert refusal["payload"]["code"] == "anonymous_not_allowed"
    nowhere = client.join("no/rule/here")
    assert nowhere["payload"]["code"] == "no_rule"
    assert client.join("plain")["action"] == "join"
    client.say("plain", "alive")
    assert client.take("message")["payload"] == "alive"


def test_the_reference_number_finds_the_refusal(server: Server, connect: Connect) -> None:
    ref = connect().join("members")["payload"]["ref"]
    assert [r["code"] for r in server.call("refusals") if r["ref"] == ref] == ["anonymous_not_allowed"]


def test_an_anonymous_client_in_through_authenticated_messaging_is_silent(server: Server, connect: Connect) -> None:
    silent, member = connect(), connect(server.token("ann"))
    member.join("signed", presence=True)
    assert member.take("presence_full")
    silent.send("join", "signed", {"history": True, "presence": True})
    own, seen = settle(silent, member)
    assert [(f["action"], f["payload"]) for f in own] == [("join", {}), ("history", {"history": []})]
    assert [f["action"] for f in seen] == ["presence_update"]
    silent_id = seen[0]["payload"]["presence"]["socketId"]
    member.say("signed", "between us")
    member.whisper("signed", silent_id, "psst")
    server.call("event", channel="signed", data=1)
    heard, silence = settle(member, silent)
    assert sorted(f["action"] for f in heard) == ["error", "event", "message"]
    assert silence == []
    for options in ({}, {"authenticated": True}, {"socketId": silent_id}):
        silent.say("signed", "hello?", **options)
        assert silent.error()["channel"] == "signed"
    silent.send("history", "signed")
    assert silent.take("history")["payload"] == {"history": []}
    assert settle(silent, member)[1] == []
