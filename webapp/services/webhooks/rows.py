"""Rows of webhooks: made, and written as JSON."""

from typing import Any

from ...models import Webhook, now
from ...triggers.webhooks import new_secret
from .. import vault
from .checking import Spec


def new_row(workspace_id: int, spec: Spec, author: str, *, of_triggers: bool = False) -> Webhook:
    """Make a webhook with a secret of its own."""
    return Webhook(
        workspace_id=workspace_id,
        name=spec.name,
        url=spec.url,
        secret=vault.encrypt(new_secret()),
        events=list(spec.events),
        channels=list(spec.channels),
        condition=spec.condition,
        alerts=dict(spec.alerts),
        of_triggers=of_triggers,
        is_active=True,
        off_reason="",
        created_by=author[:200],
        created_at=now(),
    )


def document(row: Webhook) -> dict[str, Any]:
    """Write what is set of a webhook as JSON, without its secret."""
    return {
        "name": row.name,
        "url": row.url,
        "events": list(row.events),
        "channels": list(row.channels),
        "condition": row.condition,
        "alerts": dict(row.alerts),
    }


def noted(row: Webhook) -> dict[str, Any]:
    """A webhook as the audit log keeps it."""
    return {name: value for name, value in document(row).items() if value not in ("", [], {})}
