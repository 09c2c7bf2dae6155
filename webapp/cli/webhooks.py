"""Webhooks, and what was delivered to them."""

import click
from flask.cli import AppGroup

from ..core.webhooks import WebhookEvent
from ..models import DeliveryState
from ..services import webhooks as service
from ..services.webhooks import Spec
from .group import SOURCE, author, count, workspace_named, workspace_option
from .live import harmless

webhook = AppGroup("webhook", help="List, make and delete webhooks, and see what was delivered.")
NUMBER = click.IntRange(1, 2**31 - 1)


@webhook.command("list")
@workspace_option
def list_webhooks(canonical: str) -> None:
    """List the webhooks: id, whether it is on, what waits and what was given up, name, address and events."""
    rows = service.list_all(workspace_named(canonical))
    summaries = service.summaries(rows)
    for row in rows:
        how = summaries[row.id]
        state = "on " if row.is_active else "off"
        told = ", ".join(row.events) or "used by triggers"
        why = f"  ({row.off_reason})" if row.off_reason else ""
        waiting = f"{how.waiting} waiting, {how.failed} failed"
        click.echo(harmless(f"{row.id}  {state}  {waiting}  {row.name}  {row.url}  {told}{why}"))


@webhook.command("create")
@click.argument("name", metavar="NAME")
@click.argument("url", metavar="URL")
@click.option(
    "--event",
    "events",
    multiple=True,
    type=click.Choice([event.value for event in WebhookEvent if event is not WebhookEvent.ALERT]),
    help="What it is told of; give it again for more. Without it: messages.",
)
@click.option("--channel", "channels", multiple=True, metavar="CHANNEL", help="Only these channels, or patterns.")
@click.option("--condition", default="", metavar="JS", help="Post only what this JavaScript expression is true of.")
@workspace_option
def create_webhook(
    name: str, url: str, events: tuple[str, ...], channels: tuple[str, ...], condition: str, canonical: str
) -> None:
    """Make a webhook. Prints its secret alone on the last line; a running server tells it of things within a second."""
    spec = Spec(name, url, events or (WebhookEvent.MESSAGE.value,), channels, condition)
    row = service.create(workspace_named(canonical), spec, author=author(), source=SOURCE)
    click.echo(harmless(f"Webhook {row.id}: {row.name} is told of {', '.join(row.events)} at {row.url}. Its secret:"))
    click.echo(service.secret_of(row))


@webhook.command("delete")
@click.argument("webhook_id", metavar="ID", type=NUMBER)
@workspace_option
def delete_webhook(webhook_id: int, canonical: str) -> None:
    """Delete a webhook with its deliveries."""
    dropped = service.delete(workspace_named(canonical), webhook_id, author=author(), source=SOURCE)
    left = f" {count(dropped, 'post')} that waited will not be made." if dropped else ""
    click.echo(f"Webhook {webhook_id} is deleted.{left}")


@webhook.command("deliveries")
@click.argument("webhook_id", metavar="ID", type=NUMBER)
@click.option("--state", type=click.Choice([state.value for state in DeliveryState]), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="How many at most.")
@workspace_option
def list_deliveries(webhook_id: int, state: str | None, limit: int, canonical: str) -> None:
    """List a webhook's deliveries, newest first: id, when, state, attempts, type, webhook-id, and what went wrong."""
    workspace = workspace_named(canonical)
    row = service.get(workspace, webhook_id)
    wanted = DeliveryState(state) if state is not None else None
    for each in service.page(workspace, row.id, state=wanted, limit=limit).rows:
        at = each.created_at.isoformat(sep=" ", timespec="seconds")
        why = f"  {each.error}" if each.error else ""
        tried = count(each.attempts, "attempt")
        click.echo(harmless(f"{each.id}  {at}  {each.state}  {tried}  {each.event}  {each.key}{why}"))
