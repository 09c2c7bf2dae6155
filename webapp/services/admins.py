"""Admins: the first one by a set-up link, their passwords, their roles."""

import re
import secrets
from datetime import timedelta
from typing import cast

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..models import Action, Admin, Invitation, Role, RoleName, SetupLink, Source, Workspace, now
from . import audit, passwords, sessions, testclients
from .errors import Conflict, InvalidInput, NotFound, ServiceError
from .hashes import hash_of
from .transactions import locked, reading, writing

SETUP_LINK_LIVES = timedelta(hours=1)
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")


class LinkProblem(ServiceError):
    """A set-up link that does not exist, was used, or is too old; which of these is not told."""

    def __init__(self) -> None:
        super().__init__("This link is not valid: it was used before or is older than an hour.")


def has_any() -> bool:
    """Whether anybody can sign in yet."""
    with reading() as session:
        return session.scalar(select(Admin.id).limit(1)) is not None


def setup_link(*, author: str = "system", source: Source | str = Source.SYSTEM) -> str:
    """Make a one-time token with which an owner can be made within an hour. Only its hash is kept."""
    token = secrets.token_urlsafe(32)
    with writing() as session:
        session.add(SetupLink(token_hash=hash_of(token), expires_at=now() + SETUP_LINK_LIVES))
        audit.record(session, Action.SETUP_LINK_CREATE, actor=author, source=source)
    return token


def check_setup_link(token: str) -> bool:
    """Whether a set-up link would be accepted now."""
    with reading() as session:
        return _usable_link(session, token) is not None


def redeem_setup_link(token: str, username: str, password: str, *, address: str | None = None) -> Admin:
    """Make an owner of all workspaces with a set-up link. This and every other open link end with it.

    Raises:
        LinkProblem: the link is not valid, or somebody else used it a moment ago.
        InvalidInput: the user name or the password can't be taken; the link stays valid.
        Conflict: somebody has this user name; the link stays valid.
    """
    if not check_setup_link(token):
        raise LinkProblem
    name = checked_username(username)
    password_hash = passwords.hashed(passwords.checked(password))
    try:
        with writing() as session:
            # The hash took its time: another request may have used the link meanwhile.
            used = session.execute(
                update(SetupLink)
                .where(
                    SetupLink.token_hash == hash_of(token), SetupLink.used_at.is_(None), SetupLink.expires_at > now()
                )
                .values(used_at=now())
            )
            if used.rowcount != 1:  # type: ignore[attr-defined]
                raise LinkProblem
            session.execute(update(SetupLink).where(SetupLink.used_at.is_(None)).values(used_at=now()))
            return _add(session, name, password_hash, RoleName.OWNER, None, name, Source.WEB, address)
    except IntegrityError:
        raise taken(name) from None


def create(
    username: str,
    password: str,
    *,
    author: str,
    source: Source | str,
    role: RoleName | str = RoleName.OWNER,
    workspace: Workspace | None = None,
    address: str | None = None,
) -> Admin:
    """Make an admin with a role in one workspace, or in all.

    Raises:
        InvalidInput: the user name, password or role can't be taken.
        Conflict: somebody has this user name.
    """
    name, given = checked_username(username), checked_role(role)
    password_hash = passwords.hashed(passwords.checked(password))
    try:
        with writing() as session:
            return _add(session, name, password_hash, given, workspace, author, source, address)
    except IntegrityError:
        raise taken(name) from None


def reset_password(
    username: str, password: str, *, author: str, source: Source | str, address: str | None = None
) -> Admin:
    """Set another password, which ends all of the admin's sessions and test clients.

    Raises:
        NotFound: there is no such admin.
        InvalidInput: the password can't be taken.
    """
    by_username(username)
    password_hash = passwords.hashed(passwords.checked(password))
    with writing() as session:
        admin: Admin | None = session.scalar(select(Admin).where(Admin.username == _folded(username)))
        if admin is None:
            raise NotFound({"username": "There is no such admin."})
        admin.password_hash = password_hash
        concerned = sessions.end_every(session, admin.id, author=author, source=source)
        after = {"username": admin.username}
        audit.record(session, Action.ADMIN_PASSWORD, actor=author, source=source, after=after, address=address)
    testclients.notify(concerned)
    return admin


def change_password(admin: Admin, current: str, password: str, *, address: str | None = None) -> Admin:
    """Set another password for oneself.

    Raises:
        InvalidInput: the current password is wrong, or the new one can't be taken.
    """
    if authenticate(admin.username, current) is None:
        raise InvalidInput({"current": "This is not your password."})
    return reset_password(admin.username, password, author=admin.username, source=Source.WEB, address=address)


