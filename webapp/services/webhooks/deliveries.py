"""Deliveries: listed, looked at, sent again, and let go when they are old."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from ...models import Action, DeliveryState, Source, Webhook, WebhookDelivery, Workspace, now
from ...triggers.turns import PAUSE
from .. import audit
from ..errors import Conflict, NotFound
from ..live import running
from ..transactions import reading, writing

KEPT_FOR = timedelta(days=7)
KEPT_MOST = 10_000
"""Deliveries of a workspace that are kept when they are over."""
BATCH = 500
PAGE = 50
_PENDING = DeliveryState.PENDING.value


@dataclass(frozen=True, slots=True)
class Page:
    """Some deliveries, newest first; ``older`` is the id to ask on with, None at the end."""

    rows: list[WebhookDelivery]
    older: int | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """How a webhook is doing: how many deliveries are in which state, and when the last one arrived.

    ``overflowed`` were dropped since the server began because too many waited.
    """

    states: dict[str, int] = field(default_factory=dict)
    delivered_at: datetime | None = None
    overflowed: int = 0

    @property
    def waiting(self) -> int:
        return self.states.get(_PENDING, 0)

    @property
    def failed(self) -> int:
        return self.states.get(DeliveryState.FAILED.value, 0)


def page(
    workspace: Workspace,
    webhook_id: int,
    *,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> Page:
    """List deliveries of a webhook, newest first."""
    query = select(WebhookDelivery).where(
        WebhookDelivery.workspace_id == workspace.id, WebhookDelivery.webhook_id == webhook_id
    )
    if state is not None:
        query = query.where(WebhookDelivery.state == state.value)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    with reading() as session:
        rows = list(session.scalars(query.order_by(WebhookDelivery.id.desc()).limit(limit + 1)))
    return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def find(workspace: Workspace, delivery_id: int) -> WebhookDelivery:
    """Return one.

    Raises:
        NotFound: the workspace has none with this id, or no longer.
    """
    with reading() as session:
        return _found(session, workspace, delivery_id)


def summaries(rows: Iterable[Webhook]) -> dict[int, Summary]:
    """Say of each webhook how it is doing."""
    realtime = running()
    overflowed = realtime.webhooks.overflowed if realtime is not None else {}
    found = {}
    with reading() as session:
        for row in rows:
            mine = WebhookDelivery.webhook_id == row.id
            counted = select(WebhookDelivery.state, func.count().label("number")).where(mine)
            arrived = mine & (WebhookDelivery.state == DeliveryState.DELIVERED.value)
            found[row.id] = Summary(
                {each.state: each.number for each in session.execute(counted.group_by(WebhookDelivery.state))},
                session.scalar(select(func.max(WebhookDelivery.finished_at)).where(arrived)),
                overflowed.get(row.id, 0),
            )
    return found


def resend(
    workspace: Workspace, delivery_id: int, *, author: str, source: Source | str, address: str | None = None
) -> WebhookDelivery:
    """Send a delivery again at once, with its ``webhook-id``; if that fails it is tried again as a new one is.

    Raises:
        NotFound: the workspace has none with this id, or no longer.
        Conflict: its webhook is switched off.
    """
    with writing() as session:
        row = _found(session, workspace, delivery_id)
        webhook = session.get(Webhook, row.webhook_id)
        if webhook is None:
            raise NotFound({"delivery": "Its webhook was deleted."})
        if not webhook.is_active:
            raise Conflict({"": "The webhook is switched off. Switch it on first."})
        row.state, row.attempts, row.conditional = _PENDING, 0, False
        row.next_at, row.finished_at = now(), None
        audit.record(
            session,
            Action.WEBHOOK_RESEND,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            after={"name": webhook.name, "key": row.key, "type": row.event},
            address=address,
        )
    wake(row.webhook_id)
    return row


def wake(webhook_id: int) -> None:
    """Tell the server in this process, if one runs, that there is something to deliver."""
    realtime = running()
    if realtime is not None:
        realtime.webhooks.woken((webhook_id,))


def pending(webhook_id: int) -> Any:
    """The query that counts what waits for a webhook."""
    return select(func.count()).where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.state == _PENDING)


def clear_orphans(webhook_id: int) -> int:
    """Delete the deliveries of a webhook that is no longer there, in small batches; returns how many went."""
    return _delete(WebhookDelivery.webhook_id == webhook_id)


def clear_all_orphans() -> int:
    """Delete what is left of webhooks that are no longer there: stored in the moment of their end, or cut off then."""
    with reading() as session:
        named = set(session.scalars(select(WebhookDelivery.webhook_id).distinct()))
        there = set(session.scalars(select(Webhook.id)))
    return sum(clear_orphans(gone) for gone in named - there)


def clean(workspace_id: int) -> int:
    """Let a workspace's old deliveries go, in small batches; returns how many went.

    What waits for a webhook that has been off for as long is dropped.
    """
    mine = WebhookDelivery.workspace_id == workspace_id
    finished = mine & WebhookDelivery.finished_at.is_not(None)
    with reading() as session:
        newest = select(WebhookDelivery.finished_at).where(finished).order_by(WebhookDelivery.finished_at.desc())
        cut = session.scalar(newest.offset(KEPT_MOST).limit(1))
    oldest = now() - KEPT_FOR
    if cut is not None and cut > oldest:
        gone = _delete(finished & (WebhookDelivery.finished_at <= cut))
    else:
        gone = _delete(finished & (WebhookDelivery.finished_at < oldest))
    off = select(Webhook.id).where(Webhook.is_active.is_(False))
    return gone + _delete(mine & WebhookDelivery.webhook_id.in_(off) & (WebhookDelivery.created_at < oldest))


def _delete(which: ColumnElement[bool]) -> int:
    gone = 0
    while True:
        some = select(WebhookDelivery.id).where(which).limit(BATCH)
        with reading() as session:  # a transaction that writes only where there is something to write
            ids = list(session.scalars(some))
        if not ids:
            return gone
        with writing() as session:
            session.execute(delete(WebhookDelivery).where(WebhookDelivery.id.in_(ids)))
        gone += len(ids)
        time.sleep(PAUSE)


def _found(session: Session, workspace: Workspace, delivery_id: int) -> WebhookDelivery:
    row = session.get(WebhookDelivery, delivery_id)
    if row is None or row.workspace_id != workspace.id:
        raise NotFound({"delivery": "There is no such delivery (any more)."})
    return row
