"""The editor of one trigger. Every button but *Save* shows the form again as it was typed, and saves nothing."""

from dataclasses import replace
from typing import Any

from flask import abort, flash, render_template, request, url_for

from ...core.ruleset import Rule
from ...core.targets import Target
from ...core.triggers import TRIGGERS_MOST, Trigger
from ...services import drafts
from ...services.errors import Conflict, NotFound
from ...triggers.shape import EVENT, HELPERS
from ...triggers.steps import STEPS
from .. import csp
from ..access import authorship, current_workspace, needs_editor
from ..channels.forms import target_of
from ..channels.views import Answer, find_rule, first
from ..htmx import go_to, htmx
from ..triggerwords import trigger_changes
from ..wording import printable
from .blueprint import blueprint, find_trigger
from .forms import TriggerForm
from .moves import Moved, move
from .starts import STARTS
from .trial import TrialForm, tried

SAVE = "save"
TRY, TAKE = "try", "take"


@blueprint.route("/new", methods=["GET", "POST"])
@needs_editor
def new() -> Answer:
    """Add a trigger to a rule."""
    return _edit(None)


@blueprint.route("/edit", methods=["GET", "POST"])
@needs_editor
def edit() -> Answer:
    """Change a trigger of a rule."""
    return _edit(request.args.get("trigger", ""))


def _edit(name: str | None) -> Answer:
    target = target_of(request.args)
    rule = find_rule(drafts.working_rules(current_workspace()), target)
    form = TriggerForm()
    if form.is_submitted():
        form.read()
        wanted = request.form.get("do", SAVE)
        if wanted == SAVE:
            return _save(form, target, name)
        if wanted in (TRY, TAKE):
            return _try(form, target, name, wanted == TAKE)
        return _page(form, target, name, moved=move(form, wanted))
    kept = find_trigger(rule, name)
    if rule is None:
        abort(404)
    if name is not None and kept is None:
        flash(f"The draft has no trigger `{printable(name[:100])}` here: it was renamed or deleted.", "warn")
        return go_to(rule_address(target))
    form.fill(kept if kept is not None else Trigger(""))
    form.seen.data = drafts.fingerprint(rule)
    trial = TrialForm.fitting(target)
    if "message" in request.args:
        trial.message.data = request.args["message"]
        trial.take(request.args["message"])
    return _page(form, target, name, trial=trial)


def _save(form: TriggerForm, target: Target, name: str | None) -> Answer:
    workspace = current_workspace()
    rule = find_rule(drafts.working_rules(workspace), target)
    kept = find_trigger(rule, name)
    trigger = form.to_trigger(kept)
    others = [other for other in (rule.triggers if rule is not None else ()) if other is not kept]
    if kept is None and trigger in others:  # it was sent twice
        return _done(target, trigger.name)
    if form.name.data in [other.name for other in others]:
        form.name.errors = [*form.name.errors, f"There is already a trigger `{form.name.data}`."]
    if len(others) >= TRIGGERS_MOST:
        form.left.append(f"At most {TRIGGERS_MOST} triggers a rule.")
    if trigger is None or form.name.errors or form.left:
        return _page(form, target, name), 422
    try:
        if rule is None or drafts.fingerprint(rule) != form.seen.data:
            draft = drafts.current(workspace)
            raise drafts.RuleConflict(target, rule, draft.changed_by(target) if draft is not None else None)
        changed = replace(rule, triggers=_with(rule, name, trigger))
        drafts.save_rule(workspace, changed, replaces=target, seen=form.seen.data, **authorship())
    except (Conflict, NotFound) as error:
        now = find_rule(drafts.working_rules(workspace), target)
        if find_trigger(now, trigger.name) != trigger:  # else it was sent twice
            return _conflict(form, target, name, trigger, now, first(error)), 409
    return _done(target, trigger.name)


def _done(target: Target, name: str) -> Answer:
    flash(_saved(name), "ok")
    return go_to(rule_address(target))


def _with(rule: Rule, name: str | None, trigger: Trigger) -> tuple[Trigger, ...]:
    if find_trigger(rule, name) is None:
        return (*rule.triggers, trigger)
    return tuple(trigger if other.name == name else other for other in rule.triggers)


def _saved(name: str) -> str:
    if drafts.summary(current_workspace()) is None:
        return f"The trigger `{name}` is as it is in force: there is nothing to publish."
    return f"The trigger `{name}` is saved in the draft. Nothing is in force until the draft is published."


def _conflict(
    form: TriggerForm, target: Target, name: str | None, trigger: Trigger, now: Rule | None, message: str
) -> str:
    """Say what the other one made of the trigger; saving again puts what was typed in its place."""
    theirs = find_trigger(now, name)
    form.seen.data = drafts.fingerprint(now)
    differing = trigger_changes(() if theirs is None else (theirs,), (trigger,)) if name is not None else []
    return _page(form, target, name, conflict=message, gone=now is None, theirs=theirs, differing=differing)


def _try(form: TriggerForm, target: Target, name: str | None, is_taken: bool) -> Answer:
    """Run what is typed, or fill the sample event from a message of the inspector."""
    trial, outcome, code = TrialForm(request.form, prefix="trial-"), None, 200
    if is_taken:
        trial.take(trial.message.data or "")
        code = 422 if trial.message.errors else 200
    else:
        outcome, code = tried(form, trial, target)
    if htmx.partial and htmx.target == "trial":
        return render_template("stacks/_trial.html", trial=trial, outcome=outcome, **_place(target, name)), code
    return _page(form, target, name, trial=trial, outcome=outcome), code


def _page(form: TriggerForm, target: Target, name: str | None, *, moved: Moved | None = None, **more: object) -> str:
    csp.allow_styles()
    trial = more.pop("trial", None) or TrialForm.fitting(target)
    return render_template(
        "stacks/_form.html" if htmx.partial else "stacks/edit.html",
        form=form,
        trial=trial,
        kinds=list(STEPS.values()),
        starts=STARTS,
        shape=EVENT,
        helpers=HELPERS,
        moved=moved or Moved(),
        **_place(target, name),
        **more,
    )


def _place(target: Target, name: str | None) -> dict[str, object]:
    """Which trigger the form is about, and where it is sent."""
    key = key_of_rule(target)
    action = url_for("stacks.edit", trigger=name, **key) if name is not None else url_for("stacks.new", **key)
    return {"rule_target": target, "name": name, "key": key, "action": action, "back": rule_address(target)}


def key_of_rule(target: Target) -> dict[str, Any]:
    """How an address names a rule."""
    return {"target": target.text, "nested": 1 if target.nested else None}


def rule_address(target: Target) -> str:
    """The rule's page, at its triggers."""
    return url_for("channels.edit", _anchor="triggers", **key_of_rule(target))
