"""Frames of Phoenix channels, good and broken: answered as the protocol says, and the socket lives."""

import json

import pytest

from tests.servers import Server, rule, serving
from tests.sockets.clients import Connect, settle
from tests.sockets.phoenix import OK, Enter, Phoenix, binary_push, user_broadcast


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("room/*", "A M P V X"), rule("closed", "M Ma"), rule("kept", "A M V", history=25))


VERSIONS = pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])

BROKEN = {
    "nothing": "",
    "no json": "hello",
    "half a frame": '["1","1","room/1","mess',
    "too few fields": '["1","1","room/1","message"]',
    "too many fields": '["1","1","room/1","message",{},{}]',
    "a topic that is no text": '["1","1",7,"message",{}]',
    "an event of null": '["1","1","room/1",null,{}]',
    "a ref that is an object": '["1",{},"room/1","message",{}]',
    "an empty object": "{}",
    "a string": '"message"',
    "null": "null",
    "not a number": '["1","1","room/1","message",NaN]',
    "deep nesting": '["1","1","room/1","message",' + "[" * 20_000,
    "deep nesting, closed": '["1","1","room/1","message",' + "[" * 5000 + "]" * 5000 + "]",
}
"""Where no ref can be read, nothing can be answered to it: the whole connection is told."""
REFUSED = {
    "a reply of its own": ("room/1", "phx_reply", {"status": "ok"}),
    "a close": ("room/1", "phx_close", {}),
    "an error": ("room/1", "phx_error", {}),
    "what phoenix.js calls replies": ("room/1", "chan_reply_3", {}),
    "a list of members": ("room/1", "presence_state", {}),
    "news of members": ("room/1", "presence_diff", {}),
    "what nameless events of the server come as": ("room/1", "event", {}),
    "a NUL in the event": ("room/1", "a\0b", {}),
    "a NUL in the user's id": ("room/1", "secure_private_message", {"target_user_id": "a\0"}),
    "no token at all": ("room/1", "access_token", {}),
    "no event": ("room/1", "", {}),
    "a long event": ("room/1", "e" * 256, {}),
    "a private message to nobody": ("room/1", "private_message", {"text": "hi"}),
    "a private message to a list": ("room/1", "private_message", {"target_client_id": []}),
    "a private message that is no object": ("room/1", "private_message", [1]),
    "a private message to no user": ("room/1", "secure_private_message", {"target_user_id": ""}),
    "a token that is no text": ("room/1", "access_token", {"access_token": 7}),
    "another event of the socket": ("phoenix", "message", {}),
}
SUPABASE_REFUSED = {
    "a broadcast without an event": ("broadcast", {"payload": {}}),
    "a broadcast that is no object": ("broadcast", [1]),
    "a broadcast of a close": ("broadcast", {"event": "phx_close", "payload": {}}),
    "a broadcast of a history": ("broadcast", {"event": "history", "payload": {}}),
    "a presence of something else": ("presence", {"type": "presence", "event": "hide"}),
    "a presence that is too large": ("presence", {"type": "presence", "event": "track", "payload": {"a": "x" * 9000}}),
}


@VERSIONS
def test_a_heartbeat_is_always_answered(enter: Enter, vsn: str) -> None:
    client = enter(vsn=vsn)
    assert client.reply(client.push("phoenix", "heartbeat")) == OK


@VERSIONS
def test_a_reply_repeats_the_refs_of_its_frame(enter: Enter, vsn: str) -> None:
    client = enter(vsn=vsn, topic="room/1")
    client.push("room/1", "hello", {"a": 1}, ref="ü-7", join_ref="j")
    frames = {frame["event"]: frame for frame in client.sync()}
    reply = {"join_ref": "j", "ref": "ü-7", "topic": "room/1", "event": "phx_reply", "payload": OK}
    told = {"join_ref": None, "ref": None, "topic": "room/1", "event": "hello", "payload": {"a": 1}}
    assert frames == {"phx_reply": reply, "hello": told}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_frame_is_told_to_the_connection(enter: Enter, name: str) -> None:
    client = enter(topic="room/1")
    client.text(BROKEN[name])
    told = client.event("phoenix", "error")
    assert told["code"] == "invalid_frame"
    assert told["reason"].startswith("The server could not read this frame.")
    assert client.ask("room/1", "alive") == OK


