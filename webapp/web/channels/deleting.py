"""Deleting a rule in the draft, and taking back what the draft does to one."""

from flask import abort, flash, render_template, request, url_for

from ...core.targets import Target
from ...services import drafts, rules
from ...services.errors import Conflict, InvalidInput, NotFound
from ..access import authorship, current_workspace, needs_editor
from ..htmx import go_to
from .forms import SeenForm, target_of
from .live import at_stake
from .switching import address_of
from .views import Answer, asked_for, blueprint, find_rule, first


@blueprint.route("/delete", methods=["GET", "POST"])
@needs_editor
def delete() -> Answer:
    """Delete a rule in the draft, after saying what that will hit once it is published."""
    workspace, target = current_workspace(), target_of(request.args)
    form = SeenForm()
    conflict, code = None, 200
    if form.validate_on_submit():
        try:
            drafts.delete_rule(workspace, target, seen=form.seen.data, **authorship())
        except NotFound:
            abort(404)
        except Conflict as error:
            if _is_deleted(target):  # it was sent twice
                return go_to(url_for("channels.page"))
            conflict, code = f"{first(error)} Nothing was deleted. Look again at what it would hit.", 409
        else:
            flash(_deleted(target), "ok")
            return go_to(url_for("channels.page"))
    rule = find_rule(drafts.working_rules(workspace), target)
    if rule is None:
        abort(404)
    form.seen.data = drafts.fingerprint(rule)
    active = rules.active_rules(workspace)
    in_force = find_rule(active, target)
    stake = at_stake(workspace, active, in_force) if in_force is not None else None
    page = render_template(
        "channels/delete.html",
        form=form,
        rule=rule,
        in_force=in_force,
        stake=stake,
        conflict=conflict,
        address=address_of(target, "gone"),
    )
    return page, code


@blueprint.post("/take-back")
@needs_editor
def take_back() -> Answer:
    """Put a rule back to what it was before the draft."""
    target = target_of(request.args)
    try:
        drafts.take_back(current_workspace(), target, **authorship())
    except (Conflict, NotFound, InvalidInput) as error:
        flash(f"Not taken back. {first(error)}", "error")
    else:
        flash(f"`{target}` is again as it was before the draft.", "ok")
    return go_to(url_for("channels.page", **asked_for()))


def _is_deleted(target: Target) -> bool:
    draft = drafts.current(current_workspace())
    return draft is not None and find_rule(draft.rules, target) is None and find_rule(draft.base, target) is not None


def _deleted(target: Target) -> str:
    if drafts.summary(current_workspace()) is None:
        return f"The rule for `{target}` is gone from the draft, and nothing is left in it."
    return f"The rule for `{target}` is deleted in the draft. It decides until the draft is published."
