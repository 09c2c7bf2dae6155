"""Invitations: one-time links that give whoever opens them a role in a workspace."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..models import Action, Admin, Invitation, Role, RoleName, Source, Workspace, now
from . import admins, audit, passwords
from .errors import Conflict, NotFound, ServiceError
from .hashes import hash_of
from .texts import checked_text
from .transactions import locked, reading, writing

LIVES = timedelta(days=7)
OPEN_MOST = 100
NOTE_MOST = 200


class InvitationProblem(ServiceError):
    """A link that does not exist, was used or revoked, or is too old; which of these is not told."""

    def __init__(self) -> None:
        super().__init__("This invitation is not valid: it was used before, taken back, or is older than seven days.")


@dataclass(frozen=True, slots=True)
class Opened:
    """What a link that is valid gives."""

    workspace: Workspace
    role: RoleName
    invited_by: str


def create(
    workspace: Workspace,
    role: RoleName | str,
    note: str = "",
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> tuple[Invitation, str]:
    """Make an invitation and return it with the token of its link, which is shown this once.

    Raises:
        InvalidInput: there is no such role, or the note can't be taken.
        Conflict: too many are open.
    """
    given, note = admins.checked_role(role), " ".join(checked_text(note, "note", NOTE_MOST).split())
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        token_hash=hash_of(token),
        workspace_id=workspace.id,
        role=given.value,
        note=note,
        created_by=author[:200],
        expires_at=now() + LIVES,
    )
    with writing() as session:
        locked(session, workspace.id)
        if len(_open_of(session, workspace)) >= OPEN_MOST:
            raise Conflict({"": f"{OPEN_MOST} invitations are open. Take some back first."})
        session.add(invitation)
        _record(
            session,
            Action.INVITATION_CREATE,
            workspace.id,
            {"role": given.value, "note": note},
            author=author,
            source=source,
            address=address,
        )
    return invitation, token


def open_of(workspace: Workspace) -> list[Invitation]:
    """List the invitations that can still be used, newest first."""
    with reading() as session:
        return _open_of(session, workspace)


def revoke(
    workspace: Workspace, invitation_id: int, *, author: str, source: Source | str, address: str | None = None
) -> Invitation:
    """Take an invitation back: its link opens nothing any more.

    Raises:
        NotFound: this workspace has no such open invitation.
    """
    which = (Invitation.id == invitation_id, Invitation.workspace_id == workspace.id, *_usable())
    with writing() as session:
        row = session.scalar(select(Invitation).where(*which).with_for_update())
        if row is None:
            raise NotFound({"invitation": "This invitation was used or taken back already."})
        row.revoked_at = now()
        _record(
            session,
            Action.INVITATION_REVOKE,
            workspace.id,
            {"role": row.role, "note": row.note},
            author=author,
            source=source,
            address=address,
        )
    return row


def opened(token: str) -> Opened | None:
    """Return what a link gives, or None if it is not valid."""
    query = select(Invitation, Workspace).join(Workspace, Workspace.id == Invitation.workspace_id)
    with reading() as session:
        row = session.execute(query.where(Invitation.token_hash == hash_of(token), *_usable())).one_or_none()
    if row is None:
        return None
    invitation, workspace = row
    return Opened(workspace, RoleName(invitation.role), invitation.created_by)


def join_as_new(token: str, username: str, password: str, *, address: str | None = None) -> Admin:
    """Make an admin with the role that a link gives; the link ends with it.

    Raises:
        InvitationProblem: the link is not valid, or somebody else used it a moment ago.
        InvalidInput: the user name or the password can't be taken; the link stays valid.
        Conflict: somebody has this user name; the link stays valid.
    """
    if opened(token) is None:
        raise InvitationProblem
    name = admins.checked_username(username)
    password_hash = passwords.hashed(passwords.checked(password))
    try:
        with writing() as session:
            # The hash took its time: the link may have been used or taken back meanwhile.
            invitation = _use(session, token, name, address)
            admin = Admin(username=name, password_hash=password_hash)
            session.add(admin)
            session.flush()
            session.add(Role(admin_id=admin.id, workspace_id=invitation.workspace_id, role=invitation.role))
            return admin
    except IntegrityError:
        raise admins.taken(name) from None


def join(token: str, admin: Admin, *, address: str | None = None) -> Workspace:
    """Give an admin the role that a link gives, and return the workspace; the link ends with it.

    Raises:
        InvitationProblem: the link is not valid.
        Conflict: the admin's role there includes it already; the link stays valid.
    """
    with writing() as session:
        invitation = _use(session, token, admin.username, address)
        workspace = locked(session, invitation.workspace_id)
        role = session.get(Role, (admin.id, workspace.id))
        if role is None:
            session.add(Role(admin_id=admin.id, workspace_id=workspace.id, role=invitation.role))
        elif RoleName(role.role).includes(RoleName(invitation.role)):
            raise Conflict(f"You are {role.role} of this workspace already.")
        else:
            role.role = invitation.role
    return workspace


def _usable() -> tuple[ColumnElement[bool], ...]:
    return Invitation.used_at.is_(None), Invitation.revoked_at.is_(None), Invitation.expires_at > now()


def _open_of(session: Session, workspace: Workspace) -> list[Invitation]:
    query = select(Invitation).where(Invitation.workspace_id == workspace.id, *_usable())
    return list(session.scalars(query.order_by(Invitation.id.desc())))


def _use(session: Session, token: str, username: str, address: str | None) -> Invitation:
    which = Invitation.token_hash == hash_of(token)
    done = session.execute(
        update(Invitation)
        .where(which, *_usable())
        .values(used_at=now(), used_by=username)
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise InvitationProblem
    invitation = session.scalars(select(Invitation).where(which)).one()
    details = {"username": username, "role": invitation.role, "invited_by": invitation.created_by}
    _record(
        session,
        Action.INVITATION_USE,
        invitation.workspace_id,
        details,
        author=username,
        source=Source.WEB,
        address=address,
    )
    return invitation


def _record(
    session: Session,
    action: Action,
    workspace_id: int,
    details: dict[str, str],
    *,
    author: str,
    source: Source | str,
    address: str | None,
) -> None:
    gone = action is Action.INVITATION_REVOKE
    audit.record(
        session,
        action,
        actor=author,
        source=source,
        workspace_id=workspace_id,
        before=details if gone else None,
        after=None if gone else details,
        address=address,
    )