@VERSIONS
@pytest.mark.parametrize("name", REFUSED)
def test_a_frame_that_can_t_be_is_answered(enter: Enter, server: Server, name: str, vsn: str) -> None:
    topic, event, payload = REFUSED[name]
    client, other = enter(vsn=vsn, topic="room/1"), enter(topic="room/1")
    client.sync()
    answer = client.ask(topic, event, payload)
    assert (answer["status"], answer["response"]["code"]) == ("error", "invalid_frame")
    assert answer["response"]["ref"] in [refusal["ref"] for refusal in server.call("refusals")]
    assert settle(client, other) == [[], []]
    assert client.ask("room/1", "alive") == OK


@pytest.mark.parametrize("name", SUPABASE_REFUSED)
def test_a_broadcast_that_can_t_be_is_answered(enter: Enter, name: str) -> None:
    event, payload = SUPABASE_REFUSED[name]
    client, other = enter(topic="realtime:room/1"), enter(topic="room/1")
    client.sync()
    answer = client.ask("realtime:room/1", event, payload)
    assert (answer["status"], answer["response"]["code"]) == ("error", "invalid_frame")
    assert other.sync() == []


def test_random_bytes_end_nothing(enter: Enter) -> None:
    client = enter(topic="room/1")
    for data in (b"", b"\x00", b"\x03", b"\x03\xff\xff\xff\xff\xff\x01", b"\x07abc", bytes(range(5, 256)), b"\x03" * 5):
        client.binary(data)
        assert client.event("phoenix", "error")["code"] == "invalid_frame"
    client.binary(user_broadcast("realtime:room/1", "e", b"{not json", 1, "1", "9"))
    answer = client.reply("9")
    assert answer["response"]["code"] == "invalid_frame"
    client.binary(user_broadcast("realtime:room/1", "e", b'1],"x":[2', 1, "1", "10"))
    assert client.reply("10")["response"]["code"] == "invalid_frame"
    client.binary(user_broadcast("realtime:room/1", "e", b'{"a":"\xff"}', 1, "1", "11"))
    assert client.reply("11")["response"]["code"] == "invalid_frame", "text frames are UTF-8"
    client.binary(binary_push("room/1", "access_token", b"\x00", "1", "12"))
    assert client.reply("12")["response"]["code"] == "invalid_frame"
    assert client.ask("room/1", "alive") == OK


def test_a_push_to_a_topic_that_was_not_joined(enter: Enter) -> None:
    client = enter()
    for event in ("message", "history", "private_message", "access"):
        answer = client.ask("room/1", event, {"target_client_id": "x"})
        assert (answer["status"], answer["response"]["reason"]) == ("error", "unmatched topic"), event


def test_leaving_what_one_is_not_in_is_answered_and_no_refusal(enter: Enter, server: Server) -> None:
    client = enter()
    assert client.join_topic("closed")["response"]["code"] == "anonymous_not_allowed"
    before = len(server.call("refusals"))
    assert client.ask("closed", "phx_leave") == OK
    assert len(server.call("refusals")) == before


@VERSIONS
def test_leaving_is_answered_and_closes_the_topic(enter: Enter, vsn: str) -> None:
    client, other = enter(vsn=vsn, topic="room/1"), enter(topic="room/1")
    client.sync()
    assert client.ask("room/1", "phx_leave") == OK
    joined = client.join_refs["room/1"]
    closed = {"join_ref": joined, "ref": joined, "topic": "room/1", "event": "phx_close", "payload": {}}
    assert client.sync() == [closed]
    assert list(other.event("room/1", "presence_diff")["leaves"]) != []
    assert client.ask("room/1", "message")["response"]["reason"] == "unmatched topic"


