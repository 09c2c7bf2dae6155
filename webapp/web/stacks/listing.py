"""The list of triggers on a rule's page: their order, on and off, and gone. Each change goes into the draft at once."""

from dataclasses import replace

from flask import abort, flash, make_response, render_template, request

from ...core.ruleset import Rule
from ...core.targets import Target
from ...core.triggers import Trigger
from ...services import drafts
from ...services.errors import Conflict, NotFound
from ..access import authorship, current_workspace, needs_editor
from ..channels.forms import target_of
from ..channels.views import Answer, find_rule, first
from ..htmx import go_to, htmx
from .blueprint import blueprint, find_trigger
from .views import rule_address


@blueprint.post("/arrange")
@needs_editor
def arrange() -> Answer:
    """Move, switch or delete one trigger of a rule, on top of the state that was looked at."""
    workspace, target = current_workspace(), target_of(request.args)
    rule = find_rule(drafts.working_rules(workspace), target)
    if rule is None:
        abort(404)
    name, seen = request.form.get("trigger", ""), request.form.getlist("seen")
    trigger = find_trigger(rule, name)
    kind, code = "ok", 200
    changed, message = _arranged(rule, trigger, request.form.get("do", "")) if trigger is not None else (rule, "")
    try:
        if trigger is None or drafts.fingerprint(rule) not in seen[:1]:
            draft = drafts.current(workspace)
            raise drafts.RuleConflict(target, rule, draft.changed_by(target) if draft is not None else None)
        drafts.save_rule(workspace, changed, replaces=target, seen=seen[0], **authorship())
    except (Conflict, NotFound) as error:
        kind, code, message = "error", 409, f"Not changed. {first(error)} Look at the triggers as they are now."
    if not htmx:
        flash(message, kind)
        return go_to(rule_address(target))
    response = make_response(_part(target, kind, message, is_form_current=code == 200 and len(set(seen)) == 1), code)
    response.headers["HX-Trigger"] = "draft-changed"
    return response


def _arranged(rule: Rule, trigger: Trigger, do: str) -> tuple[Rule, str]:
    triggers = list(rule.triggers)
    at = triggers.index(trigger)
    if do in ("up", "down"):
        to = min(max(at + (1 if do == "down" else -1), 0), len(triggers) - 1)
        triggers.insert(to, triggers.pop(at))
        message = f"`{trigger.name}` runs as trigger {to + 1} of {len(triggers)} in the draft."
    elif do in ("on", "off"):
        triggers[at] = replace(trigger, enabled=do == "on")
        message = f"`{trigger.name}` is switched {do} in the draft. Nothing is in force yet."
    elif do == "delete":
        del triggers[at]
        message = (
            f"`{trigger.name}` is deleted in the draft. It runs until the draft is published, and can be taken back."
        )
    else:
        abort(422)
    return replace(rule, triggers=tuple(triggers)), message


def _part(target: Target, kind: str, message: str, *, is_form_current: bool) -> str:
    rule = find_rule(drafts.working_rules(current_workspace()), target)
    part = render_template(
        "stacks/_list.html", rule=rule, seen=drafts.fingerprint(rule), is_form_current=is_form_current
    )
    return part + render_template("channels/_notice.html", kind=kind, text=message)
