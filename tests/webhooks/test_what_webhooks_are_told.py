"""What a webhook is told: messages of every kind, joins and leaves, channels that fill and empty; where, and how."""

import pytest

from tests.receiver import Receiver, receiving
from tests.servers import Server, rule, until
from tests.sockets.clients import Connect

MESSAGES = ["message"]


def test_a_message_as_it_is_posted(server: Server, receiver: Receiver, connect: Connect) -> None:
    _, secret = server.call("webhook", url=receiver.url, events=MESSAGES)
    client = connect(server.token("42", extras={"name": "Ada"}))
    client.join("chat/a")
    client.say("chat/a", {"text": "hé"})
    client.take("message")
    (request,) = until(lambda: receiver.requests, what="the post")
    body = request.verified(secret)
    assert set(body) == {"type", "timestamp", "data"}
    assert body["type"] == "message"
    assert body["timestamp"].endswith("Z")
    data = body["data"]
    assert (data["channel"], data["payload"], data["kind"], data["action"]) == (
        "chat/a", {"text": "hé"}, "public", "message",
    )  # fmt: skip
    assert data["id"].isdigit()
    assert data["params"] == ["chat/a"]
    who = data["client"]
    assert (who["userId"], who["extras"], who["authenticated"]) == ("42", {"name": "Ada"}, True)
    assert who["socketId"] == server.call("clients")[0]["socket_id"]
    until(lambda: server.call("deliveries", number=server.call("webhooks")[0]["id"])[0]["state"] == "delivered")


def test_kinds_of_messages(server: Server, receiver: Receiver, connect: Connect) -> None:
    server.publish(rule("*", "A M X V P"))
    server.call("webhook", url=receiver.url, events=MESSAGES)
    one, two = connect(server.token("1")), connect(server.token("2"))
    for client in (one, two):
        client.join("a")
    ids = {client["user_id"]: client["socket_id"] for client in server.call("clients")}
    one.say("a", "public")
    one.say("a", "signed in", authenticated=True)
    one.whisper("a", ids["2"], "psst")
    server.call("event", channel="a", data="from the server", event="news")
    server.call("event", channel="a", data="for one", target_user="2")
    server.call("event", channel="a", data="only traced", trace_only=True)
    until(lambda: len(receiver.requests) == 5)
    told = {body["data"]["payload"]: body["data"] for body in receiver.bodies}
    assert {payload: data["kind"] for payload, data in told.items()} == {
        "public": "public",
        "signed in": "authenticated",
        "psst": "private",
        "from the server": "event",
        "for one": "event",
    }
    assert told["psst"]["target"]["userId"] == "2"
    assert told["from the server"]["client"] is None
    assert told["from the server"]["action"] == "event"
    assert told["from the server"]["options"]["event"] == "news"
    assert {body["type"] for body in receiver.bodies} == {"message"}


def test_what_is_refused_is_not_told(server: Server, receiver: Receiver, connect: Connect) -> None:
    server.publish(rule("*", "A"), rule("open", "A M"))
    server.call("webhook", url=receiver.url, events=MESSAGES)
    client = connect()
    client.join("silent")
    client.say("silent", "no")
    client.error()
    client.join("open")
    client.say("open", "yes")
    client.take("message")
    until(lambda: receiver.payloads() == ["yes"])


def test_joins_leaves_and_channels(server: Server, receiver: Receiver, connect: Connect) -> None:
    server.call("webhook", url=receiver.url, events=["join", "leave", "channel.occupied", "channel.vacated"])
    one, two = connect(server.token("1")), connect(server.token("2"))
    one.join("room")
    two.join("room")
    two.join("room")
    one.send("leave", "room")
    one.take("leave")
    two.leave()
    until(lambda: len(receiver.requests) == 6)
    told = [(b["type"], b["data"]["channel"], b["data"]["client"]["userId"]) for b in receiver.bodies]
    assert sorted(told) == [
        ("channel.occupied", "room", "1"),
        ("channel.vacated", "room", "2"),
        ("join", "room", "1"),
        ("join", "room", "2"),
        ("leave", "room", "1"),
        ("leave", "room", "2"),
    ]
    assert {body["data"]["action"] for body in receiver.bodies} == {body["type"] for body in receiver.bodies}


def test_a_rule_change_that_takes_clients_out_is_told(server: Server, receiver: Receiver, connect: Connect) -> None:
    server.call("webhook", url=receiver.url, events=["leave", "channel.vacated"])
    client = connect()
    client.join("room")
    server.publish()
    until(lambda: len(receiver.requests) == 2)
    assert sorted(body["type"] for body in receiver.bodies) == ["channel.vacated", "leave"]


def test_only_of_the_channels_it_names(server: Server, receiver: Receiver, connect: Connect) -> None:
    server.call("webhook", url=receiver.url, events=MESSAGES, channels=["exact", "chat/*", "org/*/news"])
    client = connect()
    for channel in ("exact", "exact/more", "chat/a/b", "chat", "org/x/news", "org/x/y/news", "other"):
        client.join(channel)
        client.say(channel, channel)
        client.take("message")
    until(lambda: len(receiver.requests) >= 3)
    assert sorted(receiver.payloads()) == ["chat/a/b", "exact", "org/x/news"]


