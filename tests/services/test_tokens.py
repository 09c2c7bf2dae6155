"""Minting, looking into and revoking tokens."""

import json
import re
import time
from typing import Any

import jwt
import pytest

from tests.services.making import BY
from tests.services.signing import token
from webapp.core.codes import Code
from webapp.models import Action, Workspace
from webapp.services import audit, keys, tokens, workspaces
from webapp.services.errors import InvalidInput

SECRET = "a shared secret of a backend, long enough"


def test_a_token_has_the_claims_that_realtime_reads(workspace: Workspace) -> None:
    grants = {"resources": {"channels": {"chat": ["read"]}}}
    minted = tokens.mint(
        workspace,
        sub="u1",
        extras={"name": "Ada"},
        dbo_id=3,
        row_id=7,
        ttl=120,
        authorized_channels=["chat", "org/*"],
        grants=grants,
        claims={"iss": "me"},
        **BY,
    )
    claims = tokens.inspect(workspace, minted.token).claims
    assert claims["exp"] - claims["iat"] == 120
    assert abs(claims["iat"] - time.time()) < 10
    assert minted.expires_at.timestamp() == claims["exp"]
    assert {k: v for k, v in claims.items() if k not in ("exp", "iat")} == {
        "sub": "u1",
        "extras": {"name": "Ada"},
        "dbo_id": 3,
        "row_id": 7,
        "authorized_channels": ["chat", "org/*"],
        "grants": grants,
        "iss": "me",
        "aud": "default",
        "jti": minted.jti,
        "token_type": "realtime",
    }


def test_a_token_is_a_valid_subprotocol(workspace: Workspace) -> None:
    """It travels as the WebSocket subprotocol, which holds only HTTP token characters: no `=`, no `/`."""
    for length in range(5):
        text = tokens.mint(workspace, sub="u" * (length + 1), extras={"ü": "?>" * length}, **BY).token
        assert re.fullmatch(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", text)


def test_a_minted_token_makes_the_actor(workspace: Workspace) -> None:
    actor = tokens.inspect(workspace, tokens.mint(workspace, sub=42, dbo_id=1, **BY).token).actor
    assert actor is not None
    assert (actor.user_id, actor.dbo_id, actor.row_id, actor.is_test) == ("42", 1, 0, False)
    anonymous = tokens.inspect(workspace, tokens.mint(workspace, **BY).token).actor
    assert anonymous is not None
    assert (anonymous.authenticated, anonymous.user_id) == (True, None)


def test_a_test_token_is_marked_and_short(workspace: Workspace) -> None:
    actor = tokens.inspect(workspace, tokens.mint(workspace, ttl=900, test=True, **BY).token).actor
    assert actor is not None
    assert actor.is_test
    with pytest.raises(InvalidInput, match="ttl"):
        tokens.mint(workspace, ttl=901, test=True, **BY)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("ttl", {"ttl": 0}),
        ("ttl", {"ttl": -5}),
        ("ttl", {"ttl": True}),
        ("ttl", {"ttl": 1.5}),
        ("ttl", {"ttl": "60"}),
        ("ttl", {"ttl": 10**12}),
        ("sub", {"sub": True}),
        ("sub", {"sub": ["u"]}),
        ("sub", {"sub": "a\x00b"}),
        ("sub", {"sub": "x" * 256}),
        ("extras", {"extras": "name"}),
        ("extras", {"extras": ["name"]}),
        ("extras", {"extras": {"x": float("nan")}}),
        ("extras", {"extras": {"x": object()}}),
        ("extras", {"extras": {"x": "y" * 8000}}),
        ("dbo_id", {"dbo_id": "1"}),
        ("row_id", {"row_id": True}),
        ("authorized_channels", {"authorized_channels": "chat"}),
        ("authorized_channels", {"authorized_channels": [""]}),
        ("authorized_channels", {"authorized_channels": ["foo*"]}),
        ("grants", {"grants": []}),
        ("grants", {"grants": {"resources": {"channels": {"a": ["fly"]}}}}),
        ("grants", {"grants": {"patterns": {"channels": {"(": ["read"]}}}}),
        ("claims", {"claims": []}),
        ("claims", {"claims": {"exp": 1}}),
        ("claims", {"claims": {"aud": "other"}}),
        ("claims", {"claims": {"test": True}}),
        ("claims", {"claims": {"iss": 5}}),
    ],
)
def test_what_no_client_could_use_is_not_minted(workspace: Workspace, field: str, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        tokens.mint(workspace, **given, **BY)
    assert list(caught.value.problems) == [field]
    assert tokens.minted(workspace) == []


def test_the_token_itself_is_kept_nowhere(workspace: Workspace) -> None:
    minted = tokens.mint(workspace, sub="u1", **BY)
    entry = audit.entries(workspace.id)[0]
    assert (entry.action, entry.after["jti"], entry.after["sub"]) == (Action.TOKEN_MINT, minted.jti, "u1")
    assert minted.token not in json.dumps(entry.after)
    ((row, revoked),) = tokens.minted(workspace)
    assert (row.jti, row.subject, row.created_by, revoked) == (minted.jti, "u1", "ada", False)


@pytest.mark.parametrize(
    ("claims", "code", "says"),
    [
        ({"exp": 1}, Code.TOKEN_EXPIRED, "expired"),
        ({"exp": None}, Code.TOKEN_INVALID, "exp"),
        ({"exp": "soon"}, Code.TOKEN_INVALID, "exp"),
        ({"exp": 10**400}, Code.TOKEN_INVALID, "exp"),  # no float holds it: this was a fault of the server
        ({"exp": float("nan")}, Code.TOKEN_INVALID, "exp"),  # neither past nor future: this was valid for ever
        ({"exp": float("inf")}, Code.TOKEN_INVALID, "exp"),
        ({"nbf": 10**400}, Code.TOKEN_INVALID, "nbf"),
        ({"nbf": time.time() + 3600}, Code.TOKEN_INVALID, "nbf"),
        ({"aud": "other"}, Code.TOKEN_INVALID, "aud"),
        ({"aud": []}, Code.TOKEN_INVALID, "aud"),
        ({"token_type": "refresh"}, Code.TOKEN_INVALID, "token_type"),
        ({"extras": 5}, Code.TOKEN_INVALID, "extras"),
        ({"authorized_channels": "x"}, Code.TOKEN_INVALID, "authorized_channels"),
        ({"grants": 5}, Code.TOKEN_INVALID, "grants"),
    ],
)
def test_a_token_of_a_backend_that_is_not_accepted_says_why(
    workspace: Workspace, claims: dict[str, Any], code: Code, says: str
) -> None:
    keys.add_secret(workspace, SECRET, kid="mine", **BY)
    inspection = tokens.inspect(workspace, token("HS256", SECRET, **claims))
    assert (inspection.valid, inspection.code, inspection.kid) == (False, code, "mine")
    assert says in inspection.detail
    assert inspection.claims["sub"] == "u1"  # shown all the same
    assert inspection.actor is None


def test_an_audience_may_be_one_of_a_list(workspace: Workspace) -> None:
    keys.add_secret(workspace, SECRET, **BY)
    assert tokens.inspect(workspace, token("HS256", SECRET, aud=["other", "default"])).valid


def test_with_several_workspaces_a_token_has_to_name_its_own(workspace: Workspace) -> None:
    keys.add_secret(workspace, SECRET, **BY)
    assert tokens.inspect(workspace, token("HS256", SECRET)).valid
    before = workspaces.by_id(workspace.id).generation
    workspaces.create("other", "Other", **BY)
    assert workspaces.by_id(workspace.id).generation > before
    inspection = tokens.inspect(workspace, token("HS256", SECRET))
    assert (inspection.valid, inspection.code) == (False, Code.TOKEN_INVALID)
    assert tokens.inspect(workspace, token("HS256", SECRET, aud="default")).valid


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "a.b.c", "..", "é.é.é", "e30.e30.", "\x00", "x" * 100_000, "W10.e30.x"]
)
def test_what_is_no_token_is_said_to_be_none(workspace: Workspace, text: str) -> None:
    inspection = tokens.inspect(workspace, text)
    assert (inspection.valid, inspection.code) == (False, Code.TOKEN_INVALID)


