"""Test clients of the dashboard on open connections: decided like others, marked, and gone with the sign-in."""

import http.cookiejar
import itertools
import json
import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.dashboard import Dashboard
from tests.servers import Server, rule
from tests.sockets.clients import Client, Connect, settle

numbers = itertools.count(1)


class Guest(Dashboard):
    """Somebody who is signed in already, with a role."""

    def __init__(self, server: Server, role: str) -> None:
        self.server = server
        self.username = f"{role}-{next(numbers)}"
        self.cookies = http.cookiejar.CookieJar()
        secret = server.call("sign_in", username=self.username, role=role)
        where: Any = (None, False, "127.0.0.1", True, False, "/", True)
        self.cookies.set_cookie(
            http.cookiejar.Cookie(0, "tidegate", secret, *where, False, None, False, None, None, {})
        )
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def test_client(self, **fields: str) -> dict[str, Any]:
        status, said = self.post("/w/default/bench/token", **{"who": "anonymous"} | fields)
        made: dict[str, Any] = json.loads(said)
        assert status == 201, said
        return made

    def number_of(self, who: "Guest") -> str:
        """The number of somebody's account, from the page of the people."""
        page = self.get("/w/default/people")[1]
        return str(re.findall(r"/people/(\d+)/", page[page.index(who.username) :])[0])


@pytest.fixture
def owner(server: Server) -> Guest:
    server.publish(rule("open/*", "A P M X V", history=25), rule("members/*", "M Ma V P", history=25))
    return Guest(server, "owner")


@pytest.fixture
def open_origins(server: Server) -> Iterator[None]:
    yield
    server.call("origins", allowed=[])


def enter(client: Client, channel: str) -> dict[str, Any]:
    answer = client.join(channel)
    assert answer["action"] == "join", answer
    return answer


def test_a_test_client_s_answer_is_not_kept_and_its_token_is_marked(owner: Guest, server: Server) -> None:
    made = owner.test_client(who="user", user="ann", extras='{"name": "Ann"}')
    assert made["user"] == "ann"
    inspection = next(e for e in server.call("audited") if e["action"] == "token:mint")
    assert (inspection["after"]["test"], inspection["after"]["jti"]) == (True, made["jti"])
    assert made["token"] not in json.dumps(server.call("audited"))
    assert made["token"] not in server.log


def test_an_anonymous_test_client_is_served_as_any_anonymous_client(owner: Guest, connect: Connect) -> None:
    test, guest = connect(owner.test_client()["token"]), connect()
    for client in (test, guest):
        assert client.join("members/a")["payload"]["code"] == "anonymous_not_allowed"
        enter(client, "open/a")
        client.say("open/a", "x", authenticated=True)
        assert client.error()["code"] == "authentication_required"
    settle(test, guest)
    test.say("open/a", "hello")
    sender = guest.take("message")["client"]
    assert (sender["extras"], sender["permissions"]) == ({}, {"dbo_id": 0, "row_id": 0})


def test_workspaces_that_list_origins_let_test_clients_in(
    owner: Guest, server: Server, connect: Connect, open_origins: None
) -> None:
    token = owner.test_client()["token"]
    server.call("origins", allowed=["https://app.example.com"])
    here = f"http://127.0.0.1:{server.port}"
    enter(connect(token, origin=here), "open/a")
    stranger = connect(origin=here)
    assert stranger.error()["code"] == "origin_not_allowed"
    assert stranger.closed() == 4401


def test_a_test_client_opens_no_private_history(owner: Guest, server: Server, connect: Connect) -> None:
    """An editor's test client may bear a real user's id: what that user wrote in confidence stays closed."""
    ann, bob = connect(server.token("ann")), connect(server.token("bob"))
    for client in (ann, bob):
        enter(client, "members/a")
    settle(ann, bob)
    bob_id = {c["user_id"]: c["socket_id"] for c in server.call("clients")}["bob"]
    ann.whisper("members/a", bob_id, "a secret")
    settle(ann, bob)
    ann.send("history", "members/a", socketId=bob_id)
    assert [m["payload"] for m in ann.take("history")["payload"]["history"]] == ["a secret"]
    test = connect(owner.test_client(who="user", user="ann")["token"])
    enter(test, "members/a")
    test.send("history", "members/a", socketId=bob_id)
    assert test.take("history")["payload"]["history"] == []
    test.say("members/a", "in public")
    settle(test)
    test.send("history", "members/a")
    assert [m["payload"] for m in test.take("history")["payload"]["history"]] == ["in public"]


