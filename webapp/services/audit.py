"""The log of changes: written in the transaction of the change itself, so that it is there exactly if that is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, Text, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from ..models import Action, AuditEntry, Source
from .transactions import reading, writing

BATCH = 500
"""Entries that an export reads at once."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are looked for; what is left out excludes none.

    ``actor`` is a part of the author's name, ``text`` a part of what was changed or of the reason, both in any case;
    ``until`` is the first moment that is too late.
    """

    action: Action | None = None
    actor: str = ""
    source: Source | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose entries somebody may see: a workspace's, and of those that belong to no workspace none, all, or those
    that concern one of the people named."""

    workspace_id: int
    with_global: bool = False
    people: frozenset[str] | None = None


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


def find(reach: Reach, which: Filter, *, limit: int = 100, before_id: int | None = None) -> list[AuditEntry]:
    """List the entries that somebody may see and looks for, newest first; ``before_id`` is for paging."""
    query = _matching(_reachable(select(AuditEntry), reach), which)
    if before_id is not None:
        query = query.where(AuditEntry.id < before_id)
    with reading() as session:
        return list(session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)))


def every(reach: Reach, which: Filter) -> Iterator[AuditEntry]:
    """Go through all of them, newest first, with no transaction open between two batches."""
    before_id = None
    while batch := find(reach, which, limit=BATCH, before_id=before_id):
        yield from batch
        before_id = batch[-1].id


def _reachable(query: Select[tuple[AuditEntry]], reach: Reach) -> Select[tuple[AuditEntry]]:
    ours = AuditEntry.workspace_id == reach.workspace_id
    if not reach.with_global:
        return query.where(ours)
    nobodys = [AuditEntry.workspace_id.is_(None)]
    if reach.people is not None:
        named = [column["username"].as_string() for column in (AuditEntry.after, AuditEntry.before)]
        nobodys.append(func.coalesce(*named, AuditEntry.actor).in_(reach.people))
    return query.where(or_(ours, and_(*nobodys)))


def _matching(query: Select[tuple[AuditEntry]], which: Filter) -> Select[tuple[AuditEntry]]:
    if which.action is not None:
        query = query.where(AuditEntry.action == which.action.value)
    if which.source is not None:
        query = query.where(AuditEntry.source == which.source.value)
    if which.since is not None:
        query = query.where(AuditEntry.at >= which.since)
    if which.until is not None:
        query = query.where(AuditEntry.at < which.until)
    actor, text = (part.replace("\x00", "") for part in (which.actor, which.text))
    if actor:
        query = query.where(AuditEntry.actor.icontains(actor, autoescape=True))
    if text:
        # JSON is stored with everything but ASCII escaped.
        written = json.dumps(text)[1:-1]
        values = [
            cast(column, Text).icontains(written, autoescape=True) for column in (AuditEntry.before, AuditEntry.after)
        ]
        query = query.where(or_(*values, AuditEntry.reason.icontains(text, autoescape=True)))
    return query