def test_a_pasted_header_is_understood(workspace: Workspace) -> None:
    minted = tokens.mint(workspace, **BY)
    assert tokens.inspect(workspace, f"  Bearer {minted.token}\n").valid


def test_a_revoked_token_is_refused_and_audited_once(workspace: Workspace) -> None:
    minted = tokens.mint(workspace, sub="u1", **BY)
    before = workspaces.by_id(workspace.id).generation
    assert tokens.revoke(workspace, minted.jti, reason="lost", **BY)
    assert not tokens.revoke(workspace, minted.jti, **BY)
    assert workspaces.by_id(workspace.id).generation == before + 1
    assert tokens.inspect(workspace, minted.token).code is Code.TOKEN_REVOKED
    revocations = audit.entries(workspace.id, action=Action.TOKEN_REVOKE)
    assert [(entry.after["jti"], entry.reason) for entry in revocations] == [(minted.jti, "lost")]
    assert [revoked for _, revoked in tokens.minted(workspace)] == [True]


def test_a_token_of_another_workspace_stays_valid(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    minted = tokens.mint(workspace, **BY)
    tokens.revoke(other, minted.jti, **BY)
    assert tokens.inspect(workspace, minted.token).valid


@pytest.mark.parametrize("jti", ["", "  ", "x" * 256, "a\nb"])
def test_only_ids_are_revoked(workspace: Workspace, jti: str) -> None:
    with pytest.raises(InvalidInput, match="jti"):
        tokens.revoke(workspace, jti, **BY)


def test_a_token_of_a_backend_can_be_revoked_by_its_id(workspace: Workspace) -> None:
    keys.add_secret(workspace, SECRET, **BY)
    text = token("HS256", SECRET, jti="theirs")
    assert tokens.inspect(workspace, text).valid
    tokens.revoke(workspace, "theirs", **BY)
    assert tokens.inspect(workspace, text).code is Code.TOKEN_REVOKED


def test_the_newest_secret_signs(workspace: Workspace) -> None:
    keys.add_secret(workspace, SECRET, kid="newest", **BY)
    minted = tokens.mint(workspace, **BY)
    assert jwt.get_unverified_header(minted.token)["kid"] == "newest"
    assert jwt.decode(minted.token, SECRET, ["HS256"], audience="default")["jti"] == minted.jti
