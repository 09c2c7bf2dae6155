"""What phoenix.js does by itself: it beats, comes back, joins again; and what ends a channel for good."""

import pytest

from tests.sdk.channel_users import KINDS, OK, Phoenix
from tests.sdk.conftest import MakePhoenix
from tests.servers import Server, rule

ROOM = "room:1"
BEAT = 300
"""Milliseconds between two heartbeats; an answer that takes longer ends the connection."""


@pytest.fixture(autouse=True)
def rules(plain_server: Server) -> None:
    plain_server.publish(rule(ROOM, "A P M"), rule("members", "M Ma"))


def is_back(user: Phoenix, channel: str = ROOM) -> None:
    """Wait until it has joined once more."""
    assert user.on(channel, "joined", 30) == {}


def all_hear(first: Phoenix, *others: Phoenix) -> None:
    assert first.push(ROOM, "message", {"text": "we are back"}) == OK
    for each in (first, *others):
        assert each.hears(ROOM, "message") == {"text": "we are back"}


def test_a_restart_of_the_server(plain_server: Server, phoenix: MakePhoenix) -> None:
    users = [phoenix(plain_server.token(f"user {kind}"), kind) for kind in KINDS]
    for each in users:
        each.join(ROOM)
    before = users[0].sees(ROOM, 4)
    plain_server.restart()
    for each in users:
        assert each.disconnected() == 1012
        each.on(ROOM, "broken")
    for each in users:
        is_back(each)
    for each in users:
        listed = each.sees(ROOM, 4, when=lambda listed: not listed.keys() & before.keys())
        assert {metas[0]["user_id"] for metas in listed.values()} == {f"user {kind}" for kind in KINDS}
    all_hear(*users)


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_breaks(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann, bob = phoenix(plain_server.token("ann"), kind), phoenix(plain_server.token("bob"), kind)
    for each in (ann, bob):
        each.join(ROOM)
    before = bob.sees(ROOM, 2)
    ann.tell("cut")
    assert ann.disconnected() == 1006
    is_back(ann)
    listed = bob.sees(ROOM, 2, when=lambda listed: listed.keys() != before.keys())
    assert sorted(metas[0]["user_id"] for metas in listed.values()) == ["ann", "bob"]
    all_hear(ann, bob)


@pytest.mark.parametrize("kind", ["1.8", "1.7"])
def test_a_kick_ends_one_connection(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    name = f"ann with {kind}"  # who stays blocked
    ann = phoenix(plain_server.token(name), kind)
    ann.join(ROOM)
    (me,) = ann.sees(ROOM, 1)
    assert plain_server.call("kick", socket_id=me)
    assert ann.of_connection()["code"] == "kicked"
    assert ann.disconnected() == 4401
    is_back(ann)  # no code keeps this SDK away: that takes a block
    (now,) = ann.sees(ROOM, 1, when=lambda listed: me not in listed)
    plain_server.call("block", subject="user", value=name)
    assert ann.of_connection()["code"] == "blocked"
    assert ann.disconnected() == 4401
    assert ann.disconnected() == 1006  # it tries, and its handshakes are refused
    assert now not in [client["socket_id"] for client in plain_server.call("clients")]


@pytest.mark.parametrize("kind", KINDS)
def test_a_join_that_is_allowed_later(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    guest = phoenix(kind=kind)
    guest.try_to_join("members")
    assert guest.on("members", "refused")["code"] == "anonymous_not_allowed"
    plain_server.publish(rule(ROOM, "A"), rule("members", "A M"))
    is_back(guest, "members")
    assert guest.push("members", "message", {}) == OK


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_change_closes_the_channel(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    guest = phoenix(kind=kind)
    guest.join(ROOM)
    plain_server.publish(rule(ROOM, "M Ma"))
    closed = guest.on(ROOM, "closed")
    assert closed["reason"] == "Anonymous clients cannot join this channel."
    assert closed["code"] == "anonymous_not_allowed"
    assert plain_server.call("explain", ref=closed["ref"])
    plain_server.publish(rule(ROOM, "A P M"))
    # The SDK has forgotten the channel: another object may join it, on the same connection.
    guest.join(ROOM)
    all_hear(guest)
    assert not any("disconnected" in told or "broken" in told for told in guest.seen)


@pytest.mark.parametrize("kind", ["1.8", "1.7"])
def test_an_admin_takes_one_out(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann = phoenix(plain_server.token("ann"), kind)
    ann.join(ROOM)
    assert plain_server.call("take_out", channel=ROOM, user="ann") == 1
    assert ann.on(ROOM, "closed") == {"reason": "The server took this client out of this channel."}


def test_heartbeats_are_answered(plain_server: Server, phoenix: MakePhoenix) -> None:
    users = [phoenix(kind=kind, heartbeat=BEAT) for kind in KINDS]
    for each in users:
        each.join(ROOM)
    for each in users * 4:
        answer = each.wait("a heartbeat", lambda told: told.get("of") == "connection")
        assert (answer["event"], answer["payload"]) == ("phx_reply", {"status": "ok", "response": {}})
    all_hear(*users)
    assert not any("disconnected" in told for each in users for told in each.seen)


@pytest.mark.parametrize("kind", ["1.8", "1.7"])
def test_a_token_that_ends_makes_room_for_the_next(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    minted = plain_server.call("mint", sub="ann")
    ann = phoenix(minted["token"], kind)
    ann.join("members")
    ann.tell("params", params={"token": plain_server.token("ann")})
    assert ann.push("members", "message", {}) == OK  # and by then it has the next token
    plain_server.call("revoke", jti=minted["jti"])
    assert ann.of_connection()["code"] == "token_revoked"
    assert ann.disconnected() == 4000
    is_back(ann, "members")
