"""The rule editor: the form, what stands beside it, and two people in one rule."""

import time

from flask import abort, flash, render_template, request, url_for

from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target, TargetError, parse_target
from ...services import drafts
from ...services.changes import field_changes
from ...services.errors import Conflict, InvalidInput, NotFound
from ..access import authorship, current_workspace, needs_editor, signed_in
from ..forms import show_problems
from ..htmx import go_to, htmx
from . import state
from .forms import RuleForm, target_of
from .outlook import CLAIMS, Outlook, outlook
from .presets import PRESETS, preset
from .views import Answer, blueprint, find_rule, first


@blueprint.route("/new", methods=["GET", "POST"])
@needs_editor
def new() -> Answer:
    """Make a rule, from nothing or from a preset."""
    form = RuleForm()
    if form.is_submitted():
        return _save(form, None)
    start = preset(request.args.get("preset"))
    if start is not None:
        form.fill(start.rule)
    form.seen.data = drafts.fingerprint(None)
    form.keep_opened()
    return _rule_page(form, drafts.working_rules(current_workspace()), None)


@blueprint.route("/edit", methods=["GET", "POST"])
@needs_editor
def edit() -> Answer:
    """Change a rule."""
    form, target = RuleForm(), target_of(request.args)
    if form.is_submitted():
        return _save(form, target)
    working = drafts.working_rules(current_workspace())
    rule = find_rule(working, target)
    if rule is None:
        abort(404)
    form.fill(rule)
    form.seen.data = drafts.fingerprint(rule)
    form.keep_opened()
    start = preset(request.args.get("preset"))
    if start is not None:
        form.tick(start.permissions)
    return _rule_page(form, working, target, is_filled=start is not None)


def _save(form: RuleForm, replaces: Target | None) -> Answer:
    workspace = current_workspace()
    working = drafts.working_rules(workspace)
    if replaces is None or form.pattern.data != replaces.text:  # a name that has such spaces already keeps them
        form.pattern.data = form.pattern.data.strip()
    if not form.validate():
        return _rule_page(form, working, replaces), 422
    edited = find_rule(working, replaces) if replaces is not None else None
    rule = form.to_rule(edited.triggers if edited is not None else ())
    try:
        drafts.save_rule(workspace, rule, replaces=replaces, seen=form.seen.data, **authorship())
    except InvalidInput as error:
        if replaces is not None or not _made_already(rule):
            return _rule_page(form, working, replaces, left=show_problems(form, error)), 422
    except (Conflict, NotFound) as error:
        if find_rule(drafts.working_rules(workspace), rule.target) != rule:  # else it was sent twice
            return _conflict(form, rule, replaces, error), 409
    if replaces is not None:
        state.editors().gone(workspace.canonical, replaces, signed_in().username)
    flash(_saved(rule), "ok")
    return go_to(url_for("channels.page"))


def _made_already(rule: Rule) -> bool:
    """Whether the draft made this very rule: the form was sent twice."""
    draft = drafts.current(current_workspace())
    return draft is not None and find_rule(draft.rules, rule.target) == rule and not find_rule(draft.base, rule.target)


def _saved(rule: Rule) -> str:
    if drafts.summary(current_workspace()) is None:
        return f"The rule for `{rule.target}` is as it is in force: there is nothing to publish."
    return f"The rule for `{rule.target}` is saved in the draft. Nothing is in force until the draft is published."


def _conflict(form: RuleForm, rule: Rule, replaces: Target | None, error: Conflict | NotFound) -> str:
    """Show what the other one made of the rule beside what was typed here; saving again takes the latter."""
    working = drafts.working_rules(current_workspace())
    theirs = find_rule(working, replaces) if replaces is not None else None
    form.seen.data = drafts.fingerprint(theirs)
    return _rule_page(
        form, working, replaces if theirs is not None else None,
        conflict=first(error), theirs=theirs, differing=field_changes(theirs, rule), is_filled=True,
    )  # fmt: skip


def _rule_page(form: RuleForm, working: RuleSet, replaces: Target | None, **more: object) -> str:
    rule = find_rule(working, replaces) if replaces is not None else None
    return render_template(
        "channels/_form.html" if htmx.partial else "channels/edit.html",
        form=form,
        replaces=replaces,
        rule=rule,
        seen=drafts.fingerprint(rule),
        heading=f"Rule for {replaces}" if replaces else "New rule",
        presets=PRESETS,
        outlook=_outlook(form, working, replaces),
        says=_target_says(form.pattern.data, form.wildcard.data),
        **more,
    )


@blueprint.post("/look")
@needs_editor
def look() -> Answer:
    """Say what the rule would do as the form is now; nothing is saved."""
    form = RuleForm()
    replaces = target_of(request.args) if "target" in request.args else None
    working = drafts.working_rules(current_workspace())
    return render_template(
        "channels/_looked.html",
        outlook=_outlook(form, working, replaces),
        says=_target_says(form.pattern.data, form.wildcard.data),
    )


def _outlook(form: RuleForm, working: RuleSet, replaces: Target | None) -> Outlook:
    rule = form.sketch()
    return outlook(
        current_workspace(),
        working,
        form.boxes(Target("*")),
        rule,
        opened=form.sketch_opened(),
        replaces=replaces,
        example=request.form.get("example", "").strip(),
        claims=request.form.get("claims", CLAIMS),
    )


@blueprint.post("/open")
@needs_editor
def is_open() -> Answer:
    """Hear that a rule's form is still open; say who else has it open, and whether the rule was changed meanwhile."""
    workspace, target, now = current_workspace(), target_of(request.args), time.monotonic()
    rule = find_rule(drafts.working_rules(workspace), target)
    username = signed_in().username
    others = []
    if rule is not None:
        state.editors().beat(workspace.canonical, target, username, now)
        others = state.editors().others(workspace.canonical, target, username, now)
    return render_template(
        "channels/_others.html",
        others=[(other.username, int((now - other.since) // 60)) for other in others],
        moved_on=drafts.fingerprint(rule) != request.form.get("seen", ""),
        gone=rule is None,
    )


def _target_says(text: str | None, nested: bool) -> str:
    text = (text or "").strip()
    if not text:
        return "A name such as `chat`, or with *nested channels* a pattern such as `chat/*` or `org/*/rooms/*`."
    try:
        target = parse_target(text, nested)
    except TargetError as error:
        return str(error)
    if not nested:
        says = f"Exactly `{target}`, nothing below it."
        return f"{says} *Careful:* without nested channels `*` has no meaning." if "*" in target.text else says
    if target.text == "*":
        return "Every channel that no other rule decides."
    words = ["one segment" if s == "*" else s for s in target.segments[:-1]]
    if target.segments[-1] == "*":
        above = "/".join("…" if w == "one segment" else w for w in words)
        return f"`{target}`: everything below `{above}`, at any depth, not `{above}` itself."
    return f"`{target}`: exactly {len(target.segments)} segments, each `*` one that is not empty."
