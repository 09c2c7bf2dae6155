"""Presence as Supabase's clients use it: listed once they say so, with what they say, under a key of their own."""

import json
from typing import Any

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Connect, settle
from tests.sockets.phoenix import OK, Enter, Phoenix

TOPIC = "realtime:room"


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("room", "A M P"), rule("hidden", "A M"))


def config(key: str | int | None = None, enabled: bool = True, **broadcast: bool) -> dict[str, Any]:
    presence: dict[str, Any] = {"enabled": enabled} | ({"key": key} if key is not None else {})
    return {"config": {"broadcast": broadcast, "presence": presence}}


def track(client: Phoenix, payload: Any, topic: str = TOPIC) -> Any:
    return client.ask(topic, "presence", {"type": "presence", "event": "track", "payload": payload})


def untrack(client: Phoenix) -> Any:
    return client.ask(TOPIC, "presence", {"type": "presence", "event": "untrack"})


def test_nobody_is_listed_before_it_says_so(enter: Enter, connect: Connect, server: Server) -> None:
    client, xano, phoenix = enter(topic=TOPIC, payload=config("me")), connect(), enter()
    xano.join("room", presence=True)
    (own,) = xano.take("presence_full")["payload"]["presence"]
    assert phoenix.join_topic("room") == OK
    assert next(iter(phoenix.event("room", "presence_state"))) == own["socketId"]
    settle(client, xano, phoenix)
    assert track(client, {"mood": "fine", "user_id": "me"}) == OK
    ids = {c["socket_id"]: c for c in server.call("clients") if "room" in c["channels"]}
    mine = client.event(TOPIC, "presence_diff")["joins"]["me"]["metas"][0]
    assert (mine["mood"], mine["user_id"]) == ("fine", "me")
    assert mine["socketId"] in ids
    theirs = phoenix.event("room", "presence_diff")["joins"]["me"]["metas"][0]
    assert (theirs["mood"], theirs["user_id"], theirs["phx_ref"]) == ("fine", None, mine["phx_ref"])
    update = xano.take("presence_update")["payload"]
    assert (update["action"], update["presence"]["socketId"]) == ("join", mine["socketId"])
    late = enter()
    assert late.join_topic("room") == OK
    assert late.event("room", "presence_state")["me"]["metas"] == [theirs]


def test_another_state_replaces_the_one_before(enter: Enter, connect: Connect) -> None:
    client, xano = enter(topic=TOPIC, payload=config()), connect()
    xano.join("room", presence=True)
    track(client, {"n": 1})
    settle(client, xano)
    assert track(client, {"n": 2}) == OK
    diff = client.event(TOPIC, "presence_diff")
    (before,), (after,) = ([p["metas"][0] for p in diff[side].values()] for side in ("leaves", "joins"))
    assert (before["n"], after["n"]) == (1, 2)
    assert before["phx_ref"] != after["phx_ref"]
    assert xano.sync() == [], "what a client says of itself is nothing to Xano's SDK"
    assert untrack(client) == OK
    left = client.event(TOPIC, "presence_diff")
    assert [p["metas"][0]["phx_ref"] for p in left["leaves"].values()] == [after["phx_ref"]]
    assert xano.take("presence_update")["payload"]["action"] == "leave"
    assert untrack(client) == OK
    assert settle(client, xano) == [[], []]


def test_clients_under_one_key_are_listed_together(enter: Enter) -> None:
    first, second = enter(topic=TOPIC, payload=config("team")), enter(topic=TOPIC, payload=config("team"))
    track(first, {"n": 1})
    track(second, {"n": 2})
    late = enter()
    late.join_topic(TOPIC, config())
    state = late.event(TOPIC, "presence_state")
    assert [meta["n"] for meta in state["team"]["metas"]] == [1, 2]
    first.end()
    left = late.event(TOPIC, "presence_diff")["leaves"]["team"]["metas"]
    assert [meta["n"] for meta in left] == [1]


def test_nobody_says_of_itself_what_the_server_says(enter: Enter, server: Server) -> None:
    client, other = enter(topic=TOPIC, payload=config()), enter(topic="room")
    given = {"phx_ref": "1", "socketId": "x", "extras": {"admin": True}, "permissions": {"row_id": 1}, "ok": 1}
    assert track(client, given) == OK
    ((_, listed),) = other.event("room", "presence_diff")["joins"].items()
    meta = listed["metas"][0]
    assert meta["phx_ref"] != "1"
    assert meta["socketId"] in [c["socket_id"] for c in server.call("clients")]
    assert (meta["extras"], meta["permissions"]["row_id"], meta["ok"]) == ({}, 0, 1)


