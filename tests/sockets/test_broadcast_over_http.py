"""Messages over HTTP, as Supabase's client sends them while it has not joined: decided like all others."""

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest

from tests.servers import Server, rule, serving
from tests.sockets.clients import Connect, settle
from tests.sockets.phoenix import Enter, Phoenix

Answered = tuple[int, Any]


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("room/*", "A M P"), rule("members", "M Ma X V", history=25), rule("quiet", "A"))


def post(server: Server, path: str, body: Any, **headers: str) -> Answered:
    """Post and return status and answer."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=15)
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request("POST", path, data, named)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return answer.status, json.loads(read) if read else None


def broadcast(server: Server, *messages: tuple[str, str, Any], **headers: str) -> Answered:
    body = [{"topic": t, "event": e, "payload": p, "private": False} for t, e, p in messages]
    return post(server, "/api/broadcast", {"messages": body}, **headers)


def test_messages_reach_the_members_of_every_protocol(server: Server, enter: Enter, connect: Connect) -> None:
    supabase, xano = enter(topic="realtime:room/1"), connect()
    xano.join("room/1")
    settle(supabase, xano)
    assert broadcast(server, ("room/1", "e", {"n": 1}), ("realtime:room/1", "message", [2])) == (202, None)
    assert [f["payload"] for f in supabase.sync()] == [
        {"type": "broadcast", "event": "e", "payload": {"n": 1}},
        {"type": "broadcast", "event": "message", "payload": {"payload": [2]}},
    ]
    first, second = xano.sync()
    assert (first["payload"], first["options"], first["client"]["socketId"]) == (
        {"n": 1},
        {"channel": "room/1", "event": "e"},
        "",
    )
    assert second["payload"] == [2]


def test_one_message_as_an_address(server: Server, enter: Enter) -> None:
    client = enter(topic="room/ä b/c")
    path = f"/api/broadcast/{quote('room/ä b/c', safe='')}/events/{quote('é/1', safe='')}"
    assert post(server, path + "?private=true", {"a": 1}) == (202, None)
    assert client.event("room/ä b/c", "é/1") == {"a": 1}
    assert post(server, path, b"\x00\xff", Content_Type="application/octet-stream") == (202, None)
    topic, event = "room/ä b/c".encode(), "é/1".encode()
    frame: Any = client.next()
    assert frame == bytes((2, len(topic), len(event))) + topic + event + b"\x00\xff"
    assert post(server, path, b"not json")[0] == 400
    assert post(server, path, b'"\xff"')[0] == 400
    assert post(server, path, b"\xff" * 65_000, Content_Type="application/octet-stream") == (202, None)
    assert client.next()[-65_000:] == b"\xff" * 65_000  # type: ignore[index]
    assert client.sync() == []


def test_who_asks_is_who_the_token_says(server: Server, enter: Enter) -> None:
    ann = server.token("ann", extras={"name": "Ann"})
    member = enter(server.token("bob"), topic="members")
    status, told = broadcast(server, ("members", "e", {}))
    assert (status, told["code"]) == (403, "anonymous_not_allowed")
    assert told["error"] == "Anonymous clients are silent on this channel: they neither send nor receive."
    assert server.call("explain", ref=told["ref"])
    assert broadcast(server, ("members", "e", {"n": 1}), Authorization=f"Bearer {ann}", apikey="default") == (202, None)
    assert member.event("members", "e") == {"n": 1}
    (kept,) = member.ask("members", "history")["response"]["messages"]
    assert (kept["event"], kept["client"]["extras"]) == ("e", {"name": "Ann"})
    # Without a user Supabase's client sends its key as the token.
    status, told = broadcast(server, ("members", "e", {}), Authorization="Bearer default", apikey="default")
    assert (status, told["code"]) == (403, "anonymous_not_allowed")
    for token in ("rubbish", server.token("ann", ttl=-1)):
        status, told = broadcast(server, ("members", "e", {}), Authorization=f"Bearer {token}")
        assert status == 401
        assert told["code"] in ("token_invalid", "token_expired")
        assert told["ref"] == server.call("refusals")[-1]["ref"]
    status, told = broadcast(server, ("members", "e", {}), apikey="unknown")
    assert (status, told["code"]) == (403, "unknown_workspace")
    assert told["error"].startswith("There is no workspace of this name")


def test_every_kind_of_message(server: Server, enter: Enter) -> None:
    ann = f"Bearer {server.token('ann')}"
    bob, eve = enter(server.token("bob"), topic="members"), enter(server.token("eve"), topic="members")
    (info,) = [c for c in server.call("clients") if c["user_id"] == "bob"]
    to_client = {"target_client_id": info["socket_id"], "n": 1}
    messages = (
        ("members", "private_message", to_client),
        ("members", "secure_private_message", {"target_user_id": "bob"}),
    )
    assert broadcast(server, *messages, ("members", "auth_message", {"n": 3}), Authorization=ann) == (202, None)
    events = [(frame["event"], frame["payload"]) for frame in bob.sync()]
    assert events == [*((event, payload) for _, event, payload in messages), ("auth_message", {"n": 3})]
    assert [frame["event"] for frame in eve.sync()] == ["auth_message"]
    status, told = broadcast(server, ("members", "private_message", {"target_client_id": "nobody"}), Authorization=ann)
    assert (status, told["code"]) == (403, "target_not_present")


def test_messages_before_one_that_is_refused_have_gone_out(server: Server, enter: Enter) -> None:
    client = enter(topic="room/1")
    status, told = broadcast(server, ("room/1", "e", {"n": 1}), ("quiet", "e", {}), ("room/1", "e", {"n": 2}))
    assert (status, told["code"], told["sent"]) == (403, "public_messaging_off", 1)
    assert [frame["payload"] for frame in client.sync()] == [{"n": 1}]


WITHOUT_TARGET = {"topic": "room/1", "event": "private_message", "payload": {}}
LARGE = {"topic": "room/1", "event": "e", "payload": "x" * 70_000}
BAD: dict[str, tuple[Any, int, str]] = {
    "no json": (b"{", 400, "invalid_json"),
    "nothing": (b"", 400, "invalid_json"),
    "a list": ([], 422, "invalid_input"),
    "no messages": ({}, 422, "invalid_input"),
    "a message without a payload": ({"messages": [{"topic": "room/1", "event": "e"}]}, 422, "invalid_input"),
    "a message without an event": ({"messages": [{"topic": "room/1"}]}, 422, "invalid_input"),
    "no channel's name": ({"messages": [{"topic": "", "event": "e", "payload": 1}]}, 422, "invalid_input"),
    "control characters": ({"messages": [{"topic": "a\x00", "event": "e", "payload": 1}]}, 422, "invalid_input"),
    "a reserved event": ({"messages": [{"topic": "room/1", "event": "phx_close", "payload": 1}]}, 422, "invalid_input"),
    "a private message to nobody": (
        {"messages": [{"topic": "room/1", "event": "private_message"}]},
        422,
        "invalid_input",
    ),
    "too many": ({"messages": [{"topic": "room/1", "event": "e", "payload": 1}] * 101}, 422, "invalid_input"),
    "too large": ({"messages": [LARGE]}, 413, "message_too_large"),
    "much too large": (b"x" * 200_000, 413, "body_too_large"),
    "no UTF-8": (b'{"messages":[{"topic":"room/1","event":"e","payload":"\xff"}]}', 400, "invalid_json"),
    "a NUL in the event": ({"messages": [{"topic": "room/1", "event": "a\0", "payload": 1}]}, 422, "invalid_input"),
    "nested": (b'{"messages":[{"topic":"room/1","event":"e","payload":' + b"[" * 9000, 400, "invalid_json"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_body_that_can_t_be_used_sends_nothing(server: Server, enter: Enter, name: str) -> None:
    body, status, code = BAD[name]
    client = enter(topic="room/1")
    if isinstance(body, dict) and isinstance(body.get("messages"), list):
        body = {"messages": [{"topic": "room/1", "event": "first", "payload": {}}, *body["messages"]]}
    answer = post(server, "/api/broadcast", body)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert answer[1]["error"]
    assert client.sync() == []


def test_a_private_message_of_any_depth_is_refused_and_no_fault(server: Server, enter: Enter) -> None:
    """How deep is too deep depends on where it is read; just below that, it was read once more and failed."""
    client = enter(topic="room/1")
    for depth in range(880, 960):
        nested = b"[" * depth + b"]" * depth
        body = b'{"messages":[{"topic":"room/1","event":"private_message","payload":{"a":' + nested + b"}}]}"
        status, told = post(server, "/api/broadcast", body)
        assert (status, told["code"]) in ((422, "invalid_input"), (400, "invalid_json")), depth
    assert client.sync() == []


def test_origins_and_blocks_hold_here_too(server: Server) -> None:
    server.call("origins", allowed=["https://app.example.com"])
    try:
        status, told = broadcast(server, ("room/1", "e", {}), Origin="https://evil.example")
        assert (status, told["code"]) == (403, "origin_not_allowed")
        assert broadcast(server, ("room/1", "e", {}), Origin="https://app.example.com") == (202, None)
    finally:
        server.call("origins", allowed=[])
    block = server.call("block", subject="user", value="eve")
    try:
        told = broadcast(server, ("room/1", "e", {}), Authorization=f"Bearer {server.token('eve')}")[1]
        assert told["code"] == "blocked"
    finally:
        server.call("unblock", block_id=block)


def test_a_page_may_ask_before_it_sends(server: Server) -> None:
    for path in ("/api/broadcast", "/api/broadcast/room%2F1/events/e"):
        connection = HTTPConnection("127.0.0.1", server.port, timeout=15)
        asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}
        connection.request("OPTIONS", path, headers=asked)
        answer = connection.getresponse()
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "apikey" in answer.headers["Access-Control-Allow-Headers"]
        assert "Set-Cookie" not in answer.headers
        connection.close()


def test_the_rate_is_limited_by_user_or_address() -> None:
    with serving(limit_messages_per_minute=3) as server:
        server.publish(rule("room", "A M"))
        answers = [broadcast(server, ("room", "e", {}))[0] for _ in range(5)]
        assert answers == [202, 202, 202, 429, 429]
        known = f"Bearer {server.token('ann')}"
        status, told = broadcast(server, *[("room", "e", {})] * 5, Authorization=known)
        assert (status, told["code"], told["sent"]) == (429, "rate_limited", 3)
        assert [r["code"] for r in server.call("refusals")] == ["rate_limited"] * 3


def test_what_was_answered_survives_a_kill() -> None:
    with serving() as other:
        other.publish(rule("kept", "A M", history=25))
        assert broadcast(other, *[("kept", "e", {"n": n}) for n in range(5)]) == (202, None)
        other.kill()
        other.start()
        with Phoenix(other) as client:
            client.join_topic("kept", {"history": True})
            assert [m["payload"]["n"] for m in client.event("kept", "history")["messages"]] == list(range(5))
