"""Tokens: made, looked into and revoked by programs."""

import base64
import json
import time
from datetime import datetime
from typing import Any

import jwt
import pytest
from websockets.exceptions import ConnectionClosed

from tests.api.client import Api, Client, Server, a_channel, rule
from webapp.services import keys, workspaces


def test_a_token_makes_a_client_who_it_says(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    before = time.time()
    made = api.token("ann", extras={"name": "Ann"}, dbo_id=3, row_id=7, ttl=600, claims={"team": "blue"})
    assert set(made) == {"token", "jti", "expires_at"}
    ends = datetime.fromisoformat(made["expires_at"]).timestamp()
    assert before + 598 <= ends <= time.time() + 601
    claims = jwt.decode(made["token"], options={"verify_signature": False})
    assert claims["jti"] == made["jti"]
    assert claims["aud"] == "default"
    assert claims["team"] == "blue"
    assert not set(made["token"]) & set("=+/")
    with Client(server, made["token"]).join(a_channel()):
        (client,) = api("GET", "/clients?user=ann").json["clients"]
        shown = {name: client[name] for name in ("user_id", "authenticated", "extras", "dbo_id", "row_id")}
        assert shown == {
            "user_id": "ann",
            "authenticated": True,
            "extras": {"name": "Ann"},
            "dbo_id": 3,
            "row_id": 7,
        }


def test_a_user_id_may_be_a_number_as_in_xano(api: Api) -> None:
    made = api("POST", "/tokens", {"sub": 42}).json
    assert jwt.decode(made["token"], options={"verify_signature": False})["sub"] == "42"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"ttl": 0}, "ttl"),
        ({"ttl": 10**12}, "ttl"),
        ({"ttl": 1.5}, "ttl"),
        ({"sub": True}, "sub"),
        ({"sub": "x" * 300}, "sub"),
        ({"extras": []}, "extras"),
        ({"extras": {"x": "y" * 9000}}, "extras"),
        ({"authorized_channels": ["a*"]}, "authorized_channels"),
        ({"grants": {"resources": {"channels": {"a": {"fly": True}}}}}, "grants"),
        ({"claims": {"exp": 1}}, "claims"),
        ({"dbo_id": -1}, "dbo_id"),
        ({"test": True}, "test"),
    ],
)
def test_claims_that_no_client_could_use(api: Api, body: dict[str, Any], path: str) -> None:
    answer = api("POST", "/tokens", body)
    assert (answer.status, answer.error, answer.paths) == (422, "invalid_input", [path])


def test_looking_into_a_token(api: Api) -> None:
    made = api.token("ann", extras={"a": 1})
    found = api("POST", "/tokens/inspect", {"token": made["token"]}).json
    assert found["valid"] is True
    assert found["code"] is None
    assert found["claims"]["sub"] == "ann"
    assert found["header"]["alg"] == "HS256"
    assert found["actor"]["user_id"] == "ann"
    other = jwt.encode({"sub": "ann", "exp": time.time() + 60}, "another secret that is quite long enough", "HS256")
    refused = api("POST", "/tokens/inspect", {"token": other}).json
    assert (refused["valid"], refused["code"], refused["actor"]) == (False, "token_invalid", None)
    assert refused["claims"]["sub"] == "ann"


def _unsigned(claims: str, header: str = '{"alg":"HS256"}') -> str:
    parts = (base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (header, claims, "x"))
    return ".".join(parts)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "...",
        "\u0000",
        _unsigned('{"exp": NaN}'),
        _unsigned('{"exp": "soon"}'),
        _unsigned('{"sub": "\\ud800"}'),
        _unsigned('{"sub": 1' + "0" * 5000 + "}"),
        _unsigned("[" * 5000),
        _unsigned("[]"),
        _unsigned("{}", header='{"alg": ["HS256"]}'),
        _unsigned("{}", header='{"alg": "none"}'),
        _unsigned("{}", header='{"alg": null, "kid": {"\\udfff": 1}}'),
    ],
)
def test_whatever_calls_itself_a_token_is_answered(api: Api, token: str) -> None:
    answer = api("POST", "/tokens/inspect", {"token": token})
    assert answer.status == 200, answer.body
    assert answer.json["valid"] is False


def test_revoking_closes_open_connections_at_once(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    gone, stays = api.token("ann"), api.token("ann")
    with Client(server, gone["token"]).join(channel) as first, Client(server, stays["token"]).join(channel) as second:
        assert api("DELETE", f"/tokens/{gone['jti']}").json == {"jti": gone["jti"], "revoked_before": False}
        assert [c["user_id"] for c in api("GET", f"/channels/{channel}/members").json["members"]] == ["ann"]
        assert first.next()["payload"]["code"] == "token_revoked"
        with pytest.raises(ConnectionClosed) as closed:
            first.next()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4000
        assert second.seen(channel) == []
    assert api("DELETE", f"/tokens/{gone['jti']}").json["revoked_before"] is True
    assert api("POST", "/tokens/inspect", {"token": gone["token"]}).json["code"] == "token_revoked"


def test_tokens_of_other_issuers_can_be_revoked_whatever_their_id_is(api: Api, server: Server) -> None:
    jti = "issuer/7%?ä"
    address = "/tokens/issuer%2F7%25%3F%C3%A4"
    assert api("DELETE", address + "?reason=stolen").json == {"jti": jti, "revoked_before": False}
    entry = server.entries("token:revoke")[0]
    assert (entry.after["jti"], entry.reason) == (jti, "stolen")
    assert api("DELETE", "/tokens/issuer/7%25%3F%C3%A4").json["revoked_before"] is True
    assert api("DELETE", "/tokens/" + "x" * 300).status == 422
    assert api("DELETE", "/tokens/%00").status == 422


def test_revoking_in_one_workspace_means_nothing_in_another(api: Api, server: Server) -> None:
    other = server.api(workspace="other")
    made = other.token("ann")
    api("DELETE", f"/tokens/{made['jti']}")
    assert other("POST", "/tokens/inspect", {"token": made["token"]}).json["valid"] is True


def test_without_a_secret_to_sign_with(server: Server) -> None:
    with server.app.app_context():
        workspace = workspaces.create("public-keys", "Public keys", author="tests", source="cli")
        for key in keys.list_all(workspace):
            keys.deactivate(workspace, key.id, author="tests", source="cli")
    answer = server.api(workspace="public-keys")("POST", "/tokens", {})
    assert (answer.status, answer.error) == (409, "conflict")


def test_claims_that_no_frame_can_carry_are_refused(api: Api, server: Server) -> None:
    """Half a surrogate pair in a token signed elsewhere made the list of clients fail, and the client's own joins."""
    with server.app.app_context():
        secret = keys.signing_secret(workspaces.get("default")).secret
    claims = json.loads('{"sub": "half", "extras": {"name": "\\ud800"}, "aud": "default"}')
    token = jwt.encode({**claims, "exp": time.time() + 60}, secret, "HS256")
    with Client(server, token):
        assert api("GET", "/clients?user=half").json["clients"] == []
    answer = api("POST", "/tokens/inspect", {"token": token})
    assert (answer.json["valid"], answer.json["code"]) == (False, "token_invalid")
    assert "extras" in answer.json["detail"]
