"""Tokens of test clients: marked, short, by role, audited, and ended with the sign-in that made them."""

import time
from collections.abc import Callable
from typing import Any

import argon2
import pytest

from tests.services.making import BY
from webapp.core.actors import ANONYMOUS_KIND
from webapp.core.codes import Code
from webapp.models import Action, Admin, RoleName, Workspace
from webapp.services import admins, audit, live, sessions, testclients, tokens, workspaces
from webapp.services.errors import Conflict, InvalidInput
from webapp.services.sessions import Loaded
from webapp.services.testclients import Identity

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with its weakest parameters: what is tested is what is done with it."""
    monkeypatch.setattr("webapp.services.passwords._hasher", argon2.PasswordHasher(1, 8, 1))


@pytest.fixture
def ada(workspace: Workspace) -> Admin:
    admins.create("bob", PASSWORD, **BY)
    return admins.create("ada", PASSWORD, role=RoleName.EDITOR, **BY)


def signed_in(admin: Admin) -> Loaded:
    loaded = sessions.load(sessions.begin(admin))
    assert loaded is not None
    return loaded


def made(
    workspace: Workspace, loaded: Loaded, role: RoleName = RoleName.EDITOR, anonymous: bool = False, **claims: Any
) -> testclients.Made:
    identity = Identity(anonymous, claims)
    return testclients.mint(workspace, identity, session_id=loaded.session_id, role=role, **BY)


def state(workspace: Workspace, token: str) -> Code | None:
    """Why a token is not accepted; None if it is."""
    return tokens.inspect(workspace, token).code


def test_the_token_is_marked_short_and_audited(workspace: Workspace, ada: Admin) -> None:
    test = made(workspace, signed_in(ada), sub="u1", extras={"name": "Ada"}, authorized_channels=["chat"])
    inspection = tokens.inspect(workspace, test.minted.token)
    assert inspection.actor is not None
    assert (inspection.actor.is_test, inspection.actor.user_id, test.user) == (True, "u1", "u1")
    assert inspection.actor.extras == {"name": "Ada"}
    assert (inspection.claims["test"], "anonymous" in inspection.claims) == (True, False)
    assert inspection.claims["exp"] - inspection.claims["iat"] == 15 * 60
    entry = audit.entries(workspace.id)[0]
    assert (entry.action, entry.actor) == (Action.TOKEN_MINT, "ada")
    assert (entry.after["test"], entry.after["sub"], entry.after["jti"]) == (True, "u1", test.minted.jti)
    assert test.minted.token not in str(entry.after)
    with pytest.raises(InvalidInput, match="ttl"):
        testclients.mint(
            workspace, Identity(), session_id=signed_in(ada).session_id, role=RoleName.EDITOR, ttl=901, **BY
        )


def test_an_anonymous_test_client_is_decided_as_one_and_can_be_ended(workspace: Workspace, ada: Admin) -> None:
    test = made(workspace, signed_in(ada), anonymous=True, sub="ignored")
    actor = tokens.inspect(workspace, test.minted.token).actor
    assert actor is not None
    assert actor.kind == ANONYMOUS_KIND
    assert (actor.user_id, actor.is_test, actor.token_id) == (None, True, test.minted.jti)
    assert actor.expires_at is not None
    assert 0 < actor.expires_at - time.time() <= 900


@pytest.mark.parametrize("claims", [{"test": True}, {"anonymous": True}, {"test": True, "anonymous": True}])
def test_nobody_sets_the_marks_among_claims_of_their_own(
    workspace: Workspace, ada: Admin, claims: dict[str, bool]
) -> None:
    with pytest.raises(InvalidInput):
        tokens.mint(workspace, claims=claims, **BY)
    with pytest.raises(InvalidInput):
        testclients.mint(
            workspace, Identity(claims=claims), session_id=signed_in(ada).session_id, role=RoleName.OWNER, **BY
        )


@pytest.mark.parametrize(
    ("role", "claims", "user"),
    [
        (RoleName.DEVELOPER, {"sub": "42"}, "test:42"),
        (RoleName.DEVELOPER, {"user_id": 42}, "test:42"),
        (RoleName.DEVELOPER, {"sub": "test:42"}, "test:42"),
        (RoleName.DEVELOPER, {"sub": " test:42"}, "test:42"),
        (RoleName.DEVELOPER, {"sub": "Test:42"}, "test:Test:42"),
        (RoleName.DEVELOPER, {}, None),
        (RoleName.DEVELOPER, {"sub": ""}, None),
        (RoleName.EDITOR, {"sub": "42"}, "42"),
        (RoleName.EDITOR, {"sub": "", "user_id": "43"}, "43"),
        (RoleName.OWNER, {"sub": "42", "dbo_id": 1, "row_id": 2}, "42"),
    ],
)
def test_a_real_user_s_id_needs_the_editor_role(
    workspace: Workspace, role: RoleName, claims: dict[str, Any], user: str | None
) -> None:
    admin = admins.create("eve", PASSWORD, role=role, **BY)
    test = made(workspace, signed_in(admin), role, **claims)
    actor = tokens.inspect(workspace, test.minted.token).actor
    assert actor is not None
    assert (actor.user_id, test.user) == (user, user)


@pytest.mark.parametrize(
    ("field", "claims"),
    [
        ("dbo_id", {"dbo_id": 1}),
        ("row_id", {"row_id": 7}),
        ("sub", {"sub": ["42"]}),
        ("sub", {"sub": True}),
        ("sub", {"sub": "x" * 255}),  # with the prefix it is too long
        ("extras", {"extras": []}),
        ("grants", {"grants": {"resources": {"channels": {"a": ["fly"]}}}}),
        ("authorized_channels", {"authorized_channels": ["foo*"]}),
        ("exp", {"exp": 10**10}),
        ("iss", {"iss": "me"}),
    ],
)
def test_what_a_developer_s_test_client_can_t_say(workspace: Workspace, field: str, claims: dict[str, Any]) -> None:
    admin = admins.create("dev", PASSWORD, role=RoleName.DEVELOPER, **BY)
    with pytest.raises(InvalidInput) as caught:
        made(workspace, signed_in(admin), RoleName.DEVELOPER, **claims)
    assert list(caught.value.problems) == [field]
    assert tokens.minted(workspace) == []


def _sign_out(admin: Admin, loaded: Loaded, _workspace: Workspace) -> None:
    sessions.sign_out(loaded)


def _end(admin: Admin, loaded: Loaded, _workspace: Workspace) -> None:
    sessions.end(admin, loaded.session_id, **BY)


def _end_all(admin: Admin, _loaded: Loaded, _workspace: Workspace) -> None:
    assert sessions.end_all(admin, **BY) == 1


def _change_password(admin: Admin, _loaded: Loaded, _workspace: Workspace) -> None:
    admins.change_password(admin, PASSWORD, PASSWORD + "!")


def _reset_password(admin: Admin, _loaded: Loaded, _workspace: Workspace) -> None:
    admins.reset_password(admin.username, PASSWORD, **BY)


def _remove(admin: Admin, _loaded: Loaded, _workspace: Workspace) -> None:
    admins.remove(admin.username, **BY)


def _leave(admin: Admin, _loaded: Loaded, workspace: Workspace) -> None:
    admins.set_role(admin, workspace, None, **BY)


def _lower(admin: Admin, _loaded: Loaded, workspace: Workspace) -> None:
    admins.set_role(admin, workspace, RoleName.DEVELOPER, **BY)


ENDS = (_sign_out, _end, _end_all, _change_password, _reset_password, _remove, _leave, _lower)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("anonymous", [False, True])
def test_they_end_with_the_sign_in_that_made_them(
    workspace: Workspace, ada: Admin, end: Callable[[Admin, Loaded, Workspace], None], anonymous: bool
) -> None:
    loaded = signed_in(ada)
    test = made(workspace, loaded, anonymous=anonymous)
    own = tokens.mint(workspace, sub="u", **BY)
    others = made(workspace, signed_in(admins.by_username("bob")), RoleName.OWNER)
    before = live.load_config(workspace.id).generation
    assert state(workspace, test.minted.token) is None
    end(ada, loaded, workspace)
    assert state(workspace, test.minted.token) is Code.TOKEN_REVOKED
    assert state(workspace, own.token) is None
    assert state(workspace, others.minted.token) is None
    assert live.load_config(workspace.id).generation > before, "other processes would not hear of it"
    revoked = [entry for entry in audit.entries(workspace.id) if entry.action == Action.TOKEN_REVOKE]
    assert [entry.after["jti"] for entry in revoked] == [test.minted.jti]


def test_other_sign_ins_of_the_same_admin_keep_theirs(workspace: Workspace, ada: Admin) -> None:
    first, second = signed_in(ada), signed_in(ada)
    tests = [made(workspace, loaded).minted.token for loaded in (first, second)]
    assert sessions.end_all(ada, but=first.session_id, **BY) == 1
    assert [state(workspace, token) for token in tests] == [None, Code.TOKEN_REVOKED]


def test_a_lost_role_ends_those_of_that_workspace_and_a_higher_one_none(workspace: Workspace, ada: Admin) -> None:
    other = workspaces.create("other", "Other", **BY)
    admins.set_role(ada, other, RoleName.DEVELOPER, **BY)
    loaded = signed_in(ada)
    here, there = made(workspace, loaded).minted.token, made(other, loaded, RoleName.DEVELOPER).minted.token
    admins.set_role(ada, other, RoleName.EDITOR, **BY)
    assert (state(workspace, here), state(other, there)) == (None, None)
    admins.set_role(ada, workspace, None, **BY)
    assert (state(workspace, here), state(other, there)) == (Code.TOKEN_REVOKED, None)


def test_nobody_gets_one_who_was_signed_out_or_lost_the_role_meanwhile(workspace: Workspace, ada: Admin) -> None:
    """A request that had begun before would otherwise leave a token behind that nothing ends."""
    loaded = signed_in(ada)
    admins.set_role(ada, workspace, RoleName.DEVELOPER, **BY)
    with pytest.raises(Conflict):
        made(workspace, loaded, RoleName.EDITOR, sub="42")
    made(workspace, loaded, RoleName.DEVELOPER)
    sessions.sign_out(loaded)
    with pytest.raises(Conflict):
        made(workspace, loaded, RoleName.DEVELOPER)
    assert [revoked for _, revoked in tokens.minted(workspace)] == [True]


def test_one_that_was_revoked_by_hand_or_has_expired_is_left_alone(workspace: Workspace, ada: Admin) -> None:
    loaded = signed_in(ada)
    test = made(workspace, loaded)
    assert tokens.revoke(workspace, test.minted.jti, **BY)
    sessions.sign_out(loaded)
    entries = [e for e in audit.entries(workspace.id) if e.action == Action.TOKEN_REVOKE]
    assert len(entries) == 1
