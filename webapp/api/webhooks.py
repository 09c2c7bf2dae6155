"""Webhooks: listing, making and changing them, and their deliveries."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..core.webhooks import THRESHOLD_MOST, WebhookEvent
from ..models import DeliveryState, Scope, Webhook, WebhookDelivery
from ..services import webhooks
from ..services.webhooks import Spec, Summary
from .errors import ErrorCode
from .routes import Call, Nothing, route

Threshold = Annotated[
    Annotated[int, Meta(ge=0, le=THRESHOLD_MOST)] | None, Meta(description="Told above this number; null: never.")
]
Before = Annotated[Annotated[int, Meta(ge=1, le=2**62)] | None, Meta(description="Only those older than this id.")]
WebhookName = Annotated[str, Meta(description="What it is called in the dashboard.")]
WebhookUrl = Annotated[str, Meta(description="Where to post, beginning with https://.")]
Events = Annotated[list[WebhookEvent], Meta(description="What it is told of.")]
Channels = Annotated[list[str], Meta(description="Channel names, or patterns with `*` segments; none: all channels.")]
Condition = Annotated[
    str, Meta(description="A JavaScript expression over `event`; only what it is true of is posted. Empty: all.")
]


class AlertsSet(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """What a webhook is alerted of."""

    denials: Threshold = None
    tokens: Threshold = None
    rate_limited: Threshold = None
    connections: Threshold = None
    slow_clients: Threshold = None
    unusual: Annotated[bool, Meta(description="Of numbers that are far from usual, too.")] = False
    database: Annotated[bool, Meta(description="Of the database being away, and back.")] = False


class WebhookIn(msgspec.Struct, forbid_unknown_fields=True):
    """A new webhook."""

    name: WebhookName
    url: WebhookUrl
    events: Events
    channels: Channels = []
    condition: Condition = ""
    alerts: AlertsSet = AlertsSet()


class WebhookChangeIn(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed; what is left out stays."""

    name: WebhookName | UnsetType = UNSET
    url: WebhookUrl | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    channels: Channels | UnsetType = UNSET
    condition: Condition | UnsetType = UNSET
    alerts: AlertsSet | UnsetType = UNSET
    active: Annotated[bool, Meta(description="Whether it is on.")] | UnsetType = UNSET
    rotate: Annotated[bool, Meta(description="Make a new secret; the old one signs too for 24 hours.")] = False


class WebhookOut(msgspec.Struct):
    """A webhook."""

    id: int
    name: str
    url: str
    events: list[str]
    channels: list[str]
    condition: str
    alerts: dict[str, Any]
    active: bool
    off_because: Annotated[str, Meta(description="Why it is off.")]
    off_since: datetime | None
    of_triggers: Annotated[bool, Meta(description="Whether it was made for the address of a trigger's step.")]
    waiting: Annotated[int, Meta(description="Deliveries that are still to be made.")]
    failed: Annotated[int, Meta(description="Deliveries that were given up, of those that are kept.")]
    delivered_at: Annotated[datetime | None, Meta(description="When one was taken last.")]
    created_by: str
    created_at: datetime


class WebhookSecretOut(WebhookOut):
    """A webhook, with its secret where that is new."""

    secret: Annotated[str | None, Meta(description="The new secret; null where it was not changed.")]


class WebhooksOut(msgspec.Struct):
    webhooks: list[WebhookOut]


class WebhookDeletedOut(msgspec.Struct):
    """The webhook that is gone."""

    id: int
    dropped: Annotated[int, Meta(description="Deliveries that were still to be made.")]


class WebhookTestOut(msgspec.Struct):
    """A test that is on its way."""

    key: Annotated[str, Meta(description="Its `webhook-id`.")]


class DeliveryOut(msgspec.Struct):
    """A post, and what came of it."""

    id: str
    webhook: int
    key: Annotated[str, Meta(description="Its `webhook-id`, the same on every attempt.")]
    type: str
    state: Annotated[str, Meta(extra_json_schema={"enum": [state.value for state in DeliveryState]})]
    attempts: int
    status: Annotated[int | None, Meta(description="What was answered last.")]
    error: str
    answer: Annotated[str, Meta(description="The beginning of the last answer.")]
    next_at: Annotated[datetime | None, Meta(description="When it is tried next.")]
    created_at: datetime
    finished_at: datetime | None
    body: Annotated[msgspec.Raw, Meta(description="What is posted.", extra_json_schema={"type": "object"})]


class DeliveriesOut(msgspec.Struct):
    deliveries: list[DeliveryOut]
    older: Annotated[str | None, Meta(description="Ask on with this as `before`; null at the end.")]


class DeliveriesQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which deliveries."""

    state: Annotated[
        Literal["pending", "delivered", "failed", "dropped"] | None, Meta(description="Only those in this state.")
    ] = None
    limit: Annotated[int, Meta(ge=1, le=500, description="How many at most.")] = 50
    before: Before = None


@route("GET", "/webhooks", Scope.RULES, summary="List the webhooks", answer=WebhooksOut)
def list_webhooks(call: Call[Nothing, Nothing]) -> WebhooksOut:
    """Oldest first; those of triggers come last. Secrets are shown when they are made, and in the dashboard."""
    rows = webhooks.list_all(call.workspace)
    summaries = webhooks.summaries(rows)
    return WebhooksOut([WebhookOut(**_webhook(row, summaries[row.id])) for row in rows])


@route(
    "POST",
    "/webhooks",
    Scope.RULES,
    summary="Make a webhook",
    answer=WebhookSecretOut,
    status=201,
    body=WebhookIn,
    errors=(ErrorCode.CONFLICT,),
)
def create_webhook(call: Call[WebhookIn, Nothing]) -> WebhookSecretOut:
    """It is told of what happens from then on. The answer holds the secret that its posts are signed with. 409 where
    there are 100 already."""
    body = call.body
    spec = Spec(body.name, body.url, tuple(body.events), tuple(body.channels), body.condition, _document(body.alerts))
    row = webhooks.create(call.workspace, spec, **call.authorship)
    return WebhookSecretOut(**_webhook(row, Summary()), secret=webhooks.secret_of(row))


@route(
    "PATCH",
    "/webhooks/{webhook_id}",
    Scope.RULES,
    summary="Change a webhook, switch it on or off, or make it a new secret",
    answer=WebhookSecretOut,
    body=WebhookChangeIn,
    errors=(ErrorCode.CONFLICT,),
)
def change_webhook(call: Call[WebhookChangeIn, Nothing]) -> WebhookSecretOut:
    """404 if the workspace has no such webhook; 409 if its address is that of a trigger in force and would change."""
    body, number = call.body, int(call.names["webhook_id"])
    row = webhooks.get(call.workspace, number)
    given = {name: getattr(body, name) for name in webhooks.document(row) if getattr(body, name) is not UNSET}
    if given:
        if "alerts" in given:
            given["alerts"] = _document(given["alerts"])
        was = webhooks.document(row)
        merged = was | given
        lists = {name: tuple(merged[name]) for name in ("events", "channels")}
        row = webhooks.update(call.workspace, number, Spec(**merged | lists), **call.authorship)
    if body.active is not UNSET:
        row = webhooks.set_active(call.workspace, number, body.active, **call.authorship)
    if body.rotate:
        row = webhooks.rotate(call.workspace, number, **call.authorship)
    secret = webhooks.secret_of(row) if body.rotate else None
    return WebhookSecretOut(**_webhook(row, webhooks.summaries([row])[row.id]), secret=secret)


@route(
    "DELETE",
    "/webhooks/{webhook_id}",
    Scope.RULES,
    summary="Delete a webhook with its deliveries",
    answer=WebhookDeletedOut,
    errors=(ErrorCode.CONFLICT,),
)
def delete_webhook(call: Call[Nothing, Nothing]) -> WebhookDeletedOut:
    """404 if the workspace has no such webhook; 409 if its address is that of a trigger in force."""
    number = int(call.names["webhook_id"])
    return WebhookDeletedOut(number, webhooks.delete(call.workspace, number, **call.authorship))


@route(
    "POST",
    "/webhooks/{webhook_id}/test",
    Scope.RULES,
    summary="Send a webhook a test",
    answer=WebhookTestOut,
    errors=(ErrorCode.CONFLICT,),
)
def test_webhook(call: Call[Nothing, Nothing]) -> WebhookTestOut:
    """It is delivered like anything else; its deliveries say what came of it. 409 if the webhook is off."""
    return WebhookTestOut(webhooks.send_test(call.workspace, int(call.names["webhook_id"]), **call.authorship))


@route(
    "GET",
    "/webhooks/{webhook_id}/deliveries",
    Scope.RULES,
    summary="List a webhook's deliveries",
    answer=DeliveriesOut,
    query=DeliveriesQuery,
)
def list_deliveries(call: Call[Nothing, DeliveriesQuery]) -> DeliveriesOut:
    """Newest first. Those that are over are kept for seven days, at most 10,000 of a workspace."""
    row = webhooks.get(call.workspace, int(call.names["webhook_id"]))
    query = call.query
    state = DeliveryState(query.state) if query.state is not None else None
    page = webhooks.page(call.workspace, row.id, state=state, before=query.before, limit=query.limit)
    return DeliveriesOut([_delivery(each) for each in page.rows], str(page.older) if page.older is not None else None)


@route(
    "POST",
    "/deliveries/{delivery_id}/resend",
    Scope.RULES,
    summary="Send a delivery again",
    answer=DeliveryOut,
    errors=(ErrorCode.CONFLICT,),
)
def resend_delivery(call: Call[Nothing, Nothing]) -> DeliveryOut:
    """At once, with the same `webhook-id`. 404 if it is not kept (any more), 409 if its webhook is off."""
    return _delivery(webhooks.resend(call.workspace, int(call.names["delivery_id"]), **call.authorship))


def _document(alerts: AlertsSet) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(alerts)
    return document


def _webhook(row: Webhook, summary: Summary) -> dict[str, Any]:
    return webhooks.document(row) | {
        "id": row.id,
        "active": row.is_active,
        "off_because": row.off_reason,
        "off_since": row.off_since,
        "of_triggers": row.of_triggers,
        "waiting": summary.waiting,
        "failed": summary.failed,
        "delivered_at": summary.delivered_at,
        "created_by": row.created_by,
        "created_at": row.created_at,
    }


def _delivery(row: WebhookDelivery) -> DeliveryOut:
    return DeliveryOut(
        id=str(row.id),
        webhook=row.webhook_id,
        key=row.key,
        type=row.event,
        state=row.state,
        attempts=row.attempts,
        status=row.status,
        error=row.error,
        answer=row.answer,
        next_at=row.next_at,
        created_at=row.created_at,
        finished_at=row.finished_at,
        body=msgspec.Raw(row.body.encode()),
    )
