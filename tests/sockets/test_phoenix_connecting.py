"""How clients of Phoenix channels get in: workspaces, tokens, refusals in the handshake, renewed tokens."""

import time
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Client, Connect, handshake, settle
from tests.sockets.phoenix import OK, Enter, Phoenix
from tests.sockets.test_connecting import request

BEARER = "base64url.bearer.phx."


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("room", "A M Ma P X V"), rule("members", "M Ma P"))


def refused(server: Server, *tokens: str, **options: Any) -> int:
    """Try to connect and return the status of the refusal, whose body says nothing."""
    with pytest.raises(InvalidStatus) as error:
        Phoenix(server, *tokens, **options)
    assert error.value.response.body in (b"", None)
    return error.value.response.status_code


def is_known(client: Phoenix) -> bool:
    return bool(client.join_topic("members")["status"] == "ok")


def test_a_handshake_answers_with_no_subprotocol_unless_asked(enter: Enter) -> None:
    assert enter().protocol.subprotocol is None


@pytest.mark.parametrize("name", ["app", "apikey"])
def test_the_workspace_is_named_by_a_parameter(server: Server, enter: Enter, name: str) -> None:
    assert enter(params={name: "default"}).join_topic("room") == OK
    assert refused(server, params={name: "unknown"}) == 403
    assert server.call("refusals")[-1]["code"] == "unknown_workspace"


def test_a_version_that_is_not_spoken(server: Server, connect: Connect) -> None:
    for vsn in ("3.0.0", "0.9", "x", "-1"):
        assert refused(server, vsn=vsn) == 403
    old = connect(path="/socket/websocket")  # none means 1.0.0
    old.text('{"topic":"phoenix","event":"heartbeat","payload":{},"ref":"1"}')
    assert old.next() == {"join_ref": None, "ref": "1", "topic": "phoenix", "event": "phx_reply", "payload": OK}


def test_no_websocket_handshake_at_all(server: Server) -> None:
    answer = handshake(server, request(path="/socket/websocket", Upgrade=None))
    assert answer.startswith(b"HTTP/1.1 426 ")


def test_a_token_in_the_parameters(server: Server, enter: Enter) -> None:
    assert is_known(enter(server.token("ann")))
    assert not is_known(enter())


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_a_token_in_a_subprotocol(server: Server, enter: Enter, encode: Any) -> None:
    token = encode(server.token("ann", extras={"a": "ÿþ~~~???"}).encode()).decode().rstrip("=")
    with Client(server, "phoenix", BEARER + token, path="/socket/websocket?vsn=2.0.0") as client:
        assert client.protocol.subprotocol == "phoenix"
        client.text('["1","1","members","phx_join",{}]')
        answer: Any = client.next()
        assert answer[4] == OK
    with Client(server, "phoenix", BEARER + "!!", path="/socket/websocket?vsn=2.0.0") as client:
        told: Any = client.next()
        assert (told[2], told[3], told[4]["code"]) == ("phoenix", "error", "token_invalid")


@pytest.mark.parametrize(
    ("given", "code"),
    [({"ttl": -1}, "token_expired"), ({"key": "x" * 40}, "token_invalid"), ({"aud": "b"}, "token_invalid")],
)
def test_a_token_that_is_not_accepted_leaves_the_client_anonymous(
    server: Server, enter: Enter, given: dict[str, Any], code: str
) -> None:
    client = enter(server.token("ann", **given))
    assert client.event("phoenix", "error")["code"] == code
    assert not is_known(client)


def test_a_workspace_that_refuses_bad_tokens_does_so_in_the_handshake(server: Server, enter: Enter) -> None:
    server.publish(rule("room", "A"), refuse_bad_tokens=True)
    assert refused(server, server.token("ann", ttl=-1)) == 403
    refusal = server.call("refusals")[-1]
    assert (refusal["code"], refusal["socket_id"]) == ("token_expired", "")
    assert is_known_anywhere(server)


def is_known_anywhere(server: Server) -> bool:
    with Phoenix(server, server.token("ann")) as client:
        return bool(client.join_topic("room") == OK)


