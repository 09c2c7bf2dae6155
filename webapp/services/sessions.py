"""Sessions of the dashboard: one a browser that an admin has signed in with. The browser alone holds its secret."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from ..models import Action, Admin, AdminSession, Role, Source, Workspace, now
from . import audit, testclients
from .errors import Conflict, NotFound
from .hashes import hash_of
from .transactions import reading, writing

LIVES_UNUSED = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was used last."""
USER_AGENT_MOST = 300


@dataclass(frozen=True, slots=True)
class Loaded:
    """The admin that a session's secret stands for, and the number of that session."""

    admin: Admin
    session_id: int


def begin(admin: Admin, *, address: str | None = None, user_agent: str = "", how: str = "password") -> str:
    """Sign an admin in and return the secret that the browser keeps.

    Args:
        admin: who signs in.
        address: the browser's network address.
        user_agent: what the browser calls itself; cut to 300 characters.
        how: what was shown to get in (``password``, ``password and code``, ``set-up link`` …), for the audit log.

    Raises:
        Conflict: the admin was removed, or got another password, since it was looked at.
    """
    secret = secrets.token_urlsafe(32)
    with writing() as session:
        row = session.get(Admin, admin.id, with_for_update=True)
        if row is None or row.password_hash != admin.password_hash:
            raise Conflict("Something changed in the meantime. Sign in again.")
        _forget_ended(session, admin)
        session.add(
            AdminSession(
                token_hash=hash_of(secret), admin_id=admin.id, address=address, user_agent=_storable(user_agent)
            )
        )
        audit.record(
            session,
            Action.ADMIN_SIGN_IN,
            actor=admin.username,
            source=Source.WEB,
            after={"username": admin.username, "with": how},
            address=address,
        )
    return secret


def note_failure(username: str, why: str, *, address: str | None = None) -> None:
    """Record that a sign-in failed. The name is kept only if somebody has it: others may be mistyped passwords."""
    query = select(Admin.username).where(Admin.username == username.strip().lower().replace("\x00", ""))
    with writing() as session:
        known = session.scalar(query) if username.isprintable() else None
        audit.record(
            session,
            Action.ADMIN_SIGN_IN_FAILED,
            actor="not signed in",
            source=Source.WEB,
            after={"username": known, "why": why},
            address=address,
        )


def load(secret: str) -> Loaded | None:
    """Return whom a session's secret stands for, and note that it was used; None once the session has ended."""
    query = select(AdminSession, Admin).join(Admin, Admin.id == AdminSession.admin_id)
    with reading() as session:
        row = session.execute(query.where(AdminSession.token_hash == hash_of(secret), *_open())).one_or_none()
    if row is None:
        return None
    found, admin = row
    if now() - found.seen_at > SEEN_EVERY:
        _note_use(found)
    return Loaded(admin, found.id)


def of(admin: Admin) -> list[AdminSession]:
    """List an admin's open sessions, the one used last first."""
    query = select(AdminSession).where(AdminSession.admin_id == admin.id, *_open())
    with reading() as session:
        return list(session.scalars(query.order_by(AdminSession.seen_at.desc(), AdminSession.id.desc())))


def of_people(workspace: Workspace) -> dict[int, list[AdminSession]]:
    """List the open sessions of everybody with a role in a workspace, by the admin's number."""
    query = select(AdminSession).join(Role, Role.admin_id == AdminSession.admin_id)
    query = query.where(Role.workspace_id == workspace.id, *_open()).order_by(AdminSession.seen_at.desc())
    found: dict[int, list[AdminSession]] = {}
    with reading() as session:
        for row in session.scalars(query):
            found.setdefault(row.admin_id, []).append(row)
    return found


def end(
    admin: Admin,
    session_id: int,
    *,
    author: str,
    source: Source | str,
    workspace: Workspace | None = None,
    address: str | None = None,
) -> None:
    """End one session of an admin and its test clients; its browser is signed out with its next request.

    Args:
        admin: whose session.
        session_id: its number.
        author: who ends it.
        source: where from.
        workspace: the workspace whose owner ends it; None for one's own.
        address: the author's network address.

    Raises:
        NotFound: this admin has no such open session.
    """
    with writing() as session:
        ended = _end(session, AdminSession.admin_id == admin.id, AdminSession.id == session_id, *_open())
        if not ended:
            raise NotFound({"session": "That session has ended already."})
        concerned = testclients.end_of_sessions(session, ended, author=author, source=source)
        audit.record(
            session,
            Action.SESSION_END,
            actor=author,
            source=source,
            workspace_id=workspace.id if workspace is not None else None,
            before={"username": admin.username, "sessions": 1},
            address=address,
        )
    testclients.notify(concerned)


def end_all(
    admin: Admin,
    *,
    but: int | None = None,
    author: str,
    source: Source | str,
    workspace: Workspace | None = None,
    address: str | None = None,
) -> int:
    """End all sessions of an admin but the one numbered ``but``, with their test clients; return how many ended."""
    with writing() as session:
        ended = _end(session, AdminSession.admin_id == admin.id, AdminSession.id != (but or 0), *_open())
        concerned = testclients.end_of_sessions(session, ended, author=author, source=source)
        if ended:
            audit.record(
                session,
                Action.SESSION_END,
                actor=author,
                source=source,
                workspace_id=workspace.id if workspace is not None else None,
                before={"username": admin.username, "sessions": len(ended)},
                address=address,
            )
    testclients.notify(concerned)
    return len(ended)


def sign_out(loaded: Loaded, *, address: str | None = None) -> None:
    """End the session that asks, and its test clients."""
    who = loaded.admin.username
    with writing() as session:
        ended = _end(session, AdminSession.id == loaded.session_id, *_open())
        concerned = testclients.end_of_sessions(session, ended, author=who, source=Source.WEB)
        if ended:
            audit.record(
                session,
                Action.ADMIN_SIGN_OUT,
                actor=who,
                source=Source.WEB,
                before={"username": who},
                address=address,
            )
    testclients.notify(concerned)


def end_every(session: Session, admin_id: int, *, author: str, source: Source | str) -> frozenset[int]:
    """End every session of an admin in the caller's transaction, which sets another password or deletes the account.

    Returns:
        The workspaces that ``testclients.notify`` is to be told of once that is committed.
    """
    ended = _end(session, AdminSession.admin_id == admin_id, AdminSession.ended_at.is_(None))
    return testclients.end_of_sessions(session, ended, author=author, source=source)


def _open() -> tuple[ColumnElement[bool], ...]:
    return AdminSession.ended_at.is_(None), AdminSession.seen_at > now() - LIVES_UNUSED


def _end(session: Session, *which: ColumnElement[bool]) -> list[int]:
    """Return the numbers of those that ended."""
    done = update(AdminSession).where(*which).values(ended_at=now()).returning(AdminSession.id)
    return list(session.scalars(done, execution_options={"synchronize_session": False}))


def _forget_ended(session: Session, admin: Admin) -> None:
    """Keep no addresses of sessions that are long over."""
    over = now() - LIVES_UNUSED
    session.execute(
        delete(AdminSession).where(
            AdminSession.admin_id == admin.id, or_(AdminSession.ended_at < over, AdminSession.seen_at < over)
        )
    )


def _note_use(found: AdminSession) -> None:
    try:
        with writing(patience=0) as session:
            session.execute(update(AdminSession).where(AdminSession.id == found.id).values(seen_at=now()))
    except OperationalError:
        pass  # the database is busy: that somebody was here a minute later is not worth making them wait


def _storable(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:USER_AGENT_MOST])
