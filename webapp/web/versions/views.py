"""The pages of the published versions."""

from flask import Blueprint, abort, flash, render_template, request, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import HiddenInput

from ...core.ruleset import RuleSet
from ...models import RuleSetVersion
from ...services import drafts, rules, ruletests
from ...services.changes import rule_changes, switch_changes
from ...services.compiled import rule_set
from ...services.errors import Conflict, InvalidInput, NotFound
from ...services.live import preview
from ..access import authorship, current_workspace, in_workspace, needs_editor
from ..drafts.forms import REASON_MOST
from ..forms import show_problems
from ..htmx import go_to
from ..wording import published

blueprint = in_workspace(Blueprint("versions", __name__, url_prefix="/w/<canonical>/versions"))

PAGE = 25
NUMBER_MOST = 2**31 - 1
Answer = str | Response | tuple[str, int]


class RollBackForm(FlaskForm):
    expected_version = IntegerField(widget=HiddenInput(), validators=[InputRequired()])
    reason = StringField(
        "Why",
        description="Stands beside the new version and in the audit log.",
        validators=[
            InputRequired("Say why, for those who look at the versions later."),
            Length(max=REASON_MOST, message=f"At most {REASON_MOST} characters."),
        ],
        render_kw={"autocomplete": "off"},
    )
    override = StringField(
        "Why although tests fail",
        description="Saved tests fail with that version. Publishing it all the same needs a reason of its own.",
        validators=[Length(max=REASON_MOST, message=f"At most {REASON_MOST} characters.")],
        render_kw={"autocomplete": "off"},
    )


@blueprint.get("")
def page() -> Answer:
    """List the versions, newest first."""
    before = request.args.get("before", type=int)
    if before is not None and not 0 < before <= NUMBER_MOST:
        abort(404)
    found = rules.versions(current_workspace(), limit=PAGE + 1, before=before)
    return render_template(
        "versions/page.html",
        versions=found[:PAGE],
        more=found[PAGE - 1].number if len(found) > PAGE else None,
        before=before,
        active=rules.active_rules(current_workspace()).version,
    )


@blueprint.get("/<int:number>")
def show(number: int) -> Answer:
    """Show one version: what it changed against the one before it, or against any other."""
    version = _version(number)
    against = request.args.get("against", type=int, default=number - 1)
    other = _rules_of(against)
    own = rule_set(version)
    return render_template(
        "versions/show.html",
        version=version,
        against=against,
        changes=rule_changes(other, own),
        switches=switch_changes(other, own),
        rules=own,
        active=rules.active_rules(current_workspace()).version,
        others=[v.number for v in rules.versions(current_workspace(), limit=100) if v.number != number],
    )


@blueprint.route("/<int:number>/roll-back", methods=["GET", "POST"])
@needs_editor
def roll_back(number: int) -> Answer:
    """Publish what an earlier version held, after showing what that changes and whom it hits."""
    version = _version(number)
    active = rules.active_rules(current_workspace())
    form = RollBackForm()
    conflict, code, wanted = None, 200, rule_set(version)
    if form.validate_on_submit():
        try:
            noted = ruletests.let_pass(current_workspace(), wanted, form.override.data or "")
            publication = rules.roll_back(
                current_workspace(),
                number,
                reason=form.reason.data,
                expected_version=form.expected_version.data,
                noted=noted,
                **authorship(),
            )
        except (InvalidInput, ruletests.TestsFail) as error:
            show_problems(form, error)
            code = 422
        except Conflict as error:
            conflict, code = (
                f"{error} Nothing was rolled back. Look again at what it would change.",
                409,
            )
        else:
            flash(f"Rolled back to version {number}. {published(publication)}", "ok")
            return go_to(url_for("versions.show", number=publication.version))
    elif form.is_submitted():
        code = 422
    else:
        form.reason.data = f"Roll back to version {number}"
    form.expected_version.data = active.version
    form.expected_version.raw_data = None
    failed = [outcome for outcome in ruletests.run(current_workspace(), wanted) if not outcome.passed]
    page = render_template(
        "versions/roll_back.html",
        version=version,
        active=active,
        changes=rule_changes(active, wanted),
        switches=switch_changes(active, wanted),
        rules=wanted,
        failed=failed,
        draft=drafts.summary(current_workspace()),
        form=form,
        conflict=conflict,
    )
    return page, code


@blueprint.get("/<int:number>/preview")
def preview_part(number: int) -> str:
    """Say what rolling back to a version would do to the clients that are connected now."""
    foreseen = preview(current_workspace(), rule_set(_version(number)))
    address = url_for("versions.preview_part", number=number)
    return render_template("drafts/_preview.html", preview=foreseen, address=address)


@blueprint.post("/<int:number>/draft")
@needs_editor
def take_into_draft(number: int) -> Answer:
    """Make what a version held the draft, to be changed before it is published."""
    drafts.replace_all(current_workspace(), rule_set(_version(number)), **authorship())
    flash(f"The draft now holds what version {number} held.", "ok")
    return go_to(url_for("drafts.page"))


def _version(number: int) -> RuleSetVersion:
    if not 0 < number <= NUMBER_MOST:
        abort(404)
    try:
        return rules.version(current_workspace(), number)
    except NotFound:
        abort(404)


def _rules_of(number: int) -> RuleSet:
    """Return what a version held; before the first one there was nothing."""
    return RuleSet() if number == 0 else rule_set(_version(number))
