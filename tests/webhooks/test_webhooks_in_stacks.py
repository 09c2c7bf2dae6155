"""Webhooks as steps of triggers: they block and replace, and what goes wrong with them costs their sender alone."""

import json
import time
from typing import Any

import pytest

from tests.receiver import Receiver
from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Client, Connect, connecting

from .conftest import QUICKLY

Json = dict[str, Any]


def asking(url: str, **fields: Any) -> list[Json]:
    return [{"name": "ask", "events": ["message"], "steps": [{"type": "webhook", "url": url, **fields}]}]


def moderated(server: Server, url: str, **fields: Any) -> None:
    server.publish(rule("chat", "A M", triggers=asking(url, **fields)), rule("calm", "A M"))


def in_the_chat(connect: Connect, server: Server) -> Client:
    client = connect()
    client.join("chat")
    client.join("calm")
    return client


@pytest.mark.parametrize(
    ("answer", "comes"),
    [
        (b"", "hello"),
        (b"true", "hello"),
        (b'{"allow": true}', "hello"),
        (b'{"payload": {"text": "mild"}}', {"text": "mild"}),
        (b'{"payload": null}', None),
    ],
)
def test_what_lets_pass(server: Server, receiver: Receiver, connect: Connect, answer: bytes, comes: Any) -> None:
    moderated(server, receiver.url)
    receiver.body = answer
    client = in_the_chat(connect, server)
    client.say("chat", "hello")
    assert client.take("message")["payload"] == comes
    event = receiver.bodies[0]
    assert (event["type"], event["data"]["payload"], event["data"]["channel"]) == ("message", "hello", "chat")


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        (b"false", "blocked_by_trigger", "A trigger of this channel blocked this."),
        (b'{"allow": false, "message": "Mind your words."}', "blocked_by_trigger", "Mind your words."),
        (b"<html>", "trigger_failed", "A trigger of this channel failed, so this was not let through."),
        (b'{"payload": "' + b"x" * 70_000 + b'"}', "trigger_failed", ""),
        (b"[" * 5000, "trigger_failed", ""),
        (b" " * 10_000_000, "trigger_failed", ""),
    ],
    ids=["false", "not allowed", "no JSON", "too large a payload", "too deep", "10 MB"],
)
def test_what_blocks(server: Server, receiver: Receiver, connect: Connect, answer: bytes, code: str, told: str) -> None:
    moderated(server, receiver.url)
    receiver.body = answer
    client = in_the_chat(connect, server)
    client.say("chat", "hello")
    error = client.error()
    assert error["code"] == code
    assert told in error["message"]
    run = server.call("trigger_runs")[0]
    assert run["state"] == ("failed" if code == "trigger_failed" else "blocked")
    assert run["note"].startswith("Step 1, webhook: ")


@pytest.mark.parametrize(("status", "location"), [(302, "http://127.0.0.1:1/"), (500, ""), (404, "")])
def test_any_other_answer_fails_and_redirects_are_not_followed(
    server: Server, receiver: Receiver, connect: Connect, status: int, location: str
) -> None:
    moderated(server, receiver.url)
    receiver.status = status
    receiver.headers = {"Location": location or receiver.url}
    client = in_the_chat(connect, server)
    client.say("chat", "hello")
    assert client.error()["code"] == "trigger_failed"
    assert str(status) in server.call("trigger_runs")[0]["note"]
    assert len(receiver.requests) == 1


def test_a_slow_one_delays_its_own_sender_s_next_frames_alone(
    server: Server, receiver: Receiver, connect: Connect
) -> None:
    moderated(server, receiver.url, seconds=10)
    one, other = in_the_chat(connect, server), in_the_chat(connect, server)
    receiver.hang = True
    one.say("chat", "waits")
    until(lambda: receiver.under_way == 1)
    one.say("calm", "behind it")
    for number in range(20):
        other.say("calm", number)
    assert [other.take("message")["payload"] for _ in range(20)] == list(range(20))
    receiver.hang = False
    receiver.released.set()
    assert [other.take("message")["payload"] for _ in range(2)] == ["waits", "behind it"]
    assert [one.take("message")["payload"] for _ in range(22)] == [*range(20), "waits", "behind it"]


def test_one_that_hangs_is_given_up_in_its_time(server: Server, receiver: Receiver, connect: Connect) -> None:
    moderated(server, receiver.url, seconds=0.3)
    client = in_the_chat(connect, server)
    receiver.hang = True
    began = time.monotonic()
    client.say("chat", "hello")
    assert client.error()["code"] == "trigger_failed"
    assert time.monotonic() - began < 3
    assert "0.3 seconds" in server.call("trigger_runs")[0]["note"]


def test_private_addresses_are_out_of_reach(receiver: Receiver) -> None:
    with serving(limit_messages_per_minute=0) as server, connecting(server) as connect:
        for url in (receiver.url.replace("http:", "https:").replace("127.0.0.1", "localhost"), receiver.url):
            moderated(server, url)
            client = in_the_chat(connect, server)
            client.say("chat", "hello")
            assert client.error()["code"] == "trigger_failed"
        assert receiver.requests == []
        notes = [run["note"] for run in server.call("trigger_runs")]
        assert any("private" in note for note in notes), notes


def test_deliveries_of_steps_survive_a_kill(receiver: Receiver) -> None:
    with serving(**QUICKLY | {"webhook_retries": "0.2,0.5,1,1,1,1,1,1,1"}) as server:
        server.publish(rule("chat", "A M", triggers=asking(receiver.url, when="after")))
        receiver.status = 503
        with connecting(server) as connect:
            client = connect()
            client.join("chat")
            for number in range(50):
                client.say("chat", number)
            seen = [client.take("message")["payload"] for _ in range(50)]
            server.kill()
        assert seen == list(range(50))
        receiver.status = 200
        server.start()
        until(lambda: set(seen) <= set(receiver.payloads()), 30, "all that was seen")


def test_what_is_blocked_further_down_is_told_to_nobody(server: Server, receiver: Receiver, connect: Connect) -> None:
    tell = {"type": "webhook", "url": receiver.url, "when": "after"}
    block = {"type": "condition", "expression": "event.payload !== 'no'"}
    server.publish(rule("chat", "A M", triggers=[{"name": "tell", "events": ["message"], "steps": [tell, block]}]))
    client = connect()
    client.join("chat")
    for payload in ("no", "yes"):
        client.say("chat", payload)
    assert client.error()["code"] == "blocked_by_trigger"
    message = client.take("message")
    assert message["payload"] == "yes"
    until(lambda: receiver.requests)
    assert receiver.payloads() == ["yes"]
    assert json.loads(receiver.requests[0].body)["data"]["client"]["socketId"] == message["client"]["socketId"]
