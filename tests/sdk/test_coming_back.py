"""What the SDK does by itself when its connection ends: new tokens, tokens that end, a restart of the server."""

from collections.abc import Callable

import pytest

from tests.sdk.users import Json, User
from tests.servers import Server, rule

MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("chat", "A P M"), rule("members", "M Ma P"))


def closed(told: Json) -> bool:
    return "closed" in told


def test_reconnecting_with_a_new_token(server: Server, user: MakeUser) -> None:
    guest = user()
    guest.join("chat")
    guest.tell("channel", name="members", options={})
    assert guest.error("members")["payload"]["code"] == "anonymous_not_allowed"
    guest.tell("token", token=server.token("ann", extras={"name": "Ann"}))
    assert guest.wait("the close", closed)["closed"] == 4000
    guest.frame("members", "join")
    guest.frame("chat", "join")
    guest.say("members", "signed in")
    assert guest.hears("members", "signed in")["client"]["extras"] == {"name": "Ann"}


def test_a_revoked_token_brings_the_client_back_with_its_current_one(server: Server, user: MakeUser) -> None:
    minted = server.call("mint", sub="ann")
    ann = user(minted["token"])
    ann.join("members")
    server.call("revoke", jti=minted["jti"])
    assert ann.error("members")["payload"]["code"] == "token_revoked"
    assert ann.wait("the close", closed)["closed"] == 4000
    # It comes back by itself, with the same token: anonymous now, and told so.
    assert ann.error("members")["payload"]["code"] == "token_revoked"
    assert ann.error("members")["payload"]["code"] == "anonymous_not_allowed"


def test_a_token_that_expires(server: Server, user: MakeUser) -> None:
    ann = user(server.token("ann", ttl=4))
    ann.join("members")
    assert ann.error("members")["payload"]["code"] == "token_expired"
    assert ann.wait("the close", closed)["closed"] == 4000


def test_a_restart_of_the_server(server: Server, user: MakeUser) -> None:
    ann, bob, guest = user(server.token("ann")), user(server.token("bob")), user()
    for each in (ann, bob, guest):
        each.join("chat", presence=True)
    server.restart()
    for each in (ann, bob, guest):
        assert each.wait("the close", closed)["closed"] == 1012
    for each in (ann, bob, guest):
        each.frame("chat", "join", 30)
    ann.say("chat", "we are back")
    for each in (ann, bob, guest):
        each.hears("chat", "we are back")


def test_a_kill_of_the_server(server: Server, user: MakeUser) -> None:
    ann = user(server.token("ann"))
    ann.join("chat")
    server.kill()
    assert ann.wait("the close", closed)["closed"] == 1006
    server.start()
    ann.frame("chat", "join", 30)
    ann.say("chat", "back")
    ann.hears("chat", "back")