def test_joining_again_closes_the_earlier_join(enter: Enter) -> None:
    client, other = enter(topic="room/1"), enter(topic="room/1")
    client.sync()
    before = client.join_refs["room/1"]
    assert client.join_topic("room/1") == OK
    closed, state = client.sync()
    assert (closed["event"], closed["join_ref"], closed["ref"]) == ("phx_close", before, before)
    assert (state["event"], len(state["payload"])) == ("presence_state", 2)
    assert other.sync() == [], "nobody else is to notice"


def test_a_leave_of_an_earlier_join_leaves_nothing(enter: Enter) -> None:
    client, other = enter(topic="room/1"), enter(topic="room/1")
    before = client.join_refs["room/1"]
    assert client.join_topic("room/1") == OK
    client.sync()
    ref = client.push("room/1", "phx_leave", join_ref=before)
    assert client.reply(ref) == OK
    assert client.ask("room/1", "still here") == OK
    assert client.join_topic("realtime:room/1") == OK
    client.sync()
    assert client.ask("room/1", "phx_leave") == OK
    client.sync()
    other.push("room/1", "hello")
    other.sync()
    assert client.event("realtime:room/1", "broadcast")["event"] == "hello"


def test_one_connection_may_speak_both_dialects(enter: Enter) -> None:
    client, other = enter(topic="realtime:room/1"), enter(topic="room/1")
    assert client.join_topic("room/1") == OK
    client.sync()
    other.push("room/1", "hello", {"a": 1})
    other.sync()
    assert client.event("room/1", "hello") == {"a": 1}, "the last join says in which words it is told"
    assert client.sync() == []


@VERSIONS
def test_what_is_no_object_is_wrapped(enter: Enter, connect: Connect, vsn: str) -> None:
    client, xano = enter(vsn=vsn, topic="room/1"), connect()
    supabase = enter(vsn=vsn)
    supabase.join_topic("realtime:room/1", {"config": {}})
    xano.join("room/1")
    settle(client, xano)
    for payload in (None, "text", 7, [1, {}], True, {"plain": None}):
        wrapped = payload if isinstance(payload, dict) else {"payload": payload}
        xano.say("room/1", payload)
        xano.sync()
        assert client.event("room/1", "message") == wrapped
        told = supabase.event("realtime:room/1", "broadcast")
        assert told == {"type": "broadcast", "event": "message", "payload": wrapped}


def test_the_events_of_a_client_reach_the_others_under_their_name(enter: Enter, connect: Connect) -> None:
    client, xano, supabase = enter(topic="room/1"), connect(), enter()
    supabase.join_topic("realtime:room/1", {"config": {"broadcast": {"self": True, "ack": True}}})
    xano.join("room/1")
    settle(client, xano, supabase)
    assert client.ask("room/1", "typing ✎", {"n": 12345678901234567890}) == OK
    assert client.event("room/1", "typing ✎") == {"n": 12345678901234567890}
    message = xano.take("message")
    assert (message["options"], message["payload"]) == (
        {"channel": "room/1", "event": "typing ✎"},
        {"n": 12345678901234567890},
    )
    assert supabase.event("realtime:room/1", "broadcast")["event"] == "typing ✎"
    assert supabase.ask("realtime:room/1", "broadcast", {"type": "broadcast", "event": "cursor", "payload": [1]}) == OK
    assert supabase.event("realtime:room/1", "broadcast") == {
        "type": "broadcast",
        "event": "cursor",
        "payload": {"payload": [1]},
    }
    assert client.event("room/1", "cursor") == {"payload": [1]}
    assert xano.take("message")["payload"] == [1]


@pytest.mark.parametrize("event", ["phx_close", "phx_reply", "presence_state", "chan_reply_1"])
def test_the_server_s_events_can_t_break_clients_either(enter: Enter, server: Server, event: str) -> None:
    client = enter(topic="room/1")
    server.call("event", channel="room/1", data={"a": 1}, event=event)
    server.call("event", channel="room/1", data=None, event="news")
    assert client.event("room/1", "event") == {"a": 1}
    assert client.event("room/1", "news") == {"payload": None}


