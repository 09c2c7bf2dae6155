"""Admins: set-up links, passwords, sessions, roles."""

from datetime import timedelta
from typing import Any

import argon2
import pytest

from tests.services.making import BY
from webapp.models import Action, Admin, RoleName, SetupLink, Workspace, now
from webapp.services import admins, audit, passwords, sessions, workspaces
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.transactions import reading, writing

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with its weakest parameters: what is tested is what is done with it."""
    monkeypatch.setattr("webapp.services.passwords._hasher", argon2.PasswordHasher(1, 8, 1))


def test_a_set_up_link_makes_an_owner_of_every_workspace_once(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    assert not admins.has_any()
    link = admins.setup_link()
    assert admins.check_setup_link(link)
    ada = admins.redeem_setup_link(link, " Ada ", PASSWORD, address="192.0.2.1")
    assert ada.username == "ada"
    assert admins.has_any()
    assert [(w.id, role) for w, role in admins.workspaces_of(ada)] == [
        (workspace.id, RoleName.OWNER),
        (other.id, RoleName.OWNER),
    ]
    assert not admins.check_setup_link(link)
    with pytest.raises(admins.LinkProblem):
        admins.redeem_setup_link(link, "eve", PASSWORD)
    assert [admin.username for admin in admins.list_all()] == ["ada"]


def test_a_used_link_ends_the_other_links_too(workspace: Workspace) -> None:
    first, second = admins.setup_link(), admins.setup_link()
    admins.redeem_setup_link(first, "ada", PASSWORD)
    with pytest.raises(admins.LinkProblem):
        admins.redeem_setup_link(second, "eve", PASSWORD)
    assert admins.check_setup_link(admins.setup_link())  # but one can be made afterwards


def test_a_link_lives_an_hour(workspace: Workspace) -> None:
    link = admins.setup_link()
    with reading() as session:
        row = session.query(SetupLink).one()
    assert row.expires_at - row.created_at == pytest.approx(timedelta(hours=1), abs=timedelta(seconds=5))
    with writing() as session:
        session.query(SetupLink).update({"expires_at": now()})
    assert not admins.check_setup_link(link)
    with pytest.raises(admins.LinkProblem):
        admins.redeem_setup_link(link, "ada", PASSWORD)
    assert not admins.has_any()


def test_only_the_hash_of_a_link_is_kept(workspace: Workspace) -> None:
    link = admins.setup_link()
    with reading() as session:
        row = session.query(SetupLink).one()
    assert link not in row.token_hash
    assert all(link not in str([e.before, e.after]) for e in audit.entries())


@pytest.mark.parametrize("token", ["", "x", "é", "\ud800", "x" * 10_000])
def test_no_other_text_is_a_link(workspace: Workspace, token: str) -> None:
    admins.setup_link()
    assert not admins.check_setup_link(token)
    with pytest.raises(admins.LinkProblem):
        admins.redeem_setup_link(token, "ada", PASSWORD)


def test_a_mistake_does_not_use_up_the_link(workspace: Workspace) -> None:
    admins.create("ada", PASSWORD, **BY)
    link = admins.setup_link()
    with pytest.raises(InvalidInput):
        admins.redeem_setup_link(link, "bob", "short")
    with pytest.raises(InvalidInput):
        admins.redeem_setup_link(link, "", PASSWORD)
    with pytest.raises(Conflict):
        admins.redeem_setup_link(link, "ADA", PASSWORD)
    assert admins.check_setup_link(link)
    admins.redeem_setup_link(link, "bob", PASSWORD)


@pytest.mark.parametrize("username", ["", " ", "-x", "a b", "ä", "x" * 101, "a\x00", None, 7])
def test_a_user_name_is_plain(workspace: Workspace, username: Any) -> None:
    with pytest.raises(InvalidInput, match="username"):
        admins.create(username, PASSWORD, **BY)


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 1025, None, 7])
def test_a_password_has_at_least_12_characters(workspace: Workspace, password: Any) -> None:
    with pytest.raises(InvalidInput, match="password"):
        admins.create("ada", password, **BY)
    assert not admins.has_any()


def test_only_the_right_password_signs_in(workspace: Workspace) -> None:
    ada = admins.create("ada", PASSWORD, **BY)
    found = admins.authenticate("ADA ", PASSWORD)
    assert found is not None
    assert found.id == ada.id
    for username, password in (
        ("ada", "wrong"),
        ("ada", ""),
        ("eve", PASSWORD),
        ("", ""),
        ("ada", "\ud800"),
        ("a\x00", "x"),
    ):
        assert admins.authenticate(username, password) is None
    assert ada.password_hash.startswith("$argon2id$")
    assert PASSWORD not in str([[e.before, e.after] for e in audit.entries()])


def test_an_old_hash_is_renewed_at_sign_in(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = admins.create("ada", PASSWORD, **BY)
    monkeypatch.setattr("webapp.services.passwords._hasher", argon2.PasswordHasher(2, 8, 1))
    found = admins.authenticate("ada", PASSWORD)
    assert found is not None
    assert found.password_hash != ada.password_hash
    again = admins.authenticate("ada", PASSWORD)
    assert again is not None
    assert again.password_hash == found.password_hash


def test_another_password_ends_every_session(workspace: Workspace) -> None:
    ada = admins.create("ada", PASSWORD, **BY)
    secret = sessions.begin(ada)
    changed = admins.reset_password("Ada", "another long password", author="root", source="cli")
    assert sessions.load(secret) is None
    assert sessions.load(sessions.begin(changed)) is not None
    assert admins.authenticate("ada", PASSWORD) is None
    assert audit.entries(action=Action.ADMIN_PASSWORD)[0].actor == "root"
    with pytest.raises(NotFound):
        admins.reset_password("eve", PASSWORD, **BY)


def test_ones_own_password_is_changed_with_the_old_one(workspace: Workspace) -> None:
    ada = admins.create("ada", PASSWORD, **BY)
    with pytest.raises(InvalidInput, match="current"):
        admins.change_password(ada, "wrong password", "another long password")
    admins.change_password(ada, PASSWORD, "another long password")
    assert admins.authenticate("ada", "another long password") is not None


def test_roles_include_those_below_them() -> None:
    order = [RoleName.OWNER, RoleName.EDITOR, RoleName.DEVELOPER, RoleName.VIEWER]
    for i, role in enumerate(order):
        assert [other for other in order if role.includes(other)] == order[i:]


def test_roles_are_held_per_workspace(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    admins.create("ada", PASSWORD, **BY)
    bob = admins.create("bob", PASSWORD, role="viewer", workspace=workspace, **BY)
    assert admins.role_in(bob, workspace) is RoleName.VIEWER
    assert admins.role_in(bob, other) is None
    admins.set_role(bob, other, "editor", **BY)
    admins.set_role(bob, workspace, None, **BY)
    admins.set_role(bob, workspace, None, **BY)
    assert [(w.canonical, role) for w, role in admins.workspaces_of(bob)] == [("other", RoleName.EDITOR)]
    assert [(a.username, role) for a, role in admins.members(other)] == [
        ("ada", RoleName.OWNER),
        ("bob", RoleName.EDITOR),
    ]
    assert [e.action for e in audit.entries(workspace.id)][:1] == [Action.ROLE_REMOVE]
    with pytest.raises(InvalidInput):
        admins.set_role(bob, other, "king", **BY)


def test_a_stale_change_brings_nobody_back(workspace: Workspace) -> None:
    bob = admins.create("bob", PASSWORD, role="viewer", workspace=workspace, **BY)
    assert admins.member(workspace, bob.id).username == "bob"
    admins.set_role(bob, workspace, None, **BY)
    with pytest.raises(NotFound):
        admins.set_role(bob, workspace, "owner", only_members=True, **BY)
    with pytest.raises(NotFound):
        admins.member(workspace, bob.id)
    assert admins.role_in(bob, workspace) is None


@pytest.mark.parametrize("role", [None, "editor"])
def test_a_workspace_keeps_an_owner(workspace: Workspace, role: str | None) -> None:
    ada = admins.create("ada", PASSWORD, **BY)
    with pytest.raises(Conflict):
        admins.set_role(ada, workspace, role, **BY)
    bob = admins.create("bob", PASSWORD, **BY)
    admins.set_role(ada, workspace, role, **BY)
    assert admins.role_in(bob, workspace) is RoleName.OWNER


def test_a_new_workspace_belongs_to_who_made_it_or_to_who_owns_all_others(workspace: Workspace) -> None:
    ada: Admin = admins.create("ada", PASSWORD, **BY)
    admins.create("bob", PASSWORD, **BY)
    mine = workspaces.create("mine", "Mine", owner=ada, **BY)
    ours = workspaces.create("ours", "Ours", **BY)
    assert [admin.username for admin, _ in admins.members(mine)] == ["ada"]
    assert [admin.username for admin, _ in admins.members(ours)] == ["ada"]


def test_of_two_requests_with_one_link_one_wins(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes its time and lets others run: the link was still good before it, and is used after it."""
    link = admins.setup_link()
    hashed = passwords.hashed

    def overtaken(password: str) -> str:
        monkeypatch.setattr(passwords, "hashed", hashed)
        admins.redeem_setup_link(link, "first", PASSWORD)
        return hashed(password)

    monkeypatch.setattr(passwords, "hashed", overtaken)
    with pytest.raises(admins.LinkProblem):
        admins.redeem_setup_link(link, "second", PASSWORD)
    assert [admin.username for admin in admins.list_all()] == ["first"]


def test_removing_an_admin_ends_the_sessions_and_spares_the_last_owner(workspace: Workspace) -> None:
    ada = admins.create("ada", PASSWORD, author="test", source="cli")
    secret = sessions.begin(ada)
    with pytest.raises(Conflict, match="last owner of default"):
        admins.remove("ada", author="test", source="cli")
    assert sessions.load(secret) is not None
    admins.create("bob", PASSWORD, author="test", source="cli")
    admins.remove("Ada", author="test", source="cli")
    assert sessions.load(secret) is None
    assert [admin.username for admin in admins.list_all()] == ["bob"]
    assert [admin.username for admin, _ in admins.members(workspace)] == ["bob"]
    assert audit.entries(None, action="admin:delete")[0].before["username"] == "ada"
    with pytest.raises(NotFound):
        admins.remove("ada", author="test", source="cli")