def test_origins_and_blocks_are_refused_in_the_handshake(server: Server, enter: Enter) -> None:
    server.call("origins", allowed=["https://app.example.com"])
    try:
        assert refused(server, origin="https://evil.example") == 403
        assert server.call("refusals")[-1]["code"] == "origin_not_allowed"
        assert enter(origin="https://app.example.com").join_topic("room") == OK
    finally:
        server.call("origins", allowed=[])
    block = server.call("block", subject="user", value="eve")
    try:
        assert refused(server, server.token("eve")) == 403
        refusal = server.call("refusals")[-1]
        assert refusal["code"] == "blocked"
        assert refusal["detail"].startswith("The user `eve` is blocked until")
    finally:
        server.call("unblock", block_id=block)


def test_limits_of_connections_hold_in_the_handshake() -> None:
    with serving(limit_clients_per_address=2, limit_clients_per_user=1) as server:
        first = Phoenix(server, server.token("ann"))
        assert refused(server, server.token("ann")) == 403
        second = Client(server)
        assert refused(server) == 403
        assert [r["code"] for r in server.call("refusals")] == ["too_many_connections"] * 2
        second.leave()
        until(lambda: len(server.call("clients")) == 1)
        Phoenix(server).end()
        first.end()


def test_the_token_is_in_no_list_and_no_log(server: Server, enter: Enter) -> None:
    server.call("capture", seconds=60)
    token = server.token("ann")
    client = enter(token)
    client.join_topic("nowhere", {"access_token": token, "a": 1})
    client.join_topic("room", {"access_token": token + "x", "a": 1})
    client.text('["1","9","room","phx_join",{"access_token":"' + token + '"')
    client.sync()
    assert token not in str(server.call("inspected"))
    assert token not in server.log


def test_a_token_with_the_join(server: Server, enter: Enter) -> None:
    client = enter(params={"apikey": "default"})
    assert not is_known(client)
    assert client.join_topic("realtime:members", {"config": {}, "access_token": server.token("ann")}) == OK
    assert [c["user_id"] for c in server.call("clients")] == ["ann"]
    # The mandatory key, sent where there is no user, is no token and changes nothing.
    assert client.join_topic("realtime:room", {"config": {}, "access_token": "default"}) == OK
    answer = client.join_topic("realtime:members", {"config": {}, "access_token": "rubbish"})
    assert (answer["status"], answer["response"]["code"]) == ("error", "token_invalid")
    assert [c["user_id"] for c in server.call("clients")] == ["ann"]


def test_a_renewed_token_changes_what_a_client_may_do(server: Server, enter: Enter, connect: Connect) -> None:
    client = enter(topic="room")
    watcher, other = connect(), enter(topic="room")
    watcher.join("room", presence=True)
    settle(client, watcher, other)
    assert client.ask("room", "hello")["response"]["code"] == "authentication_required"
    assert client.ask("room", "access_token", {"access_token": server.token("ann", extras={"name": "Ann"})}) == OK
    assert client.ask("room", "hello") == OK
    (info,) = [c for c in server.call("clients") if c["user_id"] == "ann"]
    gone, come, message = watcher.sync()
    assert [gone["payload"]["action"], come["payload"]["action"]] == ["leave", "join"]
    assert come["payload"]["presence"]["extras"] == {"name": "Ann"}
    assert message["client"] == come["payload"]["presence"]
    diff = other.event("room", "presence_diff")
    before, after = (diff[side][info["socket_id"]]["metas"][0] for side in ("leaves", "joins"))
    assert before["phx_ref"] != after["phx_ref"]
    assert (before["user_id"], after["user_id"]) == (None, "ann")
    # Messages to the user reach it now, and not after it has become anonymous again.
    server.call("event", channel="room", data={"n": 1}, target_user="ann")
    assert client.sync()[-1]["payload"] == {"n": 1}
    assert client.ask("room", "access_token", {"access_token": None}) == OK
    server.call("event", channel="room", data={"n": 2}, target_user="ann")
    assert "event" not in [frame["event"] for frame in client.sync()]
    assert client.ask("room", "hello")["response"]["code"] == "authentication_required"


def test_who_goes_on_as_somebody_who_may_not_be_there_is_out(server: Server, enter: Enter) -> None:
    client = enter(server.token("ann"), topic="members")
    client.join_topic("room")
    client.sync()
    assert client.ask("room", "access_token", {"access_token": ""}) == OK
    closed = [frame for frame in client.sync() if frame["event"] == "phx_close"]
    assert [(f["topic"], f["payload"]["code"]) for f in closed] == [("members", "anonymous_not_allowed")]
    narrowed = server.token("ann", authorized_channels=["members"])
    assert client.ask("room", "access_token", {"access_token": narrowed}) == OK
    closed = [frame for frame in client.sync() if frame["event"] == "phx_close"]
    assert [(f["topic"], f["payload"]["code"]) for f in closed] == [("room", "channel_not_authorized")]


