"""The pages of webhooks. Everybody in the workspace sees them; editors see secrets and change things."""

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, abort, current_app, flash, render_template, request, url_for
from werkzeug.wrappers import Response

from ...models import Webhook
from ...models.base import now
from ...services import webhooks
from ...services.errors import Conflict, InvalidInput, NotFound, SecretKeyMismatch, ServiceError
from ..access import authorship, current_workspace, in_workspace, may_edit, needs_editor
from ..forms import show_problems
from ..htmx import go_to
from .forms import WebhookForm

blueprint = in_workspace(Blueprint("webhooks", __name__, url_prefix="/w/<canonical>/webhooks"))

Answer = str | Response | tuple[str, int]
T = TypeVar("T")
ID = "<int:webhook_id>"


@blueprint.get("")
def page() -> Answer:
    """All webhooks, with how they are doing."""
    rows = webhooks.list_all(current_workspace())
    return render_template(
        "webhooks/page.html",
        rows=rows,
        summaries=webhooks.summaries(rows),
        used=webhooks.used_by_triggers(current_workspace()),
        most=_most(),
    )


@blueprint.route("/new", methods=["GET", "POST"])
@needs_editor
def new() -> Answer:
    """Make a webhook."""
    form = WebhookForm()
    if not form.is_submitted():
        return _page(form, None)
    if not form.validate():
        return _page(form, None), 422
    try:
        row = webhooks.create(current_workspace(), form.spec(), **authorship())
    except (InvalidInput, Conflict) as error:
        return _page(form, None, left=_problems(form, error)), 422
    flash(f"The webhook `{row.name}` is told of what happens from now on. Give its receiver the secret below.", "ok")
    return go_to(url_for("webhooks.show", webhook_id=row.id))


@blueprint.get(f"/{ID}")
def show(webhook_id: int) -> Answer:
    """One webhook: its secret, what it is told of, and what can be done with it."""
    row = find(webhook_id)
    form = WebhookForm(formdata=None)
    form.fill(row)
    return _page(form, row)


@blueprint.post(f"/{ID}")
@needs_editor
def change(webhook_id: int) -> Answer:
    """Change a webhook."""
    row = find(webhook_id)
    form = WebhookForm()
    if not form.validate():
        return _page(form, row), 422
    try:
        changed = webhooks.update(current_workspace(), webhook_id, form.spec(), **authorship())
    except (InvalidInput, Conflict) as error:
        return _page(form, row, left=_problems(form, error)), 422
    except NotFound:
        abort(404)
    flash(f"Saved: `{changed.name}`.", "ok")
    return go_to(url_for("webhooks.show", webhook_id=webhook_id))


@blueprint.post(f"/{ID}/switch")
@needs_editor
def switch(webhook_id: int) -> Answer:
    """Switch a webhook on or off."""
    active = request.form.get("active") == "1"
    row = act(lambda: webhooks.set_active(current_workspace(), webhook_id, active, **authorship()))
    if row is not None:
        flash(f"`{row.name}` is {'on: what waited is delivered now' if active else 'off: it is told nothing'}.", "ok")
    return go_to(url_for("webhooks.show", webhook_id=webhook_id))


@blueprint.post(f"/{ID}/rotate")
@needs_editor
def rotate(webhook_id: int) -> Answer:
    """Make a new secret."""
    row = act(lambda: webhooks.rotate(current_workspace(), webhook_id, **authorship()))
    if row is not None:
        flash("The new secret signs from now on, and the old one too for 24 hours.", "ok")
    return go_to(url_for("webhooks.show", webhook_id=webhook_id))


@blueprint.post(f"/{ID}/test")
@needs_editor
def send_test(webhook_id: int) -> Answer:
    """Send a test; the page of deliveries shows what came of it."""
    key = act(lambda: webhooks.send_test(current_workspace(), webhook_id, **authorship()))
    if key is None:
        return go_to(url_for("webhooks.show", webhook_id=webhook_id))
    flash(f"The test `{key}` is on its way.", "ok")
    return go_to(url_for("webhooks.deliveries", webhook_id=webhook_id))


@blueprint.post(f"/{ID}/delete")
@needs_editor
def delete(webhook_id: int) -> Answer:
    """Delete a webhook with its deliveries."""
    row = find(webhook_id)
    dropped = act(lambda: webhooks.delete(current_workspace(), webhook_id, **authorship()))
    if dropped is None:
        return go_to(url_for("webhooks.show", webhook_id=webhook_id))
    left = f" {dropped:,} that waited will not be delivered." if dropped else ""
    flash(f"Deleted: `{row.name}`.{left}", "ok")
    return go_to(url_for("webhooks.page"))


def act(what: Callable[[], T]) -> T | None:
    """Do something to a webhook; where it can't be done the next page says why, and this returns None."""
    try:
        return what()
    except NotFound:
        abort(404)
    except Conflict as error:
        flash(str(error), "error")
        return None


def find(webhook_id: int) -> Webhook:
    """Return a webhook of this workspace, or answer 404."""
    try:
        return webhooks.get(current_workspace(), webhook_id)
    except NotFound:
        abort(404)


def _page(form: WebhookForm, row: Webhook | None, left: list[str] | None = None) -> str:
    secret, damaged = None, None
    if row is not None and may_edit():
        try:
            secret = webhooks.secret_of(row)
        except SecretKeyMismatch as error:
            damaged = str(error)
    return render_template(
        "webhooks/edit.html",
        form=form,
        row=row,
        secret=secret,
        damaged=damaged,
        left=left or [],
        summary=webhooks.summaries([row])[row.id] if row is not None else None,
        used=webhooks.used_by_triggers(current_workspace()),
        rotating=row is not None and row.old_secret_until is not None and row.old_secret_until > now(),
        most=_most(),
    )


def _problems(form: WebhookForm, error: ServiceError) -> list[str]:
    """Put what a service refused beside its field; the alerts are one thing for it."""
    problems = {name.removeprefix("alerts."): text for name, text in error.problems.items()}
    return show_problems(form, InvalidInput(problems))


def _most() -> int:
    """How many deliveries may wait for one webhook."""
    most: int = current_app.extensions["tidegate.settings"].limit_webhook_backlog
    return most
