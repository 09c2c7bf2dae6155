"""The log of changes: written in the transaction of the change itself, so that it is there exactly if that is."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ..models import Action, AuditEntry, Source
from .transactions import reading, writing


def record(
    session: Session,
    action: Action,
    *,
    actor: str,
    source: Source | str,
    workspace_id: int | None = None,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    address: str | None = None,
) -> AuditEntry:
    """Add an entry to the caller's transaction. ``before`` and ``after`` are JSON values without secrets."""
    entry = AuditEntry(
        workspace_id=workspace_id,
        actor=actor[:200],
        source=Source(source).value,
        action=Action(action).value,
        before=before,
        after=after,
        reason=reason,
        address=address,
    )
    session.add(entry)
    return entry


def write(action: Action, *, actor: str, source: Source | str, **details: Any) -> None:
    """Record something that changes nothing in the database (closing a client), in a transaction of its own."""
    with writing() as session:
        record(session, action, actor=actor, source=source, **details)


def entries(
    workspace_id: int | None = None,
    *,
    limit: int = 100,
    before_id: int | None = None,
    action: Action | None = None,
    actor: str | None = None,
    with_global: bool = False,
) -> list[AuditEntry]:
    """List entries, newest first.

    Args:
        workspace_id: only this workspace's; None for those that belong to no workspace.
        limit: at most this many.
        before_id: only entries older than this one, for paging.
        action: only this kind.
        actor: only this author's.
        with_global: those that belong to no workspace too.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(max(1, min(limit, 1000)))
    ours = AuditEntry.workspace_id == workspace_id  # `== None` becomes IS NULL
    query = query.where(ours | AuditEntry.workspace_id.is_(None)) if with_global else query.where(ours)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    if action is not None:
        query = query.where(AuditEntry.action == Action(action).value)
    if actor is not None:
        query = query.where(AuditEntry.actor == actor.replace("\x00", ""))
    with reading() as session:
        return list(session.scalars(query))