def authenticate(username: str, password: str) -> Admin | None:
    """Return the admin if the password fits; it takes as long if there is no such admin."""
    admin = _found(username)
    if not passwords.verify(admin.password_hash if admin is not None else None, password) or admin is None:
        return None
    return _rehashed(admin, password) if passwords.is_outdated(admin.password_hash) else admin


def by_id(admin_id: int) -> Admin | None:
    """Return an admin by number, or None."""
    with reading() as session:
        admin: Admin | None = session.get(Admin, admin_id)
    return admin


def by_username(username: str) -> Admin:
    """Return an admin by name.

    Raises:
        NotFound: there is no such admin.
    """
    admin = _found(username)
    if admin is None:
        raise NotFound({"username": "There is no such admin."})
    return admin


def list_all() -> list[Admin]:
    """List all admins by name."""
    with reading() as session:
        return list(session.scalars(select(Admin).order_by(Admin.username)))


def remove(username: str, *, author: str, source: Source | str, address: str | None = None) -> Admin:
    """Delete an admin, which ends all sessions of theirs, and their test clients.

    Raises:
        NotFound: there is no such admin.
        Conflict: a workspace would be left without an owner.
    """
    admin = by_username(username)
    with writing() as session:
        # In the order in which others take hold of them: the account, its sessions, the workspaces.
        session.get(Admin, admin.id, with_for_update=True)
        concerned = sessions.end_every(session, admin.id, author=author, source=source)
        roles = list(session.scalars(select(Role).where(Role.admin_id == admin.id).order_by(Role.workspace_id)))
        for role in roles:
            workspace = locked(session, role.workspace_id)
            if role.role == RoleName.OWNER and _owners(session, workspace) == 1:
                message = f"{admin.username} is the last owner of {workspace.canonical}: make another one first."
                raise Conflict({"username": message})
        before = {"username": admin.username, "roles": {str(role.workspace_id): role.role for role in roles}}
        for role in roles:
            _revoke_invitations(session, admin, role.workspace_id)
            session.delete(role)
        session.flush()
        row = session.get(Admin, admin.id)
        if row is not None:
            session.delete(row)
        audit.record(session, Action.ADMIN_DELETE, actor=author, source=source, before=before, address=address)
    testclients.notify(concerned)
    return admin


def role_in(admin: Admin, workspace: Workspace) -> RoleName | None:
    """Return an admin's role in a workspace; None if the admin has nothing to do with it."""
    with reading() as session:
        role = session.get(Role, (admin.id, workspace.id))
    return RoleName(role.role) if role is not None else None


def workspaces_of(admin: Admin) -> list[tuple[Workspace, RoleName]]:
    """List the workspaces that an admin may enter, with the role there."""
    query = select(Workspace, Role.role).join(Role, Role.workspace_id == Workspace.id)
    with reading() as session:
        rows = session.execute(query.where(Role.admin_id == admin.id).order_by(Workspace.id)).all()
    return [(workspace, RoleName(role)) for workspace, role in rows]


def members(workspace: Workspace) -> list[tuple[Admin, RoleName]]:
    """List who has a role in a workspace, by name."""
    query = select(Admin, Role.role).join(Role, Role.admin_id == Admin.id)
    with reading() as session:
        rows = session.execute(query.where(Role.workspace_id == workspace.id).order_by(Admin.username)).all()
    return [(admin, RoleName(role)) for admin, role in rows]


def member(workspace: Workspace, admin_id: int) -> Admin:
    """Return somebody with a role in a workspace, by number.

    Raises:
        NotFound: nobody there has this number.
    """
    query = select(Admin).join(Role, Role.admin_id == Admin.id)
    with reading() as session:
        found: Admin | None = session.scalar(query.where(Role.workspace_id == workspace.id, Admin.id == admin_id))
    if found is None:
        raise NotFound({"admin": "There is no such person in this workspace."})
    return found


