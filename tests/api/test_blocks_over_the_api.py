"""Blocks and kicks over the API: in force when it answers, audited, and nothing but what was meant."""

import pytest
from websockets.exceptions import ConnectionClosed

from .client import Api, Client, Server, a_channel, rule


@pytest.fixture(autouse=True)
def rules(api: Api) -> None:
    api.rules(rule("*", "A M P"))


def ended(client: Client, code: str) -> None:
    assert client.next()["payload"]["code"] == code
    with pytest.raises(ConnectionClosed) as closed:
        client.text()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def test_a_block_is_in_force_when_it_answers_and_until_it_is_ended(server: Server, api: Api) -> None:
    token = api.token("blocked-1")["token"]
    with Client(server, token).join(a_channel()) as client:
        answer = api("POST", "/blocks", {"user": "blocked-1", "seconds": 600, "reason": "spam"})
        assert answer.status == 201
        made = answer.json
        assert (made["user"], made["address"], made["reason"], made["disconnected"]) == ("blocked-1", None, "spam", 1)
        assert made["by"].startswith("API key tests")
        ended(client, "blocked")
    with Client(server, token) as again:
        ended(again, "blocked")
    listed = api("GET", "/blocks").json["blocks"]
    assert [block["id"] for block in listed] == [made["id"]]
    assert api("DELETE", f"/blocks/{made['id']}").json["user"] == "blocked-1"
    with Client(server, token).join(a_channel()):
        pass
    assert api("GET", "/blocks").json == {"blocks": []}
    assert api("DELETE", f"/blocks/{made['id']}").error == "not_found"
    assert server.entries("block:create")[0].after["value"] == "blocked-1"
    assert server.entries("block:end")[0].before["value"] == "blocked-1"


def test_a_user_whose_id_is_a_number(api: Api) -> None:
    made = api("POST", "/blocks", {"user": 4711, "seconds": 60}).json
    assert made["user"] == "4711"
    api("DELETE", f"/blocks/{made['id']}")


def test_an_address_is_answered_in_its_one_form(api: Api) -> None:
    made = api("POST", "/blocks", {"address": "::ffff:203.0.113.7", "seconds": 60}).json
    assert (made["address"], made["disconnected"]) == ("203.0.113.7", 0)
    api("DELETE", f"/blocks/{made['id']}")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"seconds": 60}, "user"),
        ({"seconds": 60, "user": "1", "address": "203.0.113.7"}, "user"),
        ({"seconds": 60, "address": "example.com"}, "address"),
        ({"seconds": 60, "user": ""}, "user"),
        ({"seconds": 60, "user": "a\x00"}, "user"),
        ({"seconds": 0, "user": "1"}, "seconds"),
        ({"seconds": 7 * 24 * 3600 + 1, "user": "1"}, "seconds"),
        ({"user": "1"}, "seconds"),
        ({"seconds": 60, "user": "1", "reason": "x" * 2001}, "reason"),
        ({"seconds": 60, "user": "1", "until": "x"}, "until"),
    ],
)
def test_what_cannot_be_blocked(api: Api, body: dict[str, object], path: str) -> None:
    answer = api("POST", "/blocks", body)
    assert (answer.status, answer.error, answer.paths) == (422, "invalid_input", [path])
    assert api("GET", "/blocks").json == {"blocks": []}


def test_who_may(server: Server) -> None:
    for scope in ("read", "rules", "tokens"):
        other = server.api(scope)
        assert other("GET", "/blocks").error == "scope_missing"
        assert other("POST", "/blocks", {"user": "1", "seconds": 60}).error == "scope_missing"
        assert other("DELETE", "/blocks/1").error == "scope_missing"
        assert other("DELETE", "/clients/x").error == "scope_missing"


def test_a_block_of_another_workspace_is_not_there(server: Server, api: Api) -> None:
    other = server.api(workspace="other")
    made = other("POST", "/blocks", {"user": "neighbour", "seconds": 60}).json
    assert api("DELETE", f"/blocks/{made['id']}").error == "not_found"
    assert api("GET", "/blocks").json == {"blocks": []}
    assert other("DELETE", f"/blocks/{made['id']}").status == 200
    assert api("DELETE", f"/blocks/{'9' * 18}").error == "not_found"


def test_a_kick(server: Server, api: Api) -> None:
    with Client(server, api.token("kicked-1")["token"]).join(a_channel()) as client:
        (found,) = api("GET", "/clients?user=kicked-1").json["clients"]
        assert found["test"] is False
        answer = api("DELETE", f"/clients/{found['socketId']}")
        assert answer.json == {"socketId": found["socketId"], "user_id": "kicked-1", "address": "127.0.0.1"}
        ended(client, "kicked")
    assert api("DELETE", f"/clients/{found['socketId']}").error == "not_found"
    entry = server.entries("client:close")[0]
    assert (entry.after["socket_id"], entry.source) == (found["socketId"], "api")


def test_what_else_is_asked_about_a_blocked_user(api: Api) -> None:
    channel, question = a_channel(), {"channel": "x", "operation": "join", "as": {"sub": "asked"}}
    assert api("POST", "/decide", question).json["allowed"]
    made = api("POST", "/blocks", {"user": "asked", "seconds": 60}).json
    decided = api("POST", "/decide", question).json
    assert (decided["code"], decided["steps"][-1]["subject"]) == ("blocked", "block")
    assert api("POST", "/decide", question | {"facts": {"blocked": False}}).json["allowed"]
    assert api("POST", "/decide", question | {"as": {"sub": "other"}}).json["allowed"]
    assert api("POST", "/decide", question | {"as": "anonymous"}).json["allowed"]
    put_in = api("POST", f"/channels/{channel}/members", {"user": "asked"}).json
    assert (put_in["joined"], put_in["warning"]["code"]) == (0, "blocked")
    api("DELETE", f"/blocks/{made['id']}")
    assert "warning" not in api("POST", f"/channels/{channel}/members", {"user": "asked"}).json
