"""The pages of the rules."""

from flask import Blueprint, abort, flash, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target, TargetError, channel_problem, parse_target
from ...services import rules
from ...services.errors import Conflict, InvalidInput, NotFound
from ..access import authorship, current_workspace, in_workspace, needs_editor
from ..forms import show_problems
from ..htmx import go_to, htmx
from ..wording import full_label, published
from .forms import RuleForm, StatusForm, VersionForm, target_of
from .glyphs import glyphs
from .live import at_stake, live_by_rule
from .presets import PRESETS, preset

blueprint = in_workspace(Blueprint("channels", __name__, url_prefix="/w/<canonical>/channels"))
blueprint.app_template_global()(glyphs)
blueprint.app_template_global()(full_label)

Answer = str | BaseResponse | tuple[str, int]


def find_rule(active: RuleSet, target: Target) -> Rule | None:
    return next((rule for rule in active.rules if rule.target == target), None)


@blueprint.get("")
def page() -> Answer:
    """All rules, and which of them decides for the channel that ``?channel=`` names."""
    active = rules.active_rules(current_workspace())
    if htmx.partial and htmx.target == "deciding":
        return _deciding(active)
    return render_template("channels/page.html", presets=PRESETS, **_table(active) | _question(active))


def _deciding(active: RuleSet) -> str:
    return render_template("channels/_deciding.html", **_question(active))


def _question(active: RuleSet) -> dict[str, object]:
    channel = request.args.get("channel", "")
    problem = channel_problem(channel) if channel else None
    considered = active.consider(channel) if channel and not problem else []
    return {"active": active, "channel": channel, "problem": problem, "considered": considered}


def _table(active: RuleSet) -> dict[str, object]:
    return {"active": active, "live": live_by_rule(current_workspace(), active), "form": version_form(active)}


def version_form(active: RuleSet) -> VersionForm:
    return VersionForm(formdata=None, expected_version=active.version)


@blueprint.post("/status")
@needs_editor
def status() -> Answer:
    """Switch a rule on or off; it is in force at once."""
    form = StatusForm()
    if not form.validate_on_submit():
        abort(422)
    target, enabled = target_of(request.args), form.enabled.data == "on"
    code, kind = 200, "ok"
    try:
        edit = rules.switching(target, enabled)
        publication = rules.change(
            current_workspace(), edit, expected_version=form.expected_version.data, **authorship()
        )
        message = f"`{target}` is {'on' if enabled else 'off'}. {published(publication)}"
    except Conflict as error:
        code, kind, message = 409, "error", f"Not switched. {_first(error)} Look again and repeat it."
    except NotFound as error:
        code, kind, message = 404, "error", _first(error)
    if not htmx:
        flash(message, kind)
        return go_to(url_for("channels.page"))
    table = _table(rules.active_rules(current_workspace()))
    return render_template("channels/_switched.html", kind=kind, text=message, **table), code


@blueprint.route("/new", methods=["GET", "POST"])
@needs_editor
def new() -> Answer:
    """Make a rule, from nothing or from a preset."""
    active = rules.active_rules(current_workspace())
    form = RuleForm()
    if not form.is_submitted():
        form.expected_version.data = active.version
        start = preset(request.args.get("preset"))
        if start is not None:
            form.fill(start.rule)
    return _save(form, active, None)


@blueprint.route("/edit", methods=["GET", "POST"])
@needs_editor
def edit() -> Answer:
    """Change a rule."""
    active = rules.active_rules(current_workspace())
    target = target_of(request.args)
    form = RuleForm()
    if not form.is_submitted():
        rule = find_rule(active, target)
        if rule is None:
            abort(404)
        form.expected_version.data = active.version
        form.fill(rule)
    return _save(form, active, target)


def _save(form: RuleForm, active: RuleSet, replaces: Target | None) -> Answer:
    if not form.is_submitted():
        return _rule_page(form, active, replaces)
    if replaces is None or form.pattern.data != replaces.text:  # a name that has such spaces already keeps them
        form.pattern.data = form.pattern.data.strip()
    if not form.validate():
        return _rule_page(form, active, replaces), 422
    try:
        edit = rules.saving(form.to_rule(), replaces)
        publication = rules.change(
            current_workspace(), edit, expected_version=form.expected_version.data, **authorship()
        )
    except InvalidInput as error:
        return _rule_page(form, active, replaces, left=show_problems(form, error)), 422
    except (Conflict, NotFound) as error:
        return _conflict(form, replaces, error), 409
    flash(published(publication), "ok")
    return go_to(url_for("channels.page"))


def _conflict(form: RuleForm, replaces: Target | None, error: Conflict | NotFound) -> str:
    """Say what happened and keep what was typed; saving again puts it on top of what is in force now."""
    active = rules.active_rules(current_workspace())
    form.expected_version.data = active.version
    form.expected_version.raw_data = [str(active.version)]
    theirs = find_rule(active, replaces) if replaces else None
    return _rule_page(form, active, replaces, conflict=_first(error), gone=bool(replaces) and theirs is None)


def _rule_page(form: RuleForm, active: RuleSet, replaces: Target | None, **more: object) -> str:
    template = "channels/_form.html" if htmx.partial else "channels/edit.html"
    heading = f"Rule for {replaces}" if replaces else "New rule"
    return render_template(
        template, form=form, active=active, replaces=replaces, heading=heading, presets=PRESETS,
        says=_target_says(form.pattern.data, form.wildcard.data), **more,
    )  # fmt: skip


@blueprint.get("/target")
def target_says() -> str:
    """Say in words what a target covers, while it is typed."""
    says = _target_says(request.args.get("pattern", "").strip(), bool(request.args.get("wildcard")))
    return render_template("channels/_target_says.html", says=says)


def _target_says(text: str | None, nested: bool) -> str:
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


@blueprint.route("/delete", methods=["GET", "POST"])
@needs_editor
def delete() -> Answer:
    """Delete a rule, after saying what that will hit."""
    active = rules.active_rules(current_workspace())
    target = target_of(request.args)
    rule = find_rule(active, target)
    if rule is None:
        abort(404)
    form = VersionForm()
    conflict, code = None, 200
    if form.validate_on_submit():
        try:
            edit = rules.deleting(target)
            publication = rules.change(
                current_workspace(), edit, expected_version=form.expected_version.data, **authorship()
            )
        except Conflict as error:
            conflict, code = f"{_first(error)} Nothing was deleted. Look again at what it would hit.", 409
        else:
            flash(f"The rule for `{target}` is deleted. {published(publication)}", "ok")
            return go_to(url_for("channels.page"))
    form.expected_version.data = active.version
    form.expected_version.raw_data = None
    stake = at_stake(current_workspace(), active, rule)
    page = render_template("channels/delete.html", form=form, rule=rule, stake=stake, conflict=conflict)
    return page, code


def _first(error: Conflict | NotFound | InvalidInput) -> str:
    return next(iter(error.problems.values()))
