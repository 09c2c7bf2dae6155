"""Invitations: used once, for seven days, by somebody new or somebody known."""

from datetime import timedelta
from typing import Any

import argon2
import pytest

from tests.services.making import BY
from webapp.models import Action, Invitation, RoleName, Workspace, now
from webapp.services import admins, audit, invitations, passwords, workspaces
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.transactions import reading, writing

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with its weakest parameters: what is tested is what is done with it."""
    monkeypatch.setattr("webapp.services.passwords._hasher", argon2.PasswordHasher(1, 8, 1))


def invite(workspace: Workspace, role: str = "editor") -> str:
    return invitations.create(workspace, role, "for bob", **BY)[1]


def test_somebody_new_joins_once(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    token = invite(workspace)
    opened = invitations.opened(token)
    assert opened is not None
    assert (opened.workspace.id, opened.role, opened.invited_by) == (workspace.id, RoleName.EDITOR, "ada")
    bob = invitations.join_as_new(token, " Bob", PASSWORD, address="192.0.2.1")
    assert admins.authenticate("bob", PASSWORD) is not None
    assert admins.role_in(bob, workspace) is RoleName.EDITOR
    assert admins.role_in(bob, other) is None
    assert invitations.opened(token) is None
    with pytest.raises(invitations.InvitationProblem):
        invitations.join_as_new(token, "eve", PASSWORD)
    entry = audit.entries(workspace.id, action=Action.INVITATION_USE)[0]
    assert (entry.actor, entry.after) == ("bob", {"username": "bob", "role": "editor", "invited_by": "ada"})


def test_somebody_known_joins(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    bob = admins.create("bob", PASSWORD, role="viewer", workspace=other, **BY)
    assert invitations.join(invite(workspace), bob).id == workspace.id
    assert admins.role_in(bob, workspace) is RoleName.EDITOR
    assert admins.role_in(bob, other) is RoleName.VIEWER


@pytest.mark.parametrize(("held", "given", "then"), [("viewer", "editor", "editor"), ("editor", "editor", None)])
def test_a_link_only_ever_gives_more(workspace: Workspace, held: str, given: str, then: str | None) -> None:
    bob = admins.create("bob", PASSWORD, role=held, workspace=workspace, **BY)
    token = invite(workspace, given)
    if then is None:
        with pytest.raises(Conflict, match=f"You are {held}"):
            invitations.join(token, bob)
        assert invitations.opened(token) is not None
    else:
        invitations.join(token, bob)
        assert admins.role_in(bob, workspace) == then


def test_a_link_that_is_used_old_taken_back_or_unknown_opens_nothing(workspace: Workspace) -> None:
    bob = admins.create("bob", PASSWORD, role="viewer", workspace=workspace, **BY)
    taken_back = invite(workspace)
    invitations.revoke(workspace, invitations.open_of(workspace)[0].id, **BY)
    old = invite(workspace)
    with writing() as session:
        row = session.query(Invitation).filter(Invitation.revoked_at.is_(None)).one()
        assert row.expires_at - row.created_at == pytest.approx(timedelta(days=7), abs=timedelta(seconds=5))
        row.expires_at = now()
    for token in (taken_back, old, "", "x", "\ud800", "x" * 10_000):
        assert invitations.opened(token) is None
        with pytest.raises(invitations.InvitationProblem):
            invitations.join(token, bob)
        with pytest.raises(invitations.InvitationProblem):
            invitations.join_as_new(token, "eve", PASSWORD)
    assert invitations.open_of(workspace) == []
    assert admins.role_in(bob, workspace) is RoleName.VIEWER


def test_only_the_hash_is_kept(workspace: Workspace) -> None:
    token = invite(workspace)
    with reading() as session:
        row = session.query(Invitation).one()
    assert token not in row.token_hash
    assert all(token not in str([e.before, e.after]) for e in audit.entries(workspace.id))


def test_a_mistake_does_not_use_up_the_link(workspace: Workspace) -> None:
    admins.create("ada", PASSWORD, **BY)
    token = invite(workspace)
    for name, password in (("bob", "short"), ("", PASSWORD)):
        with pytest.raises(InvalidInput):
            invitations.join_as_new(token, name, password)
    with pytest.raises(Conflict):
        invitations.join_as_new(token, "ADA", PASSWORD)
    assert invitations.opened(token) is not None
    assert audit.entries(workspace.id, action=Action.INVITATION_USE) == []


def test_of_two_who_open_one_link_one_joins(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes its time and lets others run: the link was still good before it, and is used after it."""
    token = invite(workspace)
    hashed = passwords.hashed

    def overtaken(password: str) -> str:
        monkeypatch.setattr(passwords, "hashed", hashed)
        invitations.join_as_new(token, "first", PASSWORD)
        return hashed(password)

    monkeypatch.setattr(passwords, "hashed", overtaken)
    with pytest.raises(invitations.InvitationProblem):
        invitations.join_as_new(token, "second", PASSWORD)
    assert [admin.username for admin in admins.list_all()] == ["first"]


@pytest.mark.parametrize(("role", "note"), [("king", ""), (None, ""), ("viewer", "x" * 201), ("viewer", "a\x00")])
def test_no_invitation_is_made_of_bad_input(workspace: Workspace, role: Any, note: str) -> None:
    with pytest.raises(InvalidInput):
        invitations.create(workspace, role, note, **BY)
    assert invitations.open_of(workspace) == []


def test_another_workspace_takes_nothing_back(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    token = invite(workspace)
    with pytest.raises(NotFound):
        invitations.revoke(other, invitations.open_of(workspace)[0].id, **BY)
    assert invitations.opened(token) is not None
    assert invitations.open_of(other) == []


def test_at_most_a_hundred_are_open(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "OPEN_MOST", 2)
    invite(workspace)
    invite(workspace)
    with pytest.raises(Conflict, match="2 invitations are open"):
        invite(workspace)


@pytest.mark.parametrize("how", ["demoted", "taken out", "deleted"])
def test_who_is_no_owner_any_more_has_no_way_back_in(workspace: Workspace, how: str) -> None:
    admins.create("first", PASSWORD, **BY)
    bob = admins.create("bob", PASSWORD, **BY)
    token = invitations.create(workspace, "owner", "innocent", author="bob", source="web")[1]
    other = invite(workspace)
    if how == "deleted":
        admins.remove("bob", **BY)
    else:
        admins.set_role(bob, workspace, "editor" if how == "demoted" else None, **BY)
    assert invitations.opened(token) is None
    with pytest.raises(invitations.InvitationProblem):
        invitations.join_as_new(token, "again", PASSWORD)
    assert invitations.opened(other) is not None