@pytest.mark.parametrize("payload", [None, "text", [1, 2], 7])
def test_a_state_that_is_no_object_is_wrapped(enter: Enter, payload: Any) -> None:
    client = enter(topic=TOPIC, payload=config("k"))
    assert track(client, payload) == OK
    assert client.event(TOPIC, "presence_diff")["joins"]["k"]["metas"][0]["payload"] == payload


def test_presence_that_is_off_is_refused_and_tells_nobody(enter: Enter, server: Server) -> None:
    client, other = enter(topic="realtime:hidden", payload=config()), enter(topic="hidden")
    answer = track(client, {"n": 1}, "realtime:hidden")
    assert (answer["status"], answer["response"]["code"]) == ("error", "presence_off")
    assert settle(client, other) == [[], []]
    answer = track(client, {"n": 1}, "realtime:elsewhere")
    assert answer["response"]["reason"] == "unmatched topic"
    server.publish(rule("room", "A M P"), rule("hidden", "A M P"))
    assert track(client, {"n": 2}, "realtime:hidden") == OK
    server.publish(rule("room", "A M P"), rule("hidden", "A M"))
    assert track(client, {"n": 3}, "realtime:hidden")["status"] == "error"


def test_who_did_not_ask_for_presence_gets_it_once_it_takes_part(enter: Enter) -> None:
    client, other = enter(), enter(topic="room")
    assert client.join_topic(TOPIC, config("k", enabled=False)) == OK
    assert client.sync() == []
    assert track(client, {}) == OK
    state = client.event(TOPIC, "presence_state")
    assert len(state) == 1, "the other one; itself comes with the news"
    assert list(client.event(TOPIC, "presence_diff")["joins"]) == ["k"]
    assert list(other.event("room", "presence_diff")["joins"]) == ["k"]


def test_an_unlisted_client_leaves_unnoticed(enter: Enter, connect: Connect) -> None:
    client, xano = enter(topic=TOPIC, payload=config()), connect()
    xano.join("room", presence=True)
    settle(client, xano)
    assert client.ask(TOPIC, "phx_leave") == OK
    assert xano.sync() == []


def test_a_number_may_be_the_key_and_a_long_one_may_not(enter: Enter) -> None:
    client = enter(topic=TOPIC, payload=config(7))
    track(client, {})
    assert list(client.event(TOPIC, "presence_diff")["joins"]) == ["7"]
    answer = enter().join_topic(TOPIC, config("k" * 256))
    assert (answer["status"], answer["response"]["code"]) == ("error", "invalid_frame")


@pytest.mark.parametrize("payload", [[], "x", 7, {"config": []}, {"config": {"broadcast": {"ack": "yes"}}}])
def test_a_join_that_can_t_be_read_is_refused(enter: Enter, payload: Any) -> None:
    answer = enter().join_topic(TOPIC, payload)
    assert (answer["status"], answer["response"]["code"]) == ("error", "invalid_frame")


def test_what_else_a_phoenix_app_sends_with_its_join_is_its_own(enter: Enter) -> None:
    client = enter()
    for payload in ({"config": "mine", "presence": {}, "history": "no", "access_token": 7}, None, {}):
        assert client.join_topic("room", payload) == OK
        assert [frame["event"] for frame in client.sync() if frame["event"] != "phx_close"] == ["presence_state"]


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("ack", [True, False])
def test_self_and_ack(enter: Enter, connect: Connect, server: Server, own: bool, ack: bool) -> None:
    server.publish(rule("room", "A M"), rule("hidden", "A"))
    client, other, xano = enter(), enter(topic=TOPIC, payload=config()), connect()
    assert client.join_topic(TOPIC, {"config": {"broadcast": {"self": own, "ack": ack}}}) == OK
    xano.join("room")
    settle(client, other, xano)
    for n in range(3):
        client.push(TOPIC, "broadcast", {"type": "broadcast", "event": "e", "payload": {"n": n}})
    frames = client.sync()
    told = [frame["payload"]["payload"]["n"] for frame in frames if frame["event"] == "broadcast"]
    assert told == ([0, 1, 2] if own else [])
    assert [frame["payload"] for frame in frames if frame["event"] == "phx_reply"] == ([OK] * 3 if ack else [])
    assert [f["payload"]["payload"]["n"] for f in other.sync()] == [0, 1, 2]
    assert [f["payload"]["n"] for f in xano.sync()] == [0, 1, 2]
    # What is refused is always answered.
    assert client.join_topic("realtime:hidden", {"config": {"broadcast": {"self": own, "ack": ack}}}) == OK
    answer = client.ask("realtime:hidden", "broadcast", {"type": "broadcast", "event": "e", "payload": {}})
    assert (answer["status"], answer["response"]["code"]) == ("error", "public_messaging_off")


