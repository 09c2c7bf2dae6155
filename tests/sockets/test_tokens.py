"""Tokens: the subprotocol that carries them, what makes a client anonymous, and what a token narrows."""

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Closed, Connect, connecting, settle

READ, WRITE = ["read"], ["read", "write"]


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("open/*", "A P M X V", history=25), rule("members", "M Ma P"))


def entered(client: Client) -> bool:
    """Whether the client counts as authenticated."""
    return bool(client.join("members")["action"] == "join")


def test_the_token_is_echoed_as_the_subprotocol(server: Server, connect: Connect) -> None:
    token = server.token("ann")
    client = connect(token)
    assert client.protocol.subprotocol == token
    assert entered(client)
    assert connect().protocol.subprotocol is None


def test_a_long_token_travels(server: Server, connect: Connect) -> None:
    token = server.token("ann", extras={"about": "x" * 5000})
    assert 6500 < len(token) < 7000  # minting allows 7000
    assert entered(connect(token))


def test_the_first_of_several_subprotocols_is_the_token(server: Server, connect: Connect) -> None:
    token = server.token("ann")
    client = connect(token, "other")
    assert client.protocol.subprotocol == token
    assert entered(client)


BAD: dict[str, tuple[Callable[[Server], str], str]] = {
    "rubbish": (lambda server: "rubbish", "token_invalid"),
    "three dots": (lambda server: "a.b.c", "token_invalid"),
    "foreign": (lambda server: server.token("ann", key=secrets.token_urlsafe(48)), "token_invalid"),
    "expired": (lambda server: server.token("ann", ttl=-1), "token_expired"),
    "not yet": (lambda server: server.token("ann", nbf=time.time() + 60), "token_invalid"),
    "other audience": (lambda server: server.token("ann", aud="other"), "token_invalid"),
    "for something else": (lambda server: server.token("ann", token_type="access"), "token_invalid"),
    "no expiry": (lambda server: server.token("ann", exp=None), "token_invalid"),
    "extras of a wrong type": (lambda server: server.token("ann", extras=[1]), "token_invalid"),
    "unsigned": (lambda server: jwt.encode({"sub": "ann", "exp": time.time() + 60}, "", "none"), "token_invalid"),
    "tampered": (lambda server: server.token("ann")[:-4] + "AAAA", "token_invalid"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_makes_the_client_anonymous_and_is_explained_once(
    server: Server, connect: Connect, name: str
) -> None:
    make, code = BAD[name]
    token = make(server)
    client = connect(token)
    assert client.protocol.subprotocol == token
    error = client.error()
    assert error["channel"] is None  # reaches every channel object of the SDK
    assert error["code"] == code
    assert not entered(client)
    assert client.join("open/a")["action"] == "join"
    client.say("open/a", "hello")
    sender = client.take("message")["client"]
    assert (sender["extras"], sender["permissions"]) == ({}, {"dbo_id": 0, "row_id": 0})
    assert client.sync() == []


def test_a_revoked_token_is_refused(server: Server, connect: Connect) -> None:
    minted = server.call("mint", sub="ann")
    assert server.call("revoke", jti=minted["jti"]) is True
    client = connect(minted["token"])
    assert client.error()["code"] == "token_revoked"
    assert not entered(client)


def test_a_revocation_ends_open_connections_at_once(server: Server, connect: Connect) -> None:
    minted, other = server.call("mint", sub="ann"), server.call("mint", sub="ann")
    first, second = connect(minted["token"]), connect(minted["token"])
    safe, watcher = connect(other["token"]), connect(server.token("bob"))
    watcher.join("members", presence=True)
    for client in (first, second, safe):
        assert entered(client)
    watcher.sync()
    server.call("revoke", jti=minted["jti"])
    safe.say("members", "who is left?")
    settle(safe)
    assert [f["payload"]["action"] for f in watcher.sync() if f["action"] == "presence_update"] == ["leave", "leave"]
    for client in (first, second):
        error = client.error()
        assert (error["channel"], error["code"]) == (None, "token_revoked")
        with pytest.raises(Closed):
            client.next()
        assert client.close_code == 4000


def test_a_token_that_expires_during_a_connection(server: Server, connect: Connect) -> None:
    expires = time.time() + 1.5
    client = connect(server.token("ann", exp=expires))
    assert entered(client)
    error = client.error()
    assert time.time() >= expires
    assert (error["channel"], error["code"]) == (None, "token_expired")
    assert client.closed() == 4000
    assert time.time() < expires + 3
    assert client.frames == []


@pytest.fixture
def strict(server: Server) -> None:
    server.publish(rule("members", "M Ma P"), rule("open/*", "A M"), refuse_bad_tokens=True)


@pytest.mark.usefixtures("strict")
@pytest.mark.parametrize("name", ["rubbish", "foreign", "expired"])
def test_bad_tokens_can_be_refused(server: Server, connect: Connect, name: str) -> None:
    make, code = BAD[name]
    client = connect(make(server))
    assert client.error()["code"] == code
    with pytest.raises(Closed):
        client.next()
    assert client.close_code == 4401
    assert connect().join("open/a")["action"] == "join"


@pytest.mark.usefixtures("strict")
def test_tokens_that_end_are_refused_for_good_where_bad_ones_are(server: Server, connect: Connect) -> None:
    minted = server.call("mint", sub="ann")
    revoked, expiring = connect(minted["token"]), connect(server.token("bob", ttl=1.2))
    assert entered(revoked)
    assert entered(expiring)
    server.call("revoke", jti=minted["jti"])
    assert revoked.error()["code"] == "token_revoked"
    assert revoked.closed() == 4401
    assert expiring.error()["code"] == "token_expired"
    assert expiring.closed() == 4401


KEYS: dict[str, Callable[[], Any]] = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("algorithm", KEYS)
def test_public_keys_verify(server: Server, connect: Connect, algorithm: str) -> None:
    key = KEYS[algorithm]()
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    claims = {"user_id": 12, "exp": time.time() + 60}
    token = jwt.encode(claims, key, algorithm=algorithm)
    before = connect(token)
    assert before.error()["code"] == "token_invalid"
    server.call("add_public_key", pem=pem.decode())
    assert entered(connect(token))
    confused = jwt.encode(claims, "x" * 32, algorithm="HS256")
    assert connect(confused).error()["code"] == "token_invalid"


def test_authorized_channels(server: Server, connect: Connect) -> None:
    client = connect(server.token("ann", authorized_channels=["open/mine/*", "members"]))
    assert client.join("open/mine/1")["action"] == "join"
    assert client.join("members")["action"] == "join"
    for channel in ("open/other", "open/mine", "open/mine/"):
        refusal = client.join(channel)
        assert (refusal["options"]["channel"], refusal["payload"]["code"]) == (channel, "channel_not_authorized")
    client.say("open/other", "there")
    assert client.error()["code"] == "channel_not_authorized"
    client.say("open/mine/1", "here")
    assert client.take("message")["payload"] == "here"


def test_grants_narrow_what_the_rule_allows(server: Server, connect: Connect) -> None:
    grants = {
        "resources": {"channels": {"open/read": READ, "open/write": WRITE, "open/only-write": ["write"]}},
        "patterns": {"channels": {"^open/pattern-[0-9]+$": WRITE, "^nowhere": WRITE}},
    }
    client, plain = connect(server.token("ann", grants=grants)), connect(server.token("bob"))
    assert client.join("open/else")["payload"]["code"] == "grant_missing"
    assert client.join("open/only-write")["payload"]["code"] == "grant_missing"
    assert client.join("nowhere/x")["payload"]["code"] == "no_rule"
    for channel in ("open/read", "open/write", "open/pattern-12"):
        plain.join(channel)
        assert client.join(channel)["action"] == "join"
    for channel in ("open/read", "open/write", "open/pattern-12"):
        plain.say(channel, "to all")
    assert [frame["payload"] for frame in settle(plain, client)[1]] == ["to all"] * 3
    for options in ({}, {"authenticated": True}):
        client.say("open/read", "no", **options)
        error = client.error()
        assert (error["channel"], error["code"]) == ("open/read", "grant_missing")
    for channel in ("open/write", "open/pattern-12"):
        client.say(channel, "yes")
        assert client.take("message")["payload"] == "yes"
    assert [frame["payload"] for frame in settle(client, plain)[1]] == ["yes"] * 2


def test_access_manager_wants_a_grant_of_everyone(server: Server, connect: Connect) -> None:
    server.publish(rule("open/*", "A P M"), access_manager=True)
    granted = {"resources": {"channels": {"open/a": WRITE}}}
    client, without, guest = connect(server.token("ann", grants=granted)), connect(server.token("bob")), connect()
    assert client.join("open/a")["action"] == "join"
    assert without.join("open/a")["payload"]["code"] == "grant_missing"
    assert guest.join("open/a")["payload"]["code"] == "grant_missing"


@pytest.fixture(scope="module")
def two_workspaces() -> Iterator[Server]:
    with serving() as server:
        server.call("add_workspace", canonical="other")
        for workspace in ("default", "other"):
            document = {"channels": [rule("members", "M Ma")]}
            server.call("publish", document=document, workspace=workspace)
        yield server


def test_of_several_workspaces_a_token_opens_its_own(two_workspaces: Server) -> None:
    with connecting(two_workspaces) as connect:
        mine = two_workspaces.call("mint", sub="ann", workspace="other")["token"]
        assert entered(connect(mine, path="/rt/other"))
        assert connect(mine).error()["code"] == "token_invalid"
        unnamed = two_workspaces.token("ann", aud=None)
        assert connect(unnamed).error()["code"] == "token_invalid"
        assert entered(connect(two_workspaces.token("ann")))


def test_workspaces_share_no_channels(two_workspaces: Server) -> None:
    with connecting(two_workspaces) as connect:
        here = connect(two_workspaces.token("ann"))
        there = connect(two_workspaces.call("mint", sub="ann", workspace="other")["token"], path="/rt/other")
        assert entered(here)
        assert entered(there)
        here.say("members", "hello")
        assert [frame["payload"] for frame in settle(here, there)[0]] == ["hello"]
        assert there.sync() == []
        nowhere = connect(path="/rt")
        assert nowhere.error()["message"] == "Unknown connection hash"
        assert nowhere.closed() == 4401
