"""phoenix.js, 1.8 and 1.7, in both versions of the frames: joining, talking, and what its callbacks say of it."""

import base64

import pytest

from tests.sdk.channel_users import KINDS, OK, Phoenix
from tests.sdk.conftest import MakePhoenix
from tests.servers import Server, rule

ROOM = "room:1"
BYTES = [0, 1, 2, 0x7B, 0xFF]


@pytest.fixture(autouse=True)
def rules(plain_server: Server) -> None:
    plain_server.publish(
        rule(ROOM, "A P M X V"),
        rule("members", "M Ma"),
        rule("news", "A"),
        rule("log", "A M", history=25),
        rule("signed in to write", "A M Ma"),
    )


def says_the_end(first: Phoenix, *others: Phoenix) -> None:
    """Nobody has heard anything but what was asked for: this is the next message for all."""
    assert first.push(ROOM, "typing", {"the": "end"}) == OK
    for each in (first, *others):
        assert each.hears(ROOM, "typing") == {"the": "end"}


@pytest.mark.parametrize("kind", KINDS)
def test_public_and_authenticated_messages(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann, guest = phoenix(plain_server.token("ann"), kind), phoenix(kind=kind)
    for each in (ann, guest):
        each.join(ROOM, {}, "a name: of one's own ✓")
    for sender, event, payload in (
        (ann, "message", {"text": "hi"}),
        (guest, "typing", {"at": [1, None, {"x": "✓"}]}),
        (guest, "a name: of one's own ✓", {}),
    ):
        assert sender.push(ROOM, event, payload) == OK
        for each in (ann, guest):
            assert each.hears(ROOM, event) == payload
    assert ann.push(ROOM, "message", "no object") == OK
    for each in (ann, guest):
        assert each.hears(ROOM, "message") == {"payload": "no object"}
    assert ann.push(ROOM, "auth_message", {"text": "just us"}) == OK
    assert ann.hears(ROOM, "auth_message") == {"text": "just us"}
    assert guest.refused(ROOM, "auth_message", {"text": "anyone?"}) == "authentication_required"
    says_the_end(ann, guest)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refused_join_says_why(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    guest = phoenix(kind=kind)
    for channel, reason, code in (
        ("members", "Anonymous clients cannot join this channel.", "anonymous_not_allowed"),
        ("nowhere", "No active rule allows this channel.", "no_rule"),
    ):
        guest.try_to_join(channel)
        response = guest.on(channel, "refused")
        assert (response["reason"], response["code"]) == (reason, code)
        assert plain_server.call("explain", ref=response["ref"])
    guest.join(ROOM)  # on the same connection
    assert guest.push(ROOM, "message", {}) == OK
    assert not any("disconnected" in told for told in guest.seen)


@pytest.mark.parametrize("kind", KINDS)
def test_the_protocol_s_own_events_are_refused(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann, bob = phoenix(plain_server.token("ann"), kind), phoenix(plain_server.token("bob"), kind)
    for each in (ann, bob):
        each.join(ROOM)
    bob.sees(ROOM, 2)
    for event in ("phx_reply", "phx_close", "phx_error", "presence_state", "presence_diff", "chan_reply_1"):
        # As what it would be, had it reached bob: somebody who is not there.
        payload = {"status": "ok", "response": {}, "joins": {"ghost": {"metas": [{"phx_ref": "1"}]}}, "leaves": {}}
        assert ann.refused(ROOM, event, payload) == "invalid_frame"
    says_the_end(ann, bob)
    assert not any("closed" in told or "broken" in told or "ghost" in str(told) for told in bob.seen)


@pytest.mark.parametrize("kind", KINDS)
def test_leaving_and_joining_again(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann, guest = phoenix(plain_server.token("ann"), kind), phoenix(kind=kind)
    for each in (ann, guest):
        each.join(ROOM)
    ann.sees(ROOM, 2)
    assert guest.ask("leave", ROOM)["status"] == "ok"
    assert guest.on(ROOM, "closed") == "leave"
    ann.sees(ROOM, 1)
    assert ann.push(ROOM, "message", {"heard": "by ann alone"}) == OK
    guest.join(ROOM)
    assert ann.hears(ROOM, "message") == {"heard": "by ann alone"}
    says_the_end(ann, guest)


def test_private_messages(plain_server: Server, phoenix: MakePhoenix) -> None:
    def bob_at(place: str, kind: str) -> Phoenix:
        return phoenix(plain_server.token("bob", extras={"at": place}), kind)

    ann, cem, guest = phoenix(plain_server.token("ann")), phoenix(plain_server.token("cem")), phoenix()
    home, work = bob_at("home", "1.7"), bob_at("work", "1.8 in objects")
    everyone = (ann, cem, guest, home, work)
    for each in everyone:
        each.join(ROOM)
    at = {metas[0]["extras"].get("at"): key for key, metas in ann.sees(ROOM, 5).items()}

    to_one = {"target_client_id": at["home"], "text": "psst"}
    assert ann.push(ROOM, "private_message", to_one) == OK
    assert home.hears(ROOM, "private_message") == to_one
    assert ann.hears(ROOM, "private_message") == to_one  # echoed once
    nobody = {"target_client_id": "AAAAAAAAAAAAAAAA"}
    assert ann.refused(ROOM, "private_message", nobody) == "target_not_present"
    assert ann.refused(ROOM, "private_message", {"text": "for whom?"}) == "invalid_frame"

    to_user = {"target_user_id": "bob", "text": "wherever you are"}
    answer = ann.push(ROOM, "secure_private_message", to_user)
    for each in (ann, home, work):
        assert each.hears(ROOM, "secure_private_message") == to_user
    to_nobody = {"target_user_id": "zoe", "text": "are you there?"}
    # Whoever asks is answered as before, and is not told that nobody got it.
    assert ann.push(ROOM, "secure_private_message", to_nobody) == answer == OK
    assert ann.hears(ROOM, "secure_private_message") == to_nobody
    assert guest.refused(ROOM, "secure_private_message", to_user) == "authentication_required"
    says_the_end(*everyone)


@pytest.mark.parametrize("kind", ["1.8", "1.8 in objects"])
def test_a_token_in_a_subprotocol(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann = phoenix(None, kind, authToken=plain_server.token("ann"))
    assert ann.wait("the connection", lambda told: "opened" in told)["opened"] == "phoenix"
    ann.join("members")
    assert ann.push("members", "message", {"text": "signed in"}) == OK


@pytest.mark.parametrize("kind", ["1.8", "1.7 in objects"])
def test_a_token_that_is_not_accepted(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann = phoenix("no token", kind)
    assert ann.of_connection()["code"] == "token_invalid"
    ann.try_to_join("members")
    assert ann.on("members", "refused")["code"] == "anonymous_not_allowed"


@pytest.mark.parametrize("kind", ["1.8", "1.7"])
def test_another_token_while_connected(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann = phoenix(kind=kind)
    ann.join("signed in to write")
    assert ann.refused("signed in to write", "message", {}) == "authentication_required"
    assert ann.refused("signed in to write", "access_token", {"access_token": "no token"}) == "token_invalid"
    token = plain_server.token("ann")
    assert ann.push("signed in to write", "access_token", {"access_token": token}) == OK
    assert ann.push("signed in to write", "message", {"text": "signed in"}) == OK
    assert ann.hears("signed in to write", "message") == {"text": "signed in"}


@pytest.mark.parametrize("kind", ["1.8", "1.7"])
def test_who_is_not_let_in_comes_again(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    plain_server.publish(rule("members", "M Ma"), refuse_bad_tokens=True)
    lost, ann = phoenix(kind=kind, params={"app": "nowhere"}), phoenix("no token", kind)
    for each in (lost, ann):
        each.try_to_join("members")
        assert each.disconnected() == 1006  # what a browser says of a handshake that was refused
    ann.tell("params", params={"token": plain_server.token("ann"), "app": "default"})
    assert ann.on("members", "joined") == {}
    lost.disconnected()  # and still tries


def test_bytes(plain_server: Server, phoenix: MakePhoenix) -> None:
    ann, bob, cem = phoenix(plain_server.token("ann")), phoenix(kind="1.7"), phoenix(kind="1.7 in objects")
    for each in (ann, bob, cem):
        each.join(ROOM)
    for sender in (ann, bob):
        assert sender.push(ROOM, "blob", {"bytes": BYTES}) == OK
        assert ann.hears(ROOM, "blob") == bob.hears(ROOM, "blob") == {"bytes": BYTES}
        # The older version of the frames has no bytes.
        assert cem.hears(ROOM, "blob") == {"$binary": base64.b64encode(bytes(BYTES)).decode()}
    assert ann.push(ROOM, "auth_message", {"bytes": []}) == OK
    assert ann.hears(ROOM, "auth_message") == {"bytes": []}
    bob.join("signed in to write")
    assert bob.refused("signed in to write", "blob", {"bytes": BYTES}) == "authentication_required"
    says_the_end(ann, bob, cem)


@pytest.mark.parametrize("kind", ["1.8", "1.7 in objects"])
def test_history(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann = phoenix(plain_server.token("ann", extras={"name": "Ann"}), kind)
    ann.join("log")
    for event, payload in (("message", {"number": 1}), ("typing", {"number": 2})):
        assert ann.push("log", event, payload) == OK
    late = phoenix(kind=kind)
    late.join("log", {"history": True})
    kept = late.hears("log", "history")["messages"]
    assert [(each["event"], each["payload"]["number"]) for each in kept][-2:] == [("message", 1), ("typing", 2)]
    assert kept[-1]["client"]["extras"] == {"name": "Ann"}
    status, response = late.push("log", "history", {})
    assert (status, response["messages"]) == ("ok", kept)
    assert ann.push("log", "message", {"number": 3}) == OK
    assert late.hears("log", "message") == {"number": 3}


@pytest.mark.parametrize("kind", ["1.8", "1.7 in objects"])
def test_events_of_the_server(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    guest = phoenix(kind=kind)
    guest.join("news", {}, "deploy")
    assert plain_server.call("event", channel="news", data={"headline": "hi"})["recipients"] == 1
    assert guest.hears("news", "event") == {"headline": "hi"}
    plain_server.call("event", channel="news", data={"version": 7}, event="deploy")
    assert guest.hears("news", "deploy") == {"version": 7}
    assert guest.refused("news", "message", {}) == "public_messaging_off"
