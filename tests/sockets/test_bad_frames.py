"""Frames that are no commands: an error each, and the connection lives."""

import json
from collections.abc import Iterator

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Client, Connect, frame

BAD: dict[str, tuple[str, str | None]] = {
    "nothing": ("", None),
    "no json": ("hello", None),
    "half a json": ('{"action": "join"', None),
    "two of them": ('{"action":"leave","options":{"channel":"a"}}{}', None),
    "an array": ("[]", None),
    "a string": ('"join"', None),
    "a number": ("1e999", None),
    "null": ("null", None),
    "nan": ('{"action": "message", "options": {"channel": "a"}, "payload": NaN}', None),
    "no action": ('{"options": {"channel": "a"}}', None),
    "an action that is no string": ('{"action": 1, "options": {"channel": "a"}}', None),
    "no options": ('{"action": "join"}', None),
    "options that are no object": ('{"action": "join", "options": ["a"]}', None),
    "options null": ('{"action": "join", "options": null}', None),
    "no channel": ('{"action": "join", "options": {}}', None),
    "a channel that is no string": ('{"action": "join", "options": {"channel": 1}}', None),
    "a channel of null": ('{"action": "join", "options": {"channel": null}}', None),
    "an unknown action": ('{"action": "destroy", "options": {"channel": "a"}}', "a"),
    "an action of the server": ('{"action": "presence_full", "options": {"channel": "a"}}', "a"),
    "a join that asks for something else": ('{"action":"join","options":{"channel":"a"},"payload":{"history":1}}', "a"),
    "a join with a list": ('{"action":"join","options":{"channel":"a"},"payload":[]}', "a"),
    "a mark that is no boolean": ('{"action":"message","options":{"channel":"a","authenticated":"yes"}}', "a"),
    "a mark that is 1": ('{"action":"message","options":{"channel":"a","authenticated":1}}', "a"),
    "a socketId that is no string": ('{"action":"message","options":{"channel":"a","socketId":7}}', "a"),
    "a socketId that is true": ('{"action":"history","options":{"channel":"a","socketId":true}}', "a"),
    "deep nesting": ('{"action":"message","options":{"channel":"a"},"payload":' + "[" * 20_000, None),
    "deep nesting in options": ('{"action":"message","options":' + '{"a":' * 5000 + "1" + "}" * 5001, None),
}


@pytest.fixture
def client(server: Server, connect: Connect) -> Iterator[Client]:
    """A member of a channel; at the end its connection must still work."""
    server.publish(rule("*", "A M V P", history=0))
    client = connect()
    client.join("a")
    yield client
    client.say("a", "alive")
    assert [f["payload"] for f in client.sync()] == ["alive"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame_is_answered_with_an_error(client: Client, name: str) -> None:
    text, channel = BAD[name]
    client.text(text)
    error = client.error()
    assert (error["code"], error["channel"]) == ("invalid_frame", channel)
    assert error["message"].startswith("The server could not read this frame.")
    assert error["ref"]
    assert client.sync() == []


def test_a_binary_frame_is_answered_with_an_error(client: Client) -> None:
    client.raw(frame(2, b'{"action":"leave","options":{"channel":"a"}}'))
    assert client.error()["code"] == "invalid_frame"
    client.raw(frame(2, b"") + frame(2, b"\xff", final=False) + frame(0, b"\xfe"))
    assert [f["payload"]["code"] for f in client.sync()] == ["invalid_frame"] * 2


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "\x00", "a\x7f", "\x85", "\ud800"], ids=ascii)
@pytest.mark.parametrize("action", ["join", "message", "leave", "history"])
def test_names_that_no_channel_can_have(client: Client, name: str, action: str) -> None:
    client.text(json.dumps({"action": action, "options": {"channel": name}, "payload": None}))
    error = client.error()
    expected = {"invalid_frame"} if name == "\ud800" else {"invalid_channel", "not_joined"}
    assert error["code"] in expected
    if action == "join" and name != "\ud800":
        assert error["code"] == "invalid_channel"
        assert error["channel"] == name
    assert client.sync() == []


@pytest.mark.parametrize(
    "name", ["x" * 255, "\u00e9" * 255, "\U0001f600" * 255, " ", "a//b", "/", "*", '"\\'], ids=ascii
)
def test_names_that_are_odd_but_fine(client: Client, name: str) -> None:
    assert client.join(name) == {"action": "join", "options": {"channel": name}, "payload": {}}
    client.say(name, name)
    said = client.take("message")
    assert (said["options"]["channel"], said["payload"]) == (name, name)


def test_errors_quote_little_of_what_was_sent(client: Client) -> None:
    client.text(json.dumps({"action": "y" * 10_000, "options": {"channel": "a"}}))
    assert len(client.error()["message"]) < 300


def test_a_bad_name_says_nothing_of_the_rule_for_others(server: Server, connect: Connect) -> None:
    """Rights are compiled once a rule and kind of client. Asked for a bad name first, they were "no" for all names;
    asked for a good one first, they let bad names in."""
    server.publish(rule("fresh/*", "A M"))
    client = connect()
    assert client.join("fresh/\n")["payload"]["code"] == "invalid_channel"
    assert client.join("fresh/good")["action"] == "join"
    assert client.join("fresh/\n")["payload"]["code"] == "invalid_channel"
