"""What a channel keeps, read by programs, and deleting from it."""

import json

import pytest

from tests.api.client import Api, Client, Server, a_channel, rule


def _texts(answer: dict[str, list[dict[str, object]]]) -> list[object]:
    return [message["payload"] for message in answer["messages"]]


def test_messages_and_events_are_read_oldest_first(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A M X V P", history=25, history_events=True))
    channel = a_channel()
    token = api.token("ann", extras={"name": "Ann"}, dbo_id=1, row_id=2)["token"]
    with Client(server, token).join(channel) as ann:
        ann.send("message", channel, {"n": 1})
        ann.send("message", channel, {"n": 2}, authenticated=True)
        ann.seen(channel)
        event = api.publish(channel, {"n": 3}, event="news")
    read = api("GET", f"/channels/{channel}/history").json
    assert (read["channel"], read["keeps"], read["complete"]) == (channel, 25, True)
    first, second, third = read["messages"]
    assert [m["kind"] for m in read["messages"]] == ["public", "authenticated", "event"]
    assert first["client"]["extras"] == {"name": "Ann"}
    assert first["client"]["permissions"] == {"dbo_id": 1, "row_id": 2}
    assert first["at"] == int(first["id"]) // 10_000
    assert second["payload"] == {"n": 2}
    assert (third["id"], third["event"], third["payload"]) == (event["id"], "news", {"n": 3})


def test_private_messages_are_not_shown(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A M V", history=25))
    channel = a_channel()
    with Client(server).join(channel) as one, Client(server).join(channel):
        ids = [m["socketId"] for m in api("GET", f"/channels/{channel}/members").json["members"]]
        for target in ids:
            one.send("message", channel, "secret", socketId=target)
        one.send("message", channel, "open")
        one.seen(channel)
    assert _texts(api("GET", f"/channels/{channel}/history").json) == ["open"]


def test_it_is_read_in_pages_and_says_when_it_is_complete(api: Api) -> None:
    api.rules(rule("room/*", "A", history=25, history_events=True))
    channel = a_channel()
    ids = [api.publish(channel, n)["id"] for n in range(10)]
    page = api("GET", f"/channels/{channel}/history?limit=4").json
    assert (_texts(page), page["complete"]) == ([6, 7, 8, 9], False)
    page = api("GET", f"/channels/{channel}/history?limit=4&before={page['messages'][0]['id']}").json
    assert (_texts(page), page["complete"]) == ([2, 3, 4, 5], False)
    page = api("GET", f"/channels/{channel}/history?limit=4&before={page['messages'][0]['id']}").json
    assert (_texts(page), page["complete"]) == ([0, 1], True)
    exact = api("GET", f"/channels/{channel}/history?limit=10").json
    assert ([m["id"] for m in exact["messages"]], exact["complete"]) == (ids, True)
    nothing = api("GET", f"/channels/{channel}/history?before={ids[0]}").json
    assert (nothing["messages"], nothing["complete"]) == ([], True)


def test_no_more_is_shown_than_the_rule_keeps(api: Api) -> None:
    """The table is cut back now and then only, so it holds more than the rule keeps for a while."""
    api.rules(rule("room/*", "A", history=50, history_events=True))
    channel = a_channel()
    for n in range(40):
        api.publish(channel, n)
    api.rules(rule("room/*", "A", history=25, history_events=True))
    read = api("GET", f"/channels/{channel}/history?limit=20").json
    assert (_texts(read), read["complete"]) == (list(range(20, 40)), False)
    rest = api("GET", f"/channels/{channel}/history?before={read['messages'][0]['id']}").json
    assert (_texts(rest), rest["complete"]) == (list(range(15, 20)), True)


def test_a_channel_that_keeps_nothing(api: Api) -> None:
    api.rules(rule("room/*", "A"))
    for channel in (a_channel(), "no/rule"):
        read = api("GET", f"/channels/{channel}/history").json
        assert read == {"channel": channel, "keeps": 0, "complete": True, "messages": []}


def test_payloads_are_the_bytes_that_were_sent(api: Api) -> None:
    api.rules(rule("room/*", "A", history=25, history_events=True))
    channel = a_channel()
    data = b'{"b":1,  "a" : [1.50, 1e2]}'
    api("POST", "/events", raw=b'{"channel":"%b","data":%b}' % (channel.encode(), data))
    assert b'"payload":' + data in api("GET", f"/channels/{channel}/history").body


def test_a_deleted_message_is_gone_and_members_are_told(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A", history=25, history_events=True))
    channel = a_channel()
    sent = [api.publish(channel, n)["id"] for n in range(3)]
    with Client(server).join(channel) as member:
        assert api("DELETE", f"/channels/{channel}/history/{sent[1]}").json == {"channel": channel, "id": sent[1]}
        told = member.next()
        assert (told["action"], told["payload"]["data"]) == ("event", {"type": "message_deleted", "id": sent[1]})
    assert _texts(api("GET", f"/channels/{channel}/history").json) == [0, 2]
    again = api("DELETE", f"/channels/{channel}/history/{sent[1]}")
    assert (again.status, again.error) == (404, "not_found")
    assert server.entries("message:delete")[0].after == {"channel": channel, "id": sent[1]}


def test_a_private_message_is_not_there_to_be_deleted(api: Api, server: Server) -> None:
    # It was found, and its id was announced to the whole channel.
    api.rules(rule("room/*", "A M V", history=25))
    channel = a_channel()
    with Client(server).join(channel) as ann, Client(server).join(channel) as bob:
        for member in api("GET", f"/channels/{channel}/members").json["members"]:
            ann.send("message", channel, "secret", socketId=member["socketId"])
        (sent, *_) = [frame["id"] for client in (ann, bob) for frame in client.seen(channel)]
        assert api("DELETE", f"/channels/{channel}/history/{sent}").status == 404
        assert ann.seen(channel) + bob.seen(channel) == []


def test_a_message_is_deleted_through_its_own_channel_and_workspace_alone(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A", history=25, history_events=True))
    channel = a_channel()
    sent = api.publish(channel, "stays")["id"]
    assert api("DELETE", f"/channels/{a_channel()}/history/{sent}").status == 404
    assert server.api(workspace="other")("DELETE", f"/channels/{channel}/history/{sent}").status == 404
    assert _texts(api("GET", f"/channels/{channel}/history").json) == ["stays"]


@pytest.mark.parametrize("message_id", ["x", "-1", "0", "1.0", "9" * 18, "9" * 19, "9" * 400, "%20", "", "%D9%A1"])
def test_ids_that_no_message_has(api: Api, message_id: str) -> None:
    answer = api("DELETE", f"/channels/room%2Fx/history/{message_id}")
    assert (answer.status, answer.error) == (404, "not_found")


def test_what_was_published_before_is_in_the_answer(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A M", history=1000))
    channel = a_channel()
    with Client(server).join(channel) as client:
        for n in range(200):
            client.send("message", channel, n)
        for n in range(200):
            assert client.next()["payload"] == n
    read = api("GET", f"/channels/{channel}/history?limit=1000")
    assert _texts(read.json) == list(range(200))
    assert json.loads(read.body)["complete"] is True
