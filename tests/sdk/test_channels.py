"""Joining, talking, presence and history through the SDK's own objects."""

from collections.abc import Callable

import pytest

from tests.sdk.users import User
from tests.servers import Server, rule, until

MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(
        rule("chat", "A P M X V", history=25),
        rule("members", "M Ma"),
        rule("news", "A", history=25, history_events=True),
    )


def only(user: User, channel: str, number: int) -> list[str]:
    """Wait until the SDK lists so many members, and return their socketIds."""

    def listed() -> list[str] | None:
        ids = [client["socketId"] for client in user.presence(channel)]
        return ids if len(ids) == number else None

    return until(listed, 10, f"{number} members") or []


def test_public_and_authenticated_messages(server: Server, user: MakeUser) -> None:
    ann, bob, guest = (
        user(server.token("ann", extras={"name": "Ann"}, dbo_id=3, row_id=8)),
        user(server.token("bob")),
        user(),
    )
    for each in (ann, bob, guest):
        each.join("chat")
    ann.say("chat", {"text": "hello"})
    for each in (ann, bob, guest):
        message = each.hears("chat", {"text": "hello"})
        assert message["client"]["extras"] == {"name": "Ann"}
        assert message["client"]["permissions"] == {"dbo_id": 3, "row_id": 8}
    bob.say("chat", "just us", authenticated=True)
    for each in (ann, bob):
        assert each.hears("chat", "just us")["options"]["authenticated"] is True
    guest.say("chat", "anyone?", authenticated=True)
    assert guest.error("chat")["payload"]["code"] == "authentication_required"
    guest.say("chat", "the end")
    for each in (ann, bob, guest):
        each.hears("chat", "the end")  # which is the next one for the guest, too


def test_presence_and_private_messages_of_three_users(server: Server, user: MakeUser) -> None:
    users: list[User] = []
    for name in ("ann", "bob", "cem"):
        users.append(user(server.token(name, extras={"name": name})))
        users[-1].join("chat", presence=True)
    ann, bob, cem = users
    ids = only(ann, "chat", 3)
    assert only(bob, "chat", 3) == only(cem, "chat", 3) == ids
    names = [client["extras"]["name"] for client in cem.presence("chat")]
    assert names == ["ann", "bob", "cem"]
    assert (ann.count("chat", "presence_update"), cem.count("chat", "presence_update")) == (2, 0)

    ann.tell("whisper", name="chat", socketId=ids[1], payload="for bob")
    assert ann.hears("chat", "for bob")["options"]["socketId"] == ids[1]
    received = bob.hears("chat", "for bob")
    assert received["options"]["socketId"] == received["client"]["socketId"] == ids[0]
    bob.tell("threadWith", name="chat", socketId=ids[0])
    assert [each["payload"] for each in bob.frame("chat", "history")["payload"]["history"]] == ["for bob"]
    cem.tell("threadWith", name="chat", socketId=ids[0])
    assert cem.frame("chat", "history")["payload"]["history"] == []
    ann.say("chat", "to all")
    cem.hears("chat", "to all")

    bob.tell("destroy", name="chat")
    assert only(ann, "chat", 2) == [ids[0], ids[2]]
    cem.process.kill()
    assert only(ann, "chat", 1) == [ids[0]]


def test_history_on_join_and_on_request(server: Server, user: MakeUser) -> None:
    ann = user(server.token("ann"))
    server.publish(rule("log", "A M", history=25))
    ann.join("log", history=True)
    assert ann.frame("log", "history")["payload"] == {"history": []}
    for number in range(3):
        ann.say("log", number)
        ann.hears("log", number)
    late = user()
    late.tell("channel", name="log", options={"history": True})
    history = late.frame("log", "history")["payload"]["history"]
    assert [(each["action"], each["payload"]) for each in history] == [("message", n) for n in range(3)]
    ann.tell("history", name="log")
    assert ann.frame("log", "history")["payload"]["history"] == history


def test_a_refused_join_reaches_on_error(user: MakeUser) -> None:
    guest = user()
    guest.tell("channel", name="members", options={})
    error = guest.error("members")
    assert error["payload"]["message"] == "Anonymous clients cannot join this channel."
    assert error["payload"]["code"] == "anonymous_not_allowed"
    guest.join("chat")  # on the same socket
    guest.say("chat", "still connected")
    guest.hears("chat", "still connected")
    assert not any("closed" in told for told in guest.seen)


def test_an_event_of_the_server(server: Server, user: MakeUser) -> None:
    guest = user()
    guest.join("news")
    assert server.call("event", channel="news", data={"headline": "hi"}, table=[5, 6])["recipients"] == 1
    event = guest.frame("news", "event")
    assert event["payload"] == {"data": {"headline": "hi"}}
    assert event["client"]["permissions"] == {"dbo_id": 5, "row_id": 6}


def test_two_channels_of_one_socket(user: MakeUser) -> None:
    guest = user()
    guest.join("chat")
    guest.join("news")
    guest.say("chat", 1)
    guest.hears("chat", 1)
    assert guest.count("news", "message") == 0


def test_an_unknown_canonical_is_told_and_not_tried_again(user: MakeUser) -> None:
    lost = user(canonical="nowhere")
    lost.tell("channel", name="chat", options={})
    assert lost.error("chat")["payload"]["message"] == "Unknown connection hash"
    assert lost.wait("the close", lambda told: "closed" in told)["closed"] == 4401
