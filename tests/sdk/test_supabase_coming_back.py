"""What Supabase's client does by itself: it beats, comes back, subscribes again; and what ends a channel for good."""

import pytest

from tests.sdk.channel_users import SUPABASE_KINDS, Supabase
from tests.sdk.conftest import MakeSupabase
from tests.sdk.test_supabase import ROOM, each_client
from tests.servers import Server, rule

BEAT = 300
"""Milliseconds between two heartbeats; an answer that takes longer ends the connection."""


@pytest.fixture(autouse=True)
def rules(plain_server: Server) -> None:
    plain_server.publish(rule(ROOM, "A P M"), rule("members", "M Ma"))


def loses(user: Supabase, kind: str, why: str) -> None:
    """Its connection ends, of which 2.80 does not say why."""
    assert user.is_now(ROOM, "CHANNEL_ERROR") == (why if kind != "2.80" else None)


def all_hear(first: Supabase, *others: Supabase) -> None:
    assert first.send(ROOM, "message", {"text": "we are back"}) == "ok"
    for each in others:
        assert each.hears(ROOM, "message") == {"text": "we are back"}


def test_a_restart_of_the_server(plain_server: Server, supabase: MakeSupabase) -> None:
    users = [supabase(plain_server.token(f"user of {kind}"), kind, reconnect=300) for kind in SUPABASE_KINDS]
    for each in users:
        each.subscribe(ROOM, presence=True)
        assert each.does("track", ROOM, payload={"run": 1}) == "ok"
    for each in users:
        each.sees(ROOM, 3)
    plain_server.restart()
    for each, kind in zip(users, SUPABASE_KINDS, strict=True):
        loses(each, kind, "socket closed: 1012 (service restart)")
    for each in users:
        each.becomes(ROOM, "SUBSCRIBED", 30)
        assert each.does("track", ROOM, payload={"run": 2}) == "ok"  # as apps do in subscribe's callback
    for each in users:
        listed = each.sees(ROOM, 3, when=lambda listed: {e["run"] for es in listed.values() for e in es} == {2})
        assert {entry["user_id"] for entries in listed.values() for entry in entries} == {
            f"user of {kind}" for kind in SUPABASE_KINDS
        }
    all_hear(*users)


@each_client
def test_a_connection_that_breaks(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob = supabase(plain_server.token("ann"), kind), supabase(kind=kind)
    for each in (ann, bob):
        each.subscribe(ROOM)
    ann.tell("cut")
    loses(ann, kind, "socket closed: 1006")
    ann.becomes(ROOM, "SUBSCRIBED")
    all_hear(ann, bob)
    all_hear(bob, ann)


@each_client
def test_a_subscription_that_is_allowed_later(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    guest = supabase(kind=kind)
    guest.try_to_subscribe("members")
    guest.is_now("members", "CHANNEL_ERROR")
    plain_server.publish(rule("members", "A M"))
    guest.becomes("members", "SUBSCRIBED")
    assert guest.send("members", "message", {}) == "ok"


@each_client
def test_a_rule_change_closes_the_channel(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    guest = supabase(kind=kind)
    guest.subscribe(ROOM)
    plain_server.publish(rule(ROOM, "M Ma"))
    guest.is_now(ROOM, "CLOSED")
    plain_server.publish(rule(ROOM, "A M"))
    guest.subscribe(ROOM)


@each_client
def test_heartbeats_are_answered(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    guest = supabase(kind=kind, heartbeat=BEAT)
    guest.subscribe(ROOM, broadcast={"ack": True})
    for _ in range(4):
        guest.wait("an answered heartbeat", lambda told: told.get("heartbeat") == "ok")
    assert guest.send(ROOM, "message", {}) == "ok"
    assert {told["heartbeat"] for told in guest.seen if "heartbeat" in told} <= {"sent", "ok"}
    assert [told["status"] for told in guest.seen if "status" in told] == ["SUBSCRIBED"]