@VERSIONS
def test_bytes_travel_as_bytes_where_the_protocol_has_them(enter: Enter, connect: Connect, vsn: str) -> None:
    data = bytes(range(256))
    client, other, xano = enter(topic="room/1"), enter(vsn=vsn, topic="room/1"), connect()
    supabase = enter(vsn=vsn)
    supabase.join_topic("realtime:room/1", {"config": {"broadcast": {"self": True, "ack": True}}})
    xano.join("room/1")
    settle(client, other, xano, supabase)
    client.binary(binary_push("room/1", "picture", data, client.join_refs["room/1"], "99"))
    assert client.reply("99") == OK
    frame, broadcast = other.next(), supabase.next()
    packed = xano.take("message")["payload"]
    if vsn == "2.0.0":
        assert frame == b"\x02\x06\x07room/1picture" + data
        assert broadcast == b"\x04\x0f\x07\x00\x00realtime:room/1picture" + data
    else:
        assert (frame["event"], frame["payload"]) == ("picture", packed)
        assert broadcast["payload"]["payload"] == packed
    assert list(packed) == ["$binary"]
    supabase.binary(user_broadcast("realtime:room/1", "blob", data, 0, supabase.join_refs["realtime:room/1"], "100"))
    assert supabase.reply("100") == OK
    assert xano.take("message")["payload"] == packed


def test_json_that_only_looks_like_bytes_is_passed_on_as_it_is(enter: Enter) -> None:
    client = enter(topic="room/1")
    for payload in ({"$binary": "no base64!"}, {"$binary": "YQ=", "b": 1}, {"$binary": "YQ"}, {"$binary": 7}):
        assert client.ask("room/1", "message", payload) == OK
        assert client.event("room/1", "message") == payload


def test_a_message_that_is_too_large_is_refused(enter: Enter, server: Server) -> None:
    client = enter(topic="room/1")
    client.push("room/1", "message", {"a": "x" * 70_000})
    assert client.event("phoenix", "error")["code"] == "message_too_large"
    assert client.ask("room/1", "message", {}) == OK


