"""Who a user of Supabase's client is: ``setAuth`` before subscribing and after, and messages over HTTP."""

import pytest

from tests.sdk.channel_users import Supabase
from tests.sdk.conftest import MakeSupabase
from tests.sdk.test_supabase import BYTES, each_client
from tests.servers import Server, rule, until

CHAT = "sign in to write"


@pytest.fixture(autouse=True)
def rules(plain_server: Server) -> None:
    plain_server.publish(rule(CHAT, "A P M Ma"), rule("members", "M Ma"), rule("open", "A M"))


def sends(user: Supabase, text: str) -> str:
    answer: str = user.send(CHAT, "message", {"text": text})
    return answer


def signs_in(server: Server, user: Supabase, token: str, user_id: str) -> None:
    """Set a token, which the SDK sends without telling what became of it."""
    assert user.does("setAuth", CHAT, token=token) is None
    until(lambda: user_id in users(server), what=f"{user_id}, signed in")


def users(server: Server) -> list[str | None]:
    """Who is connected just now."""
    return [client["user_id"] for client in server.call("clients")]


@each_client
def test_another_token_while_subscribed(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob = supabase(kind=kind), supabase()
    ann.subscribe(CHAT, presence=True, broadcast={"ack": True})
    bob.subscribe(CHAT, presence=True)
    assert ann.does("track", CHAT, payload={}) == "ok"
    bob.sees(CHAT, 1)
    assert sends(ann, "anonymous") == "error"
    signs_in(plain_server, ann, plain_server.token("ann", extras={"name": "Ann"}), "ann")
    assert sends(ann, "signed in") == "ok"
    assert bob.hears(CHAT, "message") == {"text": "signed in"}
    listed = bob.sees(
        CHAT, 1, when=lambda listed: [e["extras"] for es in listed.values() for e in es] == [{"name": "Ann"}]
    )
    assert [entry["user_id"] for entries in listed.values() for entry in entries] == ["ann"]
    # A token that is not accepted changes nothing, and is told to nobody but the inspector.
    assert ann.does("setAuth", CHAT, token="no token") is None
    until(lambda: "token_invalid" in [refusal["code"] for refusal in plain_server.call("refusals")])
    assert sends(ann, "still signed in") == "ok"
    assert bob.hears(CHAT, "message") == {"text": "still signed in"}
    signs_in(plain_server, ann, plain_server.token("ann the second"), "ann the second")
    assert sends(ann, "as another") == "ok"


@each_client
def test_a_refused_token_before_subscribing(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann = supabase("no token", kind)
    ann.try_to_subscribe("members")
    error = ann.is_now("members", "CHANNEL_ERROR") or ""
    assert error.startswith("The token was not accepted., token_invalid, "), error
    assert ann.does("setAuth", "members", token=plain_server.token("ann")) is None
    ann.becomes("members", "SUBSCRIBED")  # the SDK tries by itself again


@each_client
def test_a_token_that_ends(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    minted = plain_server.call("mint", sub="ann")
    ann = supabase(minted["token"], kind)
    ann.subscribe("members")
    plain_server.call("revoke", jti=minted["jti"])
    error = ann.is_now("members", "CHANNEL_ERROR")
    assert error is None if kind == "2.80" else error.startswith("socket closed: 4000")
    assert ann.does("setAuth", "members", token=plain_server.token("ann")) is None
    ann.becomes("members", "SUBSCRIBED")


@each_client
def test_sessions_as_supabase_js_gives_them(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    """It hands over a function that the SDK asks at each heartbeat; who is signed out has the key as a token."""
    ann = supabase(kind=kind, session="default", heartbeat=300)
    ann.subscribe(CHAT, broadcast={"ack": True})
    assert sends(ann, "anonymous") == "error"
    ann.tell("session", token=plain_server.token("ann"))
    until(lambda: "ann" in users(plain_server), what="a heartbeat with the session")
    assert sends(ann, "signed in") == "ok"
    ann.tell("session", token="default")
    until(lambda: "ann" not in users(plain_server), what="a heartbeat without it")
    assert sends(ann, "signed out") == "error"
    assert [told["status"] for told in ann.seen if "status" in told] == ["SUBSCRIBED"]


def test_messages_over_http(plain_server: Server, supabase: MakeSupabase) -> None:
    ann, guest, bob = supabase(plain_server.token("ann")), supabase(), supabase(plain_server.token("bob"))
    for channel in ("members", "open"):
        bob.subscribe(channel)
        for each in (ann, guest):
            each.channel(channel)
    for how, done in (("send", "ok"), ("httpSend", {"success": True})):
        for each, channel in ((ann, "members"), (ann, "open"), (guest, "open")):
            payload = {"by": "guest" if each is guest else "ann", "how": how}
            assert each.does(how, channel, event="cursor: ✓/", payload=payload) == done
            assert bob.hears(channel, "cursor: ✓/") == payload
    assert guest.send("members", "cursor", {}) == "error"
    refused = guest.does("httpSend", "members", event="cursor", payload={})
    assert refused == {"error": "Anonymous clients are silent on this channel: they neither send nor receive."}
    assert guest.send("open", "phx_close", {}) == "error"
    assert "protocol's own" in guest.does("httpSend", "open", event="phx_close", payload={})["error"]
    assert ann.does("httpSend", "members", event="blob", payload={"bytes": BYTES}) == {"success": True}
    assert bob.hears("members", "blob") == {"bytes": BYTES}
    ann.does("setAuth", "members", token="no token")
    assert ann.send("members", "cursor", {}) == "error"
    refused = ann.does("httpSend", "members", event="cursor", payload={})
    assert refused == {"error": "The token was not accepted."}
    lost = supabase(apikey="nowhere")
    lost.channel("open")
    assert lost.send("open", "cursor", {}) == "error"
    assert lost.does("httpSend", "open", event="cursor", payload={}) == {
        "error": "There is no workspace of this name: `apikey` is the workspace's canonical."
    }
    for channel in ("members", "open"):  # nothing else came
        assert bob.does("httpSend", channel, event="the end", payload={}) == {"success": True}
        assert bob.hears(channel, "the end") == {}
    assert not any("status" in told for each in (ann, guest) for told in each.seen)
