"""Switching a rule on and off: in the draft, or at once for all."""

from dataclasses import replace

from flask import abort, flash, make_response, render_template, request, url_for

from ...core.targets import Target
from ...models import Workspace
from ...services import drafts, rules
from ...services.changes import Choice
from ...services.errors import Conflict, InvalidInput, NotFound
from ...services.live import preview
from ..access import authorship, current_workspace, needs_editor
from ..htmx import go_to, htmx
from ..wording import published
from .forms import PublishSwitchForm, StatusForm, target_of
from .live import at_stake, open_channels
from .views import Answer, asked_for, blueprint, find_rule, first, render_table


@blueprint.post("/status")
@needs_editor
def status() -> Answer:
    """Switch a rule on or off in the draft."""
    form = StatusForm()
    if not form.validate_on_submit():
        abort(422)
    target, enabled = target_of(request.args), form.enabled.data == "on"
    code, kind = 200, "ok"
    try:
        drafts.set_enabled(current_workspace(), target, enabled, **authorship())
        message = switched(target, enabled)
    except NotFound as error:
        code, kind, message = 404, "error", f"Not switched. {first(error)}"
    except Conflict as error:
        code, kind, message = 409, "error", f"Not switched. {first(error)}"
    if not htmx:
        flash(message, kind)
        return go_to(url_for("channels.page", **asked_for()))
    response = make_response(render_table() + render_template("channels/_notice.html", kind=kind, text=message), code)
    response.headers["HX-Trigger"] = "draft-changed"
    return response


def switched(target: Target, enabled: bool) -> str:
    if drafts.summary(current_workspace()) is None:
        return f"`{target}` is {'on' if enabled else 'off'}, as it is in force. Nothing is left in the draft."
    return f"`{target}` is switched {'on' if enabled else 'off'} in the draft. Nothing is in force yet."


@blueprint.route("/switch", methods=["GET", "POST"])
@needs_editor
def switch() -> Answer:
    """Publish one switch at once, without the rest of the draft, after saying what that will hit."""
    workspace = current_workspace()
    target = target_of(request.args)
    active = rules.active_rules(workspace)
    rule = find_rule(active, target)
    if rule is None:
        abort(404)
    form = PublishSwitchForm()
    conflict, code = None, 422 if form.is_submitted() else 200
    if form.validate_on_submit() and form.enabled.data in ("on", "off"):
        try:
            message = _publish(workspace, target, form.enabled.data == "on", form.expected_version.data)
        except (Conflict, InvalidInput, NotFound) as error:
            conflict, code = f"{first(error)} Nothing was switched. Look again at what it would hit.", 409
            active = rules.active_rules(workspace)
            rule = find_rule(active, target)
            if rule is None:
                abort(404)
        else:
            flash(message, "ok")
            return go_to(url_for("channels.page"))
    becomes = request.args.get("becomes")
    enabled = becomes == "on" if becomes in ("on", "off") else not rule.enabled
    if enabled == rule.enabled:  # it was published meanwhile, maybe by a click before this one
        flash(f"`{target}` is {becomes} in force already.", "info")
        return go_to(url_for("channels.page"))
    form.enabled.data, form.expected_version.data = "on" if enabled else "off", active.version
    form.expected_version.raw_data = None
    stake = at_stake(workspace, active, rule)
    after = rules.switching(target, enabled)(active)[0]
    page = render_template(
        "channels/switch.html", form=form, rule=rule, enabled=enabled, stake=stake, conflict=conflict,
        gained=open_channels(workspace, target, replace(rule, enabled=True), after) if enabled else None,
        has_draft=drafts.summary(workspace) is not None, address=address_of(target, "on" if enabled else "off"),
    )  # fmt: skip
    return page, code


@blueprint.get("/foreseen")
def foreseen() -> Answer:
    """Say what publishing one deletion or one switch alone would do to the clients that are connected now."""
    workspace, target = current_workspace(), target_of(request.args)
    becomes = request.args.get("becomes", "")
    edit = rules.deleting(target) if becomes == "gone" else rules.switching(target, becomes == "on")
    try:
        after, _ = edit(rules.active_rules(workspace))
    except NotFound:
        abort(404)
    return render_template(
        "drafts/_preview.html", preview=preview(workspace, after), address=address_of(target, becomes)
    )


def address_of(target: Target, becomes: str) -> str:
    """Where to ask what a change of one rule would do: ``on``, ``off`` or ``gone``."""
    nested = 1 if target.nested else None
    return url_for("channels.foreseen", target=target.text, nested=nested, becomes=becomes)


def _publish(workspace: Workspace, target: Target, enabled: bool, expected: int | None) -> str:
    """Publish the switch, then put the rest of the draft on top of it where nobody has to choose anything."""
    draft = drafts.current(workspace)
    was_behind = draft is not None and draft.behind
    publication = rules.change(
        workspace, rules.switching(target, enabled), expected_version=expected if expected is not None else -1,
        **authorship(),
    )  # fmt: skip
    message = f"`{target}` is {'on' if enabled else 'off'}. {published(publication)}"
    merged = drafts.merged(workspace)
    if merged is None:
        return message
    mine = draft is not None and find_rule(draft.rules, target)
    # What else the draft changes of this rule has not met a change of anyone else: only the switch was published.
    choices = {target: Choice.MINE} if mine and mine.enabled == enabled and not was_behind else {}
    if any(conflict.target not in choices for conflict in merged.conflicts):
        return f"{message} The draft is behind now: bring it up to date before it is published."
    try:
        drafts.bring_up_to_date(workspace, choices, **authorship())
    except Conflict:
        return f"{message} The draft is behind now: bring it up to date before it is published."
    left = drafts.summary(workspace)
    return f"{message} The other changes stay in the draft." if left is not None else message