def test_many_senders_who_do_not_hear_themselves(enter: Enter, connect: Connect) -> None:
    clients = [enter(topic=TOPIC, payload=config()) for _ in range(12)]
    xano = connect()
    xano.join("room")
    settle(*clients, xano)
    for n, client in enumerate(clients):
        client.push(TOPIC, "broadcast", {"type": "broadcast", "event": "e", "payload": {"n": n}})
    received = settle(*clients, xano)
    for n, frames in enumerate(received[:-1]):
        assert sorted(f["payload"]["payload"]["n"] for f in frames) == [m for m in range(12) if m != n]
    assert len(received[-1]) == 12


def test_who_is_silent_says_nothing_of_itself_either(enter: Enter, server: Server) -> None:
    server.publish(rule("room", "X P"))
    client, known = enter(topic=TOPIC, payload=config("k")), enter(server.token("ann"), topic="room")
    answer = track(client, {"text": "hear me"})
    assert (answer["status"], answer["response"]["code"]) == ("error", "anonymous_not_allowed")
    assert settle(client, known) == [[], []]


def test_joining_again_begins_anew(enter: Enter, connect: Connect) -> None:
    client, other, xano = enter(topic=TOPIC, payload=config("a")), enter(topic="room"), connect()
    xano.join("room", presence=True)
    track(client, {"n": 1})
    settle(client, other, xano)
    assert client.join_topic(TOPIC, config("b")) == OK
    assert list(other.event("room", "presence_diff")["leaves"]) == ["a"]
    assert xano.take("presence_update")["payload"]["action"] == "leave"
    assert [frame["event"] for frame in client.sync()] == ["phx_close", "presence_state"]
    assert track(client, {"n": 2}) == OK
    assert list(other.event("room", "presence_diff")["joins"]) == ["b"]
    # As a Phoenix client, which is listed at once, under its socketId.
    settle(client, other, xano)
    assert client.join_topic("room") == OK
    diff = other.event("room", "presence_diff")
    assert (list(diff["leaves"]), [len(key) for key in diff["joins"]]) == (["b"], [16])
    assert xano.sync() == [], "for Xano's clients it has been there all along"


@pytest.mark.parametrize("levels", [33, 500])
def test_a_state_that_is_nested_deeply_is_refused(enter: Enter, levels: int) -> None:
    client, other = enter(topic=TOPIC, payload=config()), enter(topic="room")
    nested = json.loads('{"a":' + "[" * levels + "]" * levels + "}")
    answer = track(client, nested)
    assert (answer["status"], answer["response"]["code"]) == ("error", "invalid_frame")
    assert track(client, {"text": "[" * 100, "list": [[[]]]}) == OK
    assert len(other.sync()) == 1


def test_nobody_is_listed_under_the_socket_id_of_another(enter: Enter, server: Server) -> None:
    other = enter(topic="room")
    (info,) = [c for c in server.call("clients") if "room" in c["channels"]]
    answer = enter().join_topic(TOPIC, config(info["socket_id"]))
    assert (answer["status"], answer["response"]["code"]) == ("error", "invalid_frame")
    assert other.sync() == []


def test_who_may_see_presence_from_now_on_gets_the_whole_list(enter: Enter, server: Server) -> None:
    server.publish(rule("room", "X P"), rule("hidden", "A M"))
    client, known = enter(topic="room"), enter(server.token("ann"), topic="room")
    assert client.ask("room", "access_token", {"access_token": server.token("bob")}) == OK
    state = next(frame for frame in client.sync() if frame["event"] == "presence_state")
    assert len(state["payload"]) == 2
    assert known.ask("room", "access_token", {"access_token": server.token("ann", extras={"n": 1})}) == OK
    assert "presence_state" not in [frame["event"] for frame in known.sync()], "it has had it"
    later = enter(topic="hidden")
    server.publish(rule("room", "X P"), rule("hidden", "A M P"))
    assert len(later.event("hidden", "presence_state")) == 1
