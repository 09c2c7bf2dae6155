"""The examples of triggers in the documentation, each as a front end with Xano's SDK would find it."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.receiver import Receiver, receiving
from tests.sdk.users import User
from tests.servers import ROOT, Server, until

MakeUser = Callable[..., User]
EXAMPLES = ROOT / "docs" / "examples" / "triggers"


def example(name: str, **replaced: str) -> list[dict[str, Any]]:
    """The rules of an example, with texts in it replaced."""
    text = (EXAMPLES / f"{name}.json").read_text()
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    rules: list[dict[str, Any]] = json.loads(text)["channels"]
    return rules


def refused(user: User, channel: str) -> tuple[str, str]:
    payload = user.error(channel)["payload"]
    return payload["code"], payload["message"]


def test_public_chat(server: Server, user: MakeUser) -> None:
    server.publish(*example("public-chat"))
    ann, guest = user(server.token("ann")), user()
    for each in (ann, guest):
        each.join("public-chat")
    guest.say("public-chat", {"text": "hello"})
    for each in (ann, guest):
        each.hears("public-chat", {"text": "hello"})


def test_a_moderated_chat_blocks_words(server: Server, user: MakeUser) -> None:
    server.publish(*example("moderated-chat"))
    ann, bob = user(server.token("ann")), user(server.token("bob"))
    for each in (ann, bob):
        each.join("moderated-chat/general")
    ann.say("moderated-chat/general", {"text": "Some SPAM for you"})
    code, message = refused(ann, "moderated-chat/general")
    assert code == "blocked_by_trigger"
    assert message
    ann.say("moderated-chat/general", {"text": "Good morning"})
    bob.hears("moderated-chat/general", {"text": "Good morning"})


def test_notifications_come_from_the_server_alone(server: Server, user: MakeUser) -> None:
    server.publish(*example("notifications"))
    guest = user()
    guest.join("notifications/all")
    guest.say("notifications/all", "me too")
    assert refused(guest, "notifications/all")[0] == "public_messaging_off"
    server.call("event", channel="notifications/all", data={"text": "Maintenance at noon"})
    assert guest.frame("notifications/all", "event")["payload"] == {"data": {"text": "Maintenance at noon"}}


def test_a_team_s_workspaces_are_for_the_team_and_logged(server: Server, user: MakeUser) -> None:
    server.publish(*example("team-workspace"))
    red, blue = user(server.token("ann", extras={"team": "red"})), user(server.token("bob", extras={"team": "blue"}))
    red.join("team/red/workspace/1")
    blue.tell("channel", name="team/red/workspace/1", options={})
    assert refused(blue, "team/red/workspace/1")[0] == "blocked_by_trigger"
    red.say("team/red/workspace/1", {"text": "our plan"})
    red.hears("team/red/workspace/1", {"text": "our plan"})
    logged = [entry["after"] for entry in server.call("audited") if entry["action"] == "trigger:log"]
    assert any(line["channel"] == "team/red/workspace/1" and "our plan" in line["text"] for line in logged), logged


def test_only_agents_write_and_are_written_to_in_private(server: Server, user: MakeUser) -> None:
    server.publish(*example("support-session"))
    ada, alan = (user(server.token(name, extras={"role": "agent"})) for name in ("ada", "alan"))
    customer = user(server.token("ann", extras={"role": "customer"}))
    for number, each in enumerate((ada, alan, customer), 1):
        each.join("support/session/7", presence=True)
        until(lambda: len(ada.presence("support/session/7")) == number, what="the member")  # noqa: B023
    ada_id, alan_id, customer_id = (client["socketId"] for client in customer.presence("support/session/7"))
    customer.say("support/session/7", "help!")
    for each in (ada, alan, customer):
        each.hears("support/session/7", "help!")
    ada.tell("whisper", name="support/session/7", socketId=alan_id, payload="yours?")
    alan.hears("support/session/7", "yours?")
    ada.hears("support/session/7", "yours?")  # the echo
    sentence = "Only agents send and receive private messages here."
    for sender, to in ((customer, ada_id), (ada, customer_id)):
        sender.tell("whisper", name="support/session/7", socketId=to, payload="psst")
        assert refused(sender, "support/session/7") == ("blocked_by_trigger", sentence)
    customer.say("support/session/7", "thanks")
    for each in (ada, alan, customer):
        each.hears("support/session/7", "thanks")  # and nothing in between


def test_five_messages_a_minute(server: Server, user: MakeUser) -> None:
    server.publish(*example("five-a-minute"))
    ann = user(server.token("ann"))
    ann.join("limited-chat/1")
    for number in range(5):
        ann.say("limited-chat/1", number)
        ann.hears("limited-chat/1", number)
    ann.say("limited-chat/1", "too many")
    assert refused(ann, "limited-chat/1") == ("blocked_by_trigger", "Rate limit exceeded")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_a_webhook_hears_of_what_is_urgent(server: Server, user: MakeUser, receiver: Receiver) -> None:
    server.publish(*example("urgent-notifications", **{"https://hooks.example.com/urgent": receiver.url}))
    guest = user()
    guest.join("notifications/all")
    for priority in ("low", "high", "low"):
        server.call("event", channel="notifications/all", data={"priority": priority})
        assert guest.frame("notifications/all", "event")["payload"] == {"data": {"priority": priority}}
    until(lambda: receiver.requests, what="the webhook")
    assert receiver.payloads() == [{"priority": "high"}]


def test_moderation_afterwards_removes_a_message(server: Server, user: MakeUser, receiver: Receiver) -> None:
    server.publish(*example("moderated-afterwards", **{"https://hooks.example.com/moderate": receiver.url}))
    ann = user(server.token("ann"))
    ann.join("open-chat/1")
    ann.say("open-chat/1", {"text": "something bad"})
    ann.hears("open-chat/1", {"text": "something bad"})
    told = until(lambda: receiver.bodies, what="the webhook")[0]["data"]
    assert told["payload"] == {"text": "something bad"}
    assert server.call("delete_message", channel="open-chat/1", message_id=int(told["id"]))
    notice = ann.frame("open-chat/1", "event")["payload"]["data"]
    assert (notice["type"], notice["id"]) == ("message_deleted", told["id"])
    ann.tell("history", name="open-chat/1")
    assert ann.frame("open-chat/1", "history")["payload"] == {"history": []}
