"""`POST events`: who hears a message of the server, and what the answer says of it."""

import json

import pytest

from tests.api.client import Api, Client, Server, a_channel, rule


def test_members_get_the_event_and_the_answer_counts_them(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    with Client(server).join(channel) as one, Client(server).join(channel) as two, Client(server) as outside:
        published = api.publish(channel, {"hello": "world"}, event="greeting")
        assert published["recipients"] == 2
        assert published["refused"] == {}
        assert published["id"].isdigit()
        assert len(published["id"]) == 17
        for client in (one, two):
            assert client.next() == {
                "action": "event",
                "options": {"channel": channel, "event": "greeting"},
                "payload": {"data": {"hello": "world"}},
            }
        outside.send("join", channel, None)
        assert outside.next()["action"] == "join"


@pytest.mark.parametrize(
    "data",
    [
        '{"b":1,  "a" : [1.50, 1e2, -0.0]}',
        '{"a":1,"a":2}',
        '"\\u00e4\\/\\ud83d\\ude00"',
        '"ä😀"',
        "12345678901234567890123456789.0001",
        "null",
        "false",
        '""',
        "[]",
    ],
)
def test_data_travels_as_the_same_bytes(api: Api, server: Server, data: str) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    with Client(server).join(channel) as client:
        body = f'{{"channel": "{channel}", "data": {data} }}'.encode()
        assert api("POST", "/events", raw=body).json["recipients"] == 1
        assert client.text().endswith(f'"payload":{{"data":{data}}}}}')


def test_an_event_can_speak_of_a_user_in_xanos_terms(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    with Client(server).join(channel) as client:
        api.publish(channel, 1, auth={"dbo_id": 12, "row_id": 34})
        assert client.next()["client"]["permissions"] == {"dbo_id": 12, "row_id": 34}


def test_a_target_gets_it_alone(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    ann, bob = api.token("ann")["token"], api.token("bob")["token"]
    with (
        Client(server, ann).join(channel) as first,
        Client(server, ann).join(channel) as second,
        Client(server, bob).join(channel) as third,
    ):
        assert api.publish(channel, "for ann", target={"user": "ann"})["recipients"] == 2
        ids = {c["user_id"]: c["socketId"] for c in api("GET", f"/channels/{channel}/members").json["members"]}
        assert api.publish(channel, "for bob", target={"socketId": ids["bob"]})["recipients"] == 1
        assert api.publish(channel, "for nobody", target={"user": "eve"})["recipients"] == 0
        assert [[f["payload"]["data"] for f in c.seen(channel)] for c in (first, second, third)] == [
            ["for ann"],
            ["for ann"],
            ["for bob"],
        ]


def test_silent_members_are_refused_with_the_reason(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "X"))
    channel = a_channel()
    token = api.token("ann")["token"]
    with Client(server).join(channel) as silent, Client(server, token).join(channel) as heard:
        published = api.publish(channel, "x")
        assert published["recipients"] == 1
        assert published["refused"] == {"anonymous_not_allowed": 1}
        assert heard.next()["action"] == "event"
        assert silent.seen(channel) == []


def test_trace_only_delivers_and_stores_nothing(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A", history=25, history_events=True))
    channel = a_channel()
    with Client(server).join(channel) as client:
        traced = api.publish(channel, "traced", trace_only=True)
        assert traced["recipients"] == 1
        assert client.seen(channel) == []
        assert api("GET", f"/channels/{channel}/history").json["messages"] == []


def test_where_nobody_is_nobody_is_reached(api: Api) -> None:
    api.rules(rule("room/*", "A"))
    assert api.publish(a_channel(), 1)["recipients"] == 0
    assert api.publish("no/rule/here", 1)["recipients"] == 0


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({"channel": ""}, ["channel"]),
        ({"channel": "x" * 256}, ["channel"]),
        ({"channel": "a\u0000b"}, ["channel"]),
        ({"channel": 1}, ["channel"]),
        ({"target": {}}, ["target"]),
        ({"target": {"socketId": "a", "user": "b"}}, ["target"]),
        ({"target": {"socketId": ""}}, ["target.socketId"]),
        ({"auth": {"dbo_id": "1", "row_id": 1}}, ["auth.dbo_id"]),
        ({"auth": {"dbo_id": -1, "row_id": 1}}, ["auth.dbo_id"]),
        ({"auth": {"dbo_id": 1}}, ["auth.row_id"]),
        ({"event": ""}, ["event"]),
        ({"trace_only": "yes"}, ["trace_only"]),
        ({"socket_id": "a"}, ["socket_id"]),
    ],
)
def test_what_can_not_be_used_is_named_by_its_place(api: Api, change: dict[str, object], paths: list[str]) -> None:
    answer = api("POST", "/events", {"channel": "room/x", "data": 1, **change})
    assert answer.status == 422
    assert answer.error == "invalid_input"
    assert answer.paths == paths


def test_data_is_needed(api: Api) -> None:
    answer = api("POST", "/events", {"channel": "room/x"})
    assert (answer.status, answer.paths) == (422, ["data"])


def test_data_may_be_as_large_as_a_message_and_no_larger(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    most = server.settings.limit_message_bytes
    with Client(server).join(channel) as client:
        assert api.publish(channel, "x" * (most - 2))["recipients"] == 1
        assert len(json.loads(client.text())["payload"]["data"]) == most - 2
        answer = api("POST", "/events", {"channel": channel, "data": "x" * (most - 1)})
        assert (answer.status, answer.error) == (413, "message_too_large")
        answer = api("POST", "/events", {"channel": channel, "data": "x" * (4 * most)})
        assert (answer.status, answer.error) == (413, "body_too_large")
        assert client.seen(channel) == []


def test_a_channel_that_nobody_can_be_in_is_warned_of(api: Api) -> None:
    # A typing error in the name looked like a channel that happens to be empty.
    api.rules(rule("room/*", "A"), rule("off", "A", enabled=False))
    assert "warning" not in api.publish("room/empty", 1)
    for channel in ("rooms/empty", "off"):
        answer = api.publish(channel, 1)
        assert answer["warning"] == {"code": "no_rule", "message": "No active rule allows this channel."}
        assert answer["recipients"] == 0
    api.rules(rule("room/*", "A"), access_manager=True)
    assert "warning" not in api.publish("room/empty", 1)
    api.rules(rule("room/*", "A"), enabled=False)
    assert api.publish("room/empty", 1)["warning"]["code"] == "workspace_disabled"