def set_role(
    admin: Admin,
    workspace: Workspace,
    role: RoleName | str | None,
    *,
    author: str,
    source: Source | str,
    only_members: bool = False,
    address: str | None = None,
) -> None:
    """Give an admin a role in a workspace, or with None take it away; ``only_members`` who has one there.

    Test clients of whoever may do less afterwards end.

    Raises:
        InvalidInput: there is no such role.
        NotFound: the admin has no role there (any more), and only members were meant.
        Conflict: the workspace would be left without an owner.
    """
    wanted = checked_role(role) if role is not None else None
    concerned: frozenset[int] = frozenset()
    with writing() as session:
        locked(session, workspace.id)
        row = session.get(Role, (admin.id, workspace.id))
        before = row.role if row is not None else None
        if row is None and only_members:
            raise NotFound({"role": f"{admin.username} is no longer in this workspace."})
        if before == wanted:
            return
        if before == RoleName.OWNER and _owners(session, workspace) == 1:
            raise Conflict({"role": "A workspace needs an owner: make somebody else one first."})
        if row is not None and wanted is not None:
            row.role = wanted.value
        elif row is not None:
            session.delete(row)
        elif wanted is not None:
            session.add(Role(admin_id=admin.id, workspace_id=workspace.id, role=wanted.value))
        if before == RoleName.OWNER:
            _revoke_invitations(session, admin, workspace.id)
        if before is not None and (wanted is None or not wanted.includes(RoleName(before))):
            who = {"author": author, "source": source}
            concerned = testclients.end_in_workspace(session, admin.id, workspace.id, **who)
        audit.record(
            session,
            Action.ROLE_SET if wanted is not None else Action.ROLE_REMOVE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before={"username": admin.username, "role": before},
            after={"username": admin.username, "role": wanted.value if wanted is not None else None},
            address=address,
        )
    testclients.notify(concerned)


def _add(
    session: Session,
    username: str,
    password_hash: str,
    role: RoleName,
    workspace: Workspace | None,
    author: str,
    source: Source | str,
    address: str | None,
) -> Admin:
    admin = Admin(username=username, password_hash=password_hash)
    session.add(admin)
    session.flush()
    ids = [workspace.id] if workspace is not None else list(session.scalars(select(Workspace.id)))
    session.add_all(Role(admin_id=admin.id, workspace_id=i, role=role.value) for i in ids)
    after = {"username": username, "role": role.value, "workspace": workspace.canonical if workspace else "all"}
    audit.record(session, Action.ADMIN_CREATE, actor=author, source=source, after=after, address=address)
    return admin


def _revoke_invitations(session: Session, admin: Admin, workspace_id: int) -> None:
    """End the links that somebody made as an owner, who is none any more: one of them would lead back in."""
    session.execute(
        update(Invitation)
        .where(
            Invitation.workspace_id == workspace_id,
            Invitation.created_by == admin.username,
            Invitation.used_at.is_(None),
            Invitation.revoked_at.is_(None),
        )
        .values(revoked_at=now())
        .execution_options(synchronize_session=False)
    )


def _found(username: str) -> Admin | None:
    name = _folded(username)
    if not _USERNAME.fullmatch(name):  # nobody has it, and a database may not even take it as a text
        return None
    with reading() as session:
        return cast("Admin | None", session.scalar(select(Admin).where(Admin.username == name)))


def _usable_link(session: Session, token: str) -> SetupLink | None:
    link = session.get(SetupLink, hash_of(token))
    return link if link is not None and link.used_at is None and link.expires_at > now() else None


def _owners(session: Session, workspace: Workspace) -> int:
    query = select(func.count()).where(Role.workspace_id == workspace.id, Role.role == RoleName.OWNER.value)
    return session.scalar(query) or 0


def _rehashed(admin: Admin, password: str) -> Admin:
    """Keep the password with today's parameters."""
    stronger = passwords.hashed(password)
    with writing() as session:
        row = session.get(Admin, admin.id)
        if row is None or row.password_hash != admin.password_hash:
            return admin
        row.password_hash = stronger
    return row


def _folded(username: str) -> str:
    return username.strip().lower()


def checked_username(username: object) -> str:
    """Return a user name as it is kept.

    Raises:
        InvalidInput: it can't be taken.
    """
    name = _folded(username) if isinstance(username, str) else ""
    if not _USERNAME.fullmatch(name):
        raise InvalidInput({"username": "Up to 100 letters, digits and any of `. _ @ + -`, beginning with the former."})
    return name


def checked_role(role: object) -> RoleName:
    """Return a role by its name.

    Raises:
        InvalidInput: there is none.
    """
    try:
        return RoleName(role)  # type: ignore[arg-type]
    except ValueError:
        raise InvalidInput({"role": f"Expected one of {', '.join(RoleName)}."}) from None


def taken(username: str) -> Conflict:
    """What is raised where somebody has this user name."""
    return Conflict({"username": f"There is already an admin `{username}`."})
