"""Supabase's client: subscribing, broadcasts over the socket, and what it says of both."""

import base64

import pytest

from tests.sdk.channel_users import SUPABASE_KINDS, Supabase
from tests.sdk.conftest import MakeSupabase
from tests.servers import Server, rule, until

ROOM = "room/1"
BYTES = [0, 1, 2, 0x7B, 0xFF]
each_client = pytest.mark.parametrize("kind", ["2.119", "2.80"])
every_client = pytest.mark.parametrize("kind", SUPABASE_KINDS)


@pytest.fixture(autouse=True)
def rules(plain_server: Server) -> None:
    plain_server.publish(
        rule(ROOM, "A P M X V"),
        rule("members", "M Ma"),
        rule("news", "A"),
        rule("log", "A M", history=25),
    )


def says_the_end(first: Supabase, *others: Supabase, itself: bool = False) -> None:
    """Nobody has heard anything but what was asked for: this is the next broadcast for all."""
    assert first.send(ROOM, "the end", {}) == "ok"
    for each in (*others, *((first,) if itself else ())):
        assert each.hears(ROOM, "the end") == {}


@every_client
def test_subscribing_and_being_refused(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, guest = supabase(plain_server.token("ann"), kind), supabase(kind=kind)
    ann.subscribe("members")
    guest.try_to_subscribe("members")
    error = guest.is_now("members", "CHANNEL_ERROR")
    assert error is not None
    reason, code, ref = error.split(", ")
    assert (reason, code) == ("Anonymous clients cannot join this channel.", "anonymous_not_allowed")
    assert plain_server.call("explain", ref=ref)
    guest.try_to_subscribe("nowhere")
    assert (guest.is_now("nowhere", "CHANNEL_ERROR") or "").startswith("No active rule allows this channel., no_rule,")
    guest.subscribe(ROOM)  # on the same connection


@each_client
def test_a_key_that_names_no_workspace(supabase: MakeSupabase, kind: str) -> None:
    lost = supabase(kind=kind, apikey="nowhere")
    lost.try_to_subscribe(ROOM)
    lost.is_now(ROOM, "CHANNEL_ERROR")  # once, however often it tries


@every_client
def test_broadcasts(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob, guest = (
        supabase(plain_server.token("ann"), kind),
        supabase(plain_server.token("bob")),
        supabase(kind=kind),
    )
    ann.subscribe(ROOM, broadcast={"self": True, "ack": True})
    for each in (bob, guest):
        each.subscribe(ROOM)
    for payload in ({"x": 1, "y": {"z": ["✓", None]}}, {}):
        assert ann.send(ROOM, "cursor-pos", payload) == "ok"
        for each in (ann, bob, guest):
            assert each.hears(ROOM, "cursor-pos") == payload
    assert ann.send(ROOM, "message", {"text": "hi"}) == "ok"
    for each in (ann, bob, guest):
        assert each.hears(ROOM, "message") == {"text": "hi"}
    assert guest.send(ROOM, "cursor-pos", {"by": "guest"}) == "ok"  # and does not hear itself
    for each in (ann, bob):
        assert each.hears(ROOM, "cursor-pos") == {"by": "guest"}
    assert ann.send(ROOM, "auth_message", {"just": "us"}) == "ok"
    for each in (ann, bob):
        assert each.hears(ROOM, "auth_message") == {"just": "us"}
    says_the_end(ann, bob, guest, itself=True)


@every_client
def test_acknowledgements(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    waits, trusts, hears = supabase(kind=kind), supabase(kind=kind), supabase()
    waits.subscribe("news", broadcast={"ack": True})
    trusts.subscribe("news")
    hears.subscribe("news")
    assert waits.send("news", "cursor", {}) == "error"
    refused = len(plain_server.call("refusals"))
    assert trusts.send("news", "cursor", {}) == "ok"  # the SDK does not wait for an answer
    until(lambda: len(plain_server.call("refusals")) > refused, what="the refusal")
    plain_server.publish(rule("news", "A M"))
    for each in (trusts, waits):
        assert each.send("news", "cursor", {"by": each is waits}) == "ok"
        assert hears.hears("news", "cursor") == {"by": each is waits}


def test_bytes(plain_server: Server, supabase: MakeSupabase) -> None:
    ann, bob, cem = supabase(plain_server.token("ann")), supabase(), supabase(kind="2.119 in objects")
    ann.subscribe(ROOM, broadcast={"self": True, "ack": True})
    for each in (bob, cem):
        each.subscribe(ROOM)
    for payload in ({"bytes": BYTES}, {"bytes": []}):
        assert ann.send(ROOM, "blob", payload) == "ok"
        assert ann.hears(ROOM, "blob") == bob.hears(ROOM, "blob") == payload
        # The older version of the frames has no bytes.
        assert cem.hears(ROOM, "blob") == {"$binary": base64.b64encode(bytes(payload["bytes"])).decode()}
    says_the_end(ann, bob, cem, itself=True)


@each_client
def test_the_protocol_s_own_events_are_refused(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob = supabase(plain_server.token("ann"), kind), supabase(kind=kind)
    ann.subscribe(ROOM, broadcast={"self": True, "ack": True})
    bob.subscribe(ROOM)
    for event in ("phx_reply", "phx_close", "phx_error", "presence_state", "presence_diff", "chan_reply_1"):
        assert ann.send(ROOM, event, {}) == "error"
    says_the_end(ann, bob, itself=True)


@each_client
def test_private_broadcasts(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob, cem, guest = (
        *(supabase(plain_server.token(name), kind) for name in ("ann", "bob", "cem")),
        supabase(kind=kind),
    )
    for each in (ann, bob, cem, guest):
        each.subscribe(ROOM, presence=True, broadcast={"ack": True})
    assert bob.does("track", ROOM, payload={}) == "ok"
    (bob_s,) = ann.sees(ROOM, 1)
    to_one = {"target_client_id": bob_s, "text": "psst"}
    assert ann.send(ROOM, "private_message", to_one) == "ok"
    assert bob.hears(ROOM, "private_message") == to_one
    for target, answer in (("bob", "ok"), ("zoe", "ok")):
        assert ann.send(ROOM, "secure_private_message", {"target_user_id": target}) == answer
    assert bob.hears(ROOM, "secure_private_message") == {"target_user_id": "bob"}
    assert guest.send(ROOM, "secure_private_message", {"target_user_id": "bob"}) == "error"
    says_the_end(ann, bob, cem, guest)


@each_client
def test_replay(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann = supabase(plain_server.token("ann"), kind)
    ann.subscribe("log", broadcast={"ack": True})
    for number in range(3):
        assert ann.send("log", "cursor", {"kind": kind, "number": number}) == "ok"
    late = supabase(kind=kind)
    late.subscribe("log", private=True, broadcast={"replay": {"since": 0, "limit": 25}})
    new = {"kind": kind, "number": "new"}
    assert ann.send("log", "cursor", new) == "ok"
    late.wait("the new one", lambda told: told.get("payload") == new)
    heard = [told for told in late.seen if "event" in told]
    assert [told["payload"] for told in heard][-4:-1] == [{"kind": kind, "number": number} for number in range(3)]
    assert all(told["meta"]["replayed"] is True for told in heard[:-1])
    assert len({told["meta"]["id"] for told in heard[:-1]}) == len(heard) - 1
    assert "meta" not in heard[-1]


@each_client
def test_events_of_the_server(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    guest = supabase(kind=kind)
    guest.subscribe("news")
    plain_server.call("event", channel="news", data={"headline": "hi"})
    assert guest.hears("news", "event") == {"headline": "hi"}
    plain_server.call("event", channel="news", data=None, event="deploy")
    assert guest.hears("news", "deploy") == {"payload": None}


@each_client
def test_unsubscribing(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob = supabase(plain_server.token("ann"), kind), supabase(kind=kind)
    for each in (ann, bob):
        each.subscribe(ROOM, presence=True, broadcast={"ack": True})
    bob.subscribe("news")
    assert bob.does("track", ROOM, payload={}) == "ok"
    ann.sees(ROOM, 1)
    assert bob.does("unsubscribe", ROOM) == "ok"
    bob.is_now(ROOM, "CLOSED")
    ann.sees(ROOM, 0)
    assert ann.send(ROOM, "cursor", {"heard": "by nobody"}) == "ok"
    bob.subscribe(ROOM)
    says_the_end(ann, bob)
    for channel in (ROOM, "news"):
        assert bob.does("removeChannel", channel) == "ok"
        bob.is_now(channel, "CLOSED")