def test_several_hear_of_the_same(server: Server, receiver: Receiver, connect: Connect) -> None:
    with receiving() as other:
        server.call("webhook", title="One", url=receiver.url, events=MESSAGES)
        server.call("webhook", title="Two", url=other.url, events=MESSAGES)
        client = connect()
        client.join("kept/a")
        client.say("kept/a", 1)
        client.take("message")
        until(lambda: (receiver.payloads(), other.payloads()) == ([1], [1]))
        assert receiver.requests[0].id != other.requests[0].id


def test_a_change_is_in_force_at_once(server: Server, receiver: Receiver, connect: Connect) -> None:
    client = connect()
    client.join("a")
    client.say("a", "before")
    client.take("message")
    number, old = server.call("webhook", url=receiver.url, events=["join"])
    client.say("a", "not subscribed")
    client.take("message")
    server.call("change_webhook", number=number, events=MESSAGES)
    new = server.call("rotate_webhook", number=number)
    client.say("a", "first")
    client.take("message")
    until(lambda: receiver.payloads() == ["first"])
    assert receiver.requests[0].verified(old) == receiver.requests[0].verified(new)
    server.call("switch_webhook", number=number, active=False)
    client.say("a", "while off")
    client.take("message")
    server.call("switch_webhook", number=number, active=True)
    client.say("a", "second")
    client.take("message")
    until(lambda: receiver.payloads() == ["first", "second"])


def test_each_message_is_still_delivered_once_and_in_order(
    server: Server, receiver: Receiver, connect: Connect
) -> None:
    server.call("webhook", url=receiver.url, events=MESSAGES)
    client = connect()
    client.join("a")
    for number in range(200):
        client.say("a", number)
    assert [client.take("message")["payload"] for _ in range(200)] == list(range(200))
    until(lambda: sorted(receiver.payloads()) == list(range(200)), 30)


def test_a_trigger_asks_and_tells_the_webhook_of_its_address(
    server: Server, receiver: Receiver, connect: Connect
) -> None:
    url = receiver.url + "/moderate"
    steps = [{"type": "webhook", "url": url}, {"type": "webhook", "url": url, "when": "after"}]
    server.publish(rule("*", "A M", triggers=[{"name": "Moderate", "steps": steps}]))
    (made,) = server.call("webhooks")
    assert (made["url"], made["of_triggers"], made["events"]) == (url, True, [])
    server.publish(rule("*", "A M", triggers=[{"name": "Moderate", "steps": steps}]))
    assert len(server.call("webhooks")) == 1
    client = connect()
    client.join("a")
    client.say("a", "good")
    assert client.take("message")["payload"] == "good"
    until(lambda: receiver.payloads() == ["good", "good"])
    assert len({request.id for request in receiver.requests}) == 2
    until(lambda: [d["state"] for d in server.call("deliveries", number=made["id"])] == ["delivered"])
    receiver.body = b'{"allow": false}'
    client.say("a", "bad")
    assert client.error()["code"] == "blocked_by_trigger"
    assert server.call("ask", url=url, body={"type": "message"}) == [200, '{"allow": false}']
    seen = len(receiver.requests)
    server.call("switch_webhook", number=made["id"], active=False)
    for wrong in (url, "https://unknown.example/"):
        with pytest.raises(RuntimeError, match="StepFailed"):
            server.call("ask", url=wrong, body={})
    client.say("a", "nobody to ask")
    assert client.error()["code"] == "trigger_failed"
    assert len(receiver.requests) == seen
    with pytest.raises(RuntimeError, match="Conflict"):
        server.call("delete_webhook", number=made["id"])


def test_a_condition_decides_before_the_first_attempt(server: Server, receiver: Receiver, connect: Connect) -> None:
    number, _ = server.call(
        "webhook", url=receiver.url, events=["message", "join"], condition="event.payload?.urgent && event.client"
    )
    client = connect()
    client.join("a")
    client.say("a", {"urgent": True})
    client.say("a", {"urgent": False})
    client.take("message")
    client.take("message")
    server.call("event", channel="a", data={"urgent": True})
    until(lambda: not {"pending"} & {row["state"] for row in server.call("deliveries", number=number)})
    rows = server.call("deliveries", number=number)
    assert [(row["event"], row["state"], row["attempts"]) for row in rows] == [
        ("join", "dropped", 0),
        ("message", "delivered", 1),
        ("message", "dropped", 0),
        ("message", "dropped", 0),
    ]
    assert rows[0]["error"] == "The condition is not true of it."
    server.call("resend", delivery=rows[2]["id"])  # by hand: whatever the condition says
    until(lambda: len(receiver.requests) == 2)


def test_a_condition_that_breaks_says_so(server: Server, receiver: Receiver) -> None:
    number, _ = server.call("webhook", url=receiver.url, events=["message"], condition="event.client.userId === '1'")
    server.call("event", channel="a", data=1)
    row = until(lambda: [r for r in server.call("deliveries", number=number) if r["state"] == "dropped"])[0]
    assert row["error"].startswith("The condition failed: ")
    with pytest.raises(RuntimeError, match="condition"):
        server.call("webhook", url=receiver.url, events=["message"], condition="event.(")