def test_history_on_joining_and_when_asked_for(enter: Enter, connect: Connect) -> None:
    xano, early = connect(), enter(topic="kept")
    xano.join("kept")
    xano.say("kept", "first")
    xano.sync()
    assert early.ask("kept", "named", {"n": 2}) == OK
    client = enter()
    assert client.join_topic("kept", {"history": True}) == OK
    messages = client.event("kept", "history")["messages"]
    assert [(m["event"], m["payload"]) for m in messages] == [("message", {"payload": "first"}), ("named", {"n": 2})]
    assert all(m["at"] == int(m["id"]) // 10_000 and len(m["client"]["socketId"]) == 16 for m in messages)
    assert client.ask("kept", "history") == {"status": "ok", "response": {"messages": messages}}
    supabase = enter()
    assert supabase.join_topic("realtime:kept", {"config": {"broadcast": {"replay": {"since": 0}}}}) == OK
    replayed = [supabase.event("realtime:kept", "broadcast") for _ in messages]
    assert [(r["event"], r["payload"], r["meta"]) for r in replayed] == [
        (m["event"], m["payload"], {"replayed": True, "id": m["id"]}) for m in messages
    ]


def test_the_private_thread_of_two_clients(enter: Enter, server: Server) -> None:
    ann, bob, eve = (enter(server.token(name), topic="kept") for name in ("ann", "bob", "eve"))
    ids = {c["user_id"]: c["socket_id"] for c in server.call("clients")}
    payload = {"target_client_id": ids["bob"], "text": "psst"}
    assert ann.ask("kept", "private_message", payload) == OK
    assert ann.event("kept", "private_message") == bob.event("kept", "private_message") == payload
    assert eve.sync() == []
    for client, other, seen in ((ann, "bob", 1), (bob, "ann", 1), (eve, "ann", 0), (ann, "eve", 0)):
        answer = client.ask("kept", "history", {"target_client_id": ids[other]})
        assert len(answer["response"]["messages"]) == seen


def test_a_message_to_oneself_comes_once(enter: Enter, server: Server) -> None:
    server.publish(rule("room/*", "A M P V X"))
    client = enter()
    client.join_topic("realtime:room/1", {"config": {"broadcast": {"self": False, "ack": True}}})
    (info,) = [c for c in server.call("clients") if "room/1" in c["channels"]]
    to_itself = {"target_client_id": info["socket_id"]}
    answer = client.ask(
        "realtime:room/1", "broadcast", {"type": "broadcast", "event": "private_message", "payload": to_itself}
    )
    assert answer == OK
    assert [frame["payload"]["payload"] for frame in client.sync()] == [to_itself]


def test_what_others_write_to_a_user_in_confidence_reaches_no_test_client(enter: Enter, server: Server) -> None:
    real, posing = enter(server.token("bob"), topic="room/1"), enter(server.token("bob", test=True), topic="room/1")
    sender, trying = enter(server.token("ann"), topic="room/1"), enter(server.token("eve", test=True), topic="room/1")
    settle(real, posing, sender, trying)
    for client, reached in ((sender, [True, False]), (trying, [True, True])):
        assert client.ask("room/1", "secure_private_message", {"target_user_id": "bob"}) == OK
        assert [bool(frames) for frames in settle(real, posing)] == reached


def test_a_rule_change_closes_the_topic_and_says_why(enter: Enter, server: Server) -> None:
    client, known = enter(topic="room/1"), enter(server.token("ann"), topic="room/1")
    supabase = enter()
    supabase.join_topic("realtime:room/1", {"config": {}})
    settle(client, known, supabase)
    server.publish(rule("room/*", "M Ma"))
    for anonymous, topic in ((client, "room/1"), (supabase, "realtime:room/1")):
        told = anonymous.event(topic, "phx_close")
        assert (told["code"], told["reason"]) == (
            "anonymous_not_allowed",
            "Anonymous clients cannot join this channel.",
        )
        assert server.call("explain", ref=told["ref"])[-1].startswith("*Anonymous clients* is off")
    assert known.ask("room/1", "still here") == OK


def test_being_taken_out_closes_the_topic(enter: Enter, server: Server) -> None:
    client = enter(server.token("ann"), topic="room/1")
    assert server.call("take_out", channel="room/1", user="ann") == 1
    assert client.event("room/1", "phx_close") == {"reason": "The server took this client out of this channel."}
    assert server.call("put_in", channel="room/1", user="ann") == 1
    assert client.sync() == [], "the client has no channel object that could hear of it"
    assert client.join_topic("room/1") == OK


def test_too_many_frames_are_refused_and_heartbeats_are_not() -> None:
    with serving(limit_messages_per_minute=5) as server:
        server.publish(rule("room/*", "A M"))
        client = Phoenix(server)
        assert client.join_topic("room/1") == OK
        answers = [client.ask("room/1", "message") for _ in range(6)]
        assert [answer["status"] for answer in answers] == ["ok"] * 4 + ["error"] * 2
        assert answers[-1]["response"]["code"] == "rate_limited"
        assert client.ask("room/1", "phx_leave")["response"]["code"] == "rate_limited"
        assert client.ask("phoenix", "heartbeat") == OK
        client.end()


def test_frames_of_the_other_version_are_understood(enter: Enter) -> None:
    client = enter(topic="room/1")
    client.text(json.dumps({"topic": "room/1", "event": "message", "payload": {}, "ref": 5, "join_ref": None}))
    frames = {frame["event"]: frame for frame in client.sync()}
    assert frames["phx_reply"]["ref"] == 5


def test_a_client_that_stays_hears_nothing_of_one_that_breaks(enter: Enter, connect: Connect) -> None:
    other = connect()
    other.join("room/1")
    client = enter(topic="room/1")
    other.sync()
    for text in BROKEN.values():
        client.text(text)
    client.sync()
    assert other.sync() == []
