"""The pages of what was delivered to a webhook. Bodies hold what people said, so editors alone open one."""

import json
from typing import Any

from flask import abort, flash, render_template, request, url_for

from ...models import DeliveryState, WebhookDelivery
from ...services import webhooks
from ...services.errors import NotFound
from ..access import authorship, current_workspace, needs_editor
from ..htmx import go_to
from .views import ID, Answer, act, blueprint, find

DELIVERY = "<int:delivery_id>"
VERDICTS = {
    DeliveryState.PENDING: "changed",
    DeliveryState.DELIVERED: "allowed",
    DeliveryState.FAILED: "denied",
    DeliveryState.DROPPED: "silent",
}
"""The colour and shape of each state."""


@blueprint.get(f"/{ID}/deliveries")
def deliveries(webhook_id: int) -> Answer:
    """What was delivered and what is to be, newest first; ``?state=`` and ``?before=`` choose among them."""
    row = find(webhook_id)
    state = _state(request.args.get("state"))
    before = request.args.get("before", type=int)
    if before is not None and not 0 < before < 2**62:
        before = None
    listed = webhooks.page(current_workspace(), row.id, state=state, before=before)
    return render_template(
        "webhooks/deliveries.html",
        row=row,
        listed=listed,
        state=state,
        states=list(DeliveryState),
        verdicts=VERDICTS,
        summary=webhooks.summaries([row])[row.id],
        is_newest=before is None,
    )


@blueprint.get(f"/{ID}/deliveries/{DELIVERY}")
@needs_editor
def delivery(webhook_id: int, delivery_id: int) -> Answer:
    """One delivery: what was sent, with which headers, and what came back."""
    row = find(webhook_id)
    found = _find(webhook_id, delivery_id)
    body = _pretty(found.body)
    return render_template("webhooks/delivery.html", row=row, delivery=found, body=body, verdicts=VERDICTS)


@blueprint.post(f"/{ID}/deliveries/{DELIVERY}/resend")
@needs_editor
def resend(webhook_id: int, delivery_id: int) -> Answer:
    """Send a delivery again under its own id."""
    find(webhook_id)
    _find(webhook_id, delivery_id)
    again = act(lambda: webhooks.resend(current_workspace(), delivery_id, **authorship()))
    if again is not None:
        flash(f"`{again.key}` is sent again.", "ok")
    return go_to(url_for("webhooks.delivery", webhook_id=webhook_id, delivery_id=delivery_id))


def _find(webhook_id: int, delivery_id: int) -> WebhookDelivery:
    try:
        found = webhooks.find(current_workspace(), delivery_id)
    except NotFound:
        abort(404)
    if found.webhook_id != webhook_id:
        abort(404)
    return found


def _state(text: str | None) -> DeliveryState | None:
    try:
        return DeliveryState(text or "")
    except ValueError:
        return None


def _pretty(body: str) -> str:
    """Write a body for reading; as it is, if it can't be read."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return body
    return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