def _signs_out(_owner: Guest, who: Guest) -> None:
    who.post("/sign-out")


def _changes_password(_owner: Guest, who: Guest) -> None:
    new = {"current": "correct horse battery", "password": "another long phrase", "repeated": "another long phrase"}
    assert who.post("/account/password", **new)[0] == 200


def _is_ended_by_an_owner(owner: Guest, who: Guest) -> None:
    assert owner.post(f"/w/default/people/{owner.number_of(who)}/sessions/end")[0] == 200


def _loses_the_role(owner: Guest, who: Guest) -> None:
    assert owner.post(f"/w/default/people/{owner.number_of(who)}/role", role="viewer")[0] == 200


def _is_removed(owner: Guest, who: Guest) -> None:
    assert owner.post(f"/w/default/people/{owner.number_of(who)}/remove")[0] == 200


ENDS = (_signs_out, _changes_password, _is_ended_by_an_owner, _loses_the_role, _is_removed)


@pytest.mark.parametrize("end", ENDS)
def test_they_are_gone_when_the_request_that_ends_the_sign_in_returns(
    owner: Guest, server: Server, connect: Connect, end: Callable[[Guest, Guest], None]
) -> None:
    who = Guest(server, "developer")
    mine = [connect(made["token"]) for made in (who.test_client(), who.test_client(who="user", user="x"))]
    others = [connect(owner.test_client()["token"]), connect()]
    for client in (*mine, *others):
        enter(client, "open/a")
    settle(*mine, *others)
    end(owner, who)
    left = {client["socket_id"] for client in server.call("clients")}
    assert len(left) == 2
    for client in mine:
        assert client.error()["code"] == "token_revoked"
        assert client.closed() == 4000
    for client in others:
        client.say("open/a", "still here")
    settle(*others)


def test_a_token_that_ended_lets_nobody_in_again(owner: Guest, connect: Connect) -> None:
    token = owner.test_client(who="user", user="ann")["token"]
    owner.post("/sign-out")
    back = connect(token)
    assert back.error()["code"] == "token_revoked"
    assert back.join("members/a")["payload"]["code"] == "anonymous_not_allowed"


def test_roles_over_http(server: Server) -> None:
    fields = {"who": "user", "user": "42"}
    assert Guest(server, "developer").test_client(**fields)["user"] == "test:42"
    assert Guest(server, "editor").test_client(**fields)["user"] == "42"
    assert Guest(server, "viewer").post("/w/default/bench/token", **fields)[0] == 403


@pytest.mark.parametrize(
    ("fields", "beside"),
    [
        ({"who": "nobody"}, {"who"}),
        ({"who": "user", "user": " "}, {"user"}),
        ({"who": "user", "user": "x" * 256}, {"user"}),
        ({"who": "user", "user": "a\x01b"}, {"user"}),
        ({"who": "user", "user": "a", "extras": "[1]"}, {"extras"}),
        ({"who": "user", "user": "a", "extras": "{"}, {"extras"}),
        ({"who": "claims"}, {"claims"}),
        ({"who": "claims", "claims": '"x"'}, {"claims"}),
        ({"who": "claims", "claims": '{"exp": 1}'}, {"claims"}),
        ({"who": "claims", "claims": '{"test": true}'}, {"claims"}),
        ({"who": "claims", "claims": '{"grants": 5}'}, {"claims"}),
        ({"who": "claims", "claims": '{"dbo_id": 1, "row_id": 2}'}, {"claims"}),
        ({"who": "claims", "claims": "[" * 10_000}, {"claims"}),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(server: Server, fields: dict[str, str], beside: set[str]) -> None:
    status, said = Guest(server, "developer").post("/w/default/bench/token", **fields)
    assert (status, set(json.loads(said)["problems"])) == (422, beside)


def test_ids_are_told_of_test_clients_alone(owner: Guest, server: Server, connect: Connect) -> None:
    made = owner.test_client()
    test = connect(made["token"])
    ordinary = server.call("mint", sub="u")
    with connect(ordinary["token"]) as client:
        settle(test, client)
        answer = json.loads(owner.get(f"/w/default/bench/ids?jti={made['jti']}&jti={ordinary['jti']}&jti=x")[1])
    assert list(answer) == [made["jti"]]
    enter(test, "open/a")
    test.say("open/a", "x")
    assert test.take("message")["client"]["socketId"] == answer[made["jti"]]
