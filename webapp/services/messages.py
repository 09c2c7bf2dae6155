"""Stored messages as administrators and programs read them: a page at a time, all that a channel keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from ..models import StoredMessage, Workspace
from ..realtime.events import Kind
from .transactions import reading

SHARED = (Kind.PUBLIC.value, Kind.AUTHENTICATED.value, Kind.EVENT.value)
"""What is said to a channel. Private messages are read by their two ends alone."""


@dataclass(frozen=True, slots=True)
class Page:
    """Messages of a channel, oldest first; ``complete`` if it keeps none that are older."""

    messages: Sequence[StoredMessage]
    complete: bool


def page(workspace: Workspace, channel: str, keep: int, limit: int, before: int | None = None) -> Page:
    """Read the newest ``limit`` messages before an id, of the newest ``keep`` that the channel's rule keeps.

    The table may hold more than the rule keeps for a while: it is cut back now and then.
    """
    if keep <= 0:
        return Page((), True)
    mine = (
        StoredMessage.workspace_id == workspace.id,
        StoredMessage.channel == channel,
        StoredMessage.kind.in_(SHARED),
        StoredMessage.deleted_at.is_(None),
    )
    newest_first = StoredMessage.id.desc()
    oldest_kept = select(StoredMessage.id).where(*mine).order_by(newest_first).offset(keep - 1).limit(1)
    query = select(StoredMessage).where(*mine).order_by(newest_first).limit(limit + 1)
    with reading() as session:
        oldest = session.scalar(oldest_kept)
        if oldest is not None:
            query = query.where(StoredMessage.id >= oldest)
        if before is not None:
            query = query.where(StoredMessage.id < before)
        rows = list(session.scalars(query))
    return Page(rows[:limit][::-1], len(rows) <= limit)
