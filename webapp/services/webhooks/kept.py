"""Webhooks as they are set: made, changed, switched, tested, deleted."""

from datetime import timedelta

import msgspec
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from ...models import Action, Source, Webhook, WebhookDelivery, Workspace, now
from ...realtime.hooks import Delivery
from ...triggers.webhooks import body_of, new_id, new_secret
from .. import audit, vault
from ..errors import Conflict, NotFound
from ..history import delivery_rows
from ..live import refresh
from ..transactions import reading, touched, writing
from .checking import Spec, checked
from .deliveries import clear_orphans, pending, wake
from .of_triggers import urls_in_force
from .rows import new_row, noted

MOST = 100
"""Webhooks that a workspace may have, besides those of triggers."""
OLD_SECRET_FOR = timedelta(hours=24)
"""How long the secret before a rotation signs too."""
OFF_BY_HAND = "Switched off by hand."
TEST = "test"
"""The ``type`` of a test."""


def list_all(workspace: Workspace) -> list[Webhook]:
    """List a workspace's webhooks, oldest first; those of triggers come last."""
    query = select(Webhook).where(Webhook.workspace_id == workspace.id)
    with reading() as session:
        return list(session.scalars(query.order_by(Webhook.of_triggers, Webhook.id)))


def used_by_triggers(workspace: Workspace) -> set[str]:
    """Return the addresses that triggers in force post to."""
    with reading() as session:
        return urls_in_force(session, workspace.id)


def get(workspace: Workspace, webhook_id: int) -> Webhook:
    """Return one.

    Raises:
        NotFound: the workspace has no such webhook.
    """
    with reading() as session:
        return _found(session, workspace, webhook_id)


def create(
    workspace: Workspace, spec: Spec, *, author: str, source: Source | str, address: str | None = None
) -> Webhook:
    """Make a webhook; it hears of what happens from the moment this returns.

    Raises:
        InvalidInput: with the problem of every field.
        Conflict: there are too many.
    """
    spec = checked(spec)
    row = new_row(workspace.id, spec, author)
    with writing() as session:
        touched(session, workspace.id)
        ours = select(func.count()).where(Webhook.workspace_id == workspace.id, Webhook.of_triggers.is_(False))
        if (session.scalar(ours) or 0) >= MOST:
            raise Conflict({"": f"A workspace has at most {MOST} webhooks. Delete one first."})
        session.add(row)
        session.flush()
        audit.record(
            session,
            Action.WEBHOOK_CREATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            after=noted(row),
            address=address,
        )
    refresh(workspace.id)
    return row