def test_a_renewal_that_is_not_accepted_changes_nothing(server: Server, enter: Enter) -> None:
    client = enter(server.token("ann"), topic="members")
    for token, code in ((server.token("ann", ttl=-1), "token_expired"), ("rubbish", "token_invalid")):
        answer = client.ask("members", "access_token", {"access_token": token})
        assert (answer["status"], answer["response"]["code"]) == ("error", code)
    block = server.call("block", subject="user", value="eve")
    try:
        answer = client.ask("members", "access_token", {"access_token": server.token("eve")})
        assert answer["response"]["code"] == "blocked"
    finally:
        server.call("unblock", block_id=block)
    assert client.ask("members", "hello") == OK


def test_a_renewal_comes_before_the_end_of_the_old_token(server: Server, enter: Enter) -> None:
    client = enter(server.token("ann", ttl=1.5), topic="members")
    assert client.ask("members", "access_token", {"access_token": server.token("ann", ttl=60)}) == OK
    stays = time.monotonic() + 2.5
    until(lambda: time.monotonic() > stays)
    assert client.ask("members", "hello") == OK
    short = enter(server.token("bob", ttl=1.2), topic="members")
    assert short.closed() == 4000
    assert short.frames[-1]["payload"]["code"] == "token_expired"


def test_a_revoked_token_ends_the_renewed_connection(server: Server, enter: Enter) -> None:
    minted = server.call("mint", sub="ann")
    client = enter(topic="room")
    assert client.ask("room", "access_token", {"access_token": minted["token"]}) == OK
    server.call("revoke", jti=minted["jti"])
    assert client.closed() == 4000


def test_a_kick_closes_for_good_as_far_as_the_server_can_say(server: Server, enter: Enter) -> None:
    client = enter(server.token("ann"), topic="room")
    (info,) = [c for c in server.call("clients") if c["user_id"] == "ann"]
    assert server.call("kick", socket_id=info["socket_id"])
    assert client.closed() == 4401
    assert client.frames[-1]["payload"]["code"] == "kicked"


def test_a_renewal_counts_among_the_clients_of_its_user() -> None:
    with serving(limit_clients_per_user=1) as server:
        server.publish(rule("room", "A M"))
        first, second = Phoenix(server, server.token("ann")), Phoenix(server)
        second.join_topic("room")
        answer = second.ask("room", "access_token", {"access_token": server.token("ann")})
        assert (answer["status"], answer["response"]["code"]) == ("error", "too_many_connections")
        first.end()
        until(lambda: len(server.call("clients")) == 1)
        assert second.ask("room", "access_token", {"access_token": server.token("ann")}) == OK
        assert second.ask("room", "access_token", {"access_token": server.token("ann", extras={"n": 2})}) == OK
        second.end()


def test_the_triggers_of_joins_are_asked_again_about_another_user(server: Server, enter: Enter) -> None:
    refuse = {"type": "condition", "expression": "event.client.userId !== 'eve'", "message": "Not you."}
    server.publish(rule("room", "A M", triggers=[{"name": "guard", "events": ["join"], "steps": [refuse]}]))
    runs = len(server.call("trigger_runs"))
    client = enter(topic="room")
    assert client.ask("room", "access_token", {"access_token": server.token("ann")}) == OK
    assert client.ask("room", "hello") == OK
    client.sync()
    for ttl in (300, 600):
        token = server.token("ann", ttl=ttl)
        assert client.ask("room", "access_token", {"access_token": token}) == OK
    assert len(server.call("trigger_runs")) == runs + 2, "one for the join, one for the user, none for a newer token"
    assert client.ask("room", "access_token", {"access_token": server.token("eve")}) == OK
    (closed,) = client.sync()
    assert (closed["event"], closed["payload"]["code"]) == ("phx_close", "blocked_by_trigger")
    assert closed["payload"]["reason"] == "Not you."
    assert client.join_topic("room")["response"]["reason"] == "Not you."