def update(
    workspace: Workspace,
    webhook_id: int,
    spec: Spec,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> Webhook:
    """Change a webhook. What waits already goes to its new address.

    Raises:
        NotFound: the workspace has no such webhook.
        InvalidInput: with the problem of every field.
        Conflict: its address is that of a trigger.
    """
    spec = checked(spec, of_triggers=get(workspace, webhook_id).of_triggers)
    with writing() as session:
        touched(session, workspace.id)
        row = _found(session, workspace, webhook_id)
        if row.url != spec.url:
            _check_free(session, row, "url")
        before = noted(row)
        row.name, row.url, row.events, row.channels = spec.name, spec.url, list(spec.events), list(spec.channels)
        row.condition, row.alerts = spec.condition, dict(spec.alerts)
        if noted(row) == before:
            return row
        audit.record(
            session,
            Action.WEBHOOK_UPDATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=before,
            after=noted(row),
            address=address,
        )
    refresh(workspace.id)
    return row


def set_active(
    workspace: Workspace,
    webhook_id: int,
    active: bool,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
    reason: str = OFF_BY_HAND,
) -> Webhook:
    """Switch a webhook on or off. While it is off nothing is told or sent; what waited goes on when it is on again.

    Raises:
        NotFound: the workspace has no such webhook.
    """
    with writing() as session:
        row = _found(session, workspace, webhook_id)
        if row.is_active == active:
            return row
        touched(session, workspace.id)
        row.is_active = active
        row.off_since, row.off_reason = (None, "") if active else (now(), reason)
        audit.record(
            session,
            Action.WEBHOOK_ENABLE if active else Action.WEBHOOK_DISABLE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before={"name": row.name, "active": not active},
            after={"name": row.name, "active": active},
            reason="" if active or reason == OFF_BY_HAND else reason,
            address=address,
        )
    refresh(workspace.id)
    wake(row.id)
    return row


def rotate(
    workspace: Workspace, webhook_id: int, *, author: str, source: Source | str, address: str | None = None
) -> Webhook:
    """Make a new secret. The old one signs too for a day.

    Raises:
        NotFound: the workspace has no such webhook.
    """
    secret = vault.encrypt(new_secret())
    with writing() as session:
        touched(session, workspace.id)
        row = _found(session, workspace, webhook_id)
        row.old_secret, row.old_secret_until, row.secret = row.secret, now() + OLD_SECRET_FOR, secret
        audit.record(
            session,
            Action.WEBHOOK_ROTATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            after={"name": row.name},
            address=address,
        )
    refresh(workspace.id)
    return row


def delete(
    workspace: Workspace, webhook_id: int, *, author: str, source: Source | str, address: str | None = None
) -> int:
    """Delete a webhook with its deliveries, and return how many of these still waited.

    Raises:
        NotFound: the workspace has no such webhook.
        Conflict: its address is that of a trigger.
    """
    with writing() as session:
        touched(session, workspace.id)
        row = _found(session, workspace, webhook_id)
        _check_free(session, row, "")
        waiting = session.scalar(pending(row.id)) or 0
        session.delete(row)
        audit.record(
            session,
            Action.WEBHOOK_DELETE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=noted(row) | {"waiting": waiting},
            address=address,
        )
    refresh(workspace.id)
    clear_orphans(webhook_id)
    return waiting


def send_test(
    workspace: Workspace, webhook_id: int, *, author: str, source: Source | str, address: str | None = None
) -> str:
    """Have a test delivered, and return its ``webhook-id``.

    Raises:
        NotFound: the workspace has no such webhook.
        Conflict: it is switched off.
    """
    with writing() as session:
        row = _found(session, workspace, webhook_id)
        if not row.is_active:
            raise Conflict({"": "The webhook is switched off. Switch it on first."})
        data = msgspec.json.encode({"webhook": row.name, "text": "A test, sent by hand.", "by": author})
        body = body_of(TEST, int(now().timestamp() * 1000), data)
        made = Delivery(workspace.id, row.id, new_id(), TEST, body)
        session.execute(insert(WebhookDelivery), delivery_rows([made]))
        audit.record(
            session,
            Action.WEBHOOK_TEST,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            after={"name": row.name, "key": made.key},
            address=address,
        )
    wake(row.id)
    return made.key


def secret_of(row: Webhook) -> str:
    """Return the secret that signs.

    Raises:
        SecretKeyMismatch: it was encrypted with another secret key.
    """
    return vault.decrypt(row.secret)


def pending_of(row: Webhook) -> int:
    """Count what waits for a webhook."""
    with reading() as session:
        return session.scalar(pending(row.id)) or 0


def switched_off(session: Session, row: Webhook, reason: str) -> None:
    """Switch a webhook off because of what its receiver answered, in the caller's transaction."""
    touched(session, row.workspace_id)
    row.is_active, row.off_since, row.off_reason = False, now(), reason
    audit.record(
        session,
        Action.WEBHOOK_DISABLE,
        actor="Tidegate",
        source=Source.SYSTEM,
        workspace_id=row.workspace_id,
        before={"name": row.name, "active": True},
        after={"name": row.name, "active": False},
        reason=reason,
    )


def _found(session: Session, workspace: Workspace, webhook_id: int) -> Webhook:
    row = session.scalar(select(Webhook).where(Webhook.id == webhook_id, Webhook.workspace_id == workspace.id))
    if row is None:
        raise NotFound({"webhook": "There is no such webhook."})
    return row


def _check_free(session: Session, row: Webhook, field: str) -> None:
    """Refuse to leave an address of a trigger that is in force without its webhook."""
    others = select(func.count()).where(
        Webhook.workspace_id == row.workspace_id, Webhook.url == row.url, Webhook.id != row.id
    )
    if session.scalar(others):
        return
    if row.url in urls_in_force(session, row.workspace_id):
        raise Conflict({field: "A trigger in force uses this address. Change the trigger first, or switch it off."})
