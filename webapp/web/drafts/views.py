"""The page of the draft, and the bar that tells of it on every page."""

from flask import Blueprint, Flask, abort, flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from ...core.targets import Target
from ...models import Workspace
from ...services import drafts, rules, ruletests
from ...services.changes import Choice, MergeConflict, field_changes, rule_changes, switch_changes
from ...services.errors import Conflict, InvalidInput, NotFound
from ...services.live import preview
from ..access import authorship, current_workspace, in_workspace, needs_editor, signed_in
from ..forms import show_problems
from ..htmx import go_to
from ..wording import published
from .forms import PublishForm, RevisionForm

blueprint = in_workspace(Blueprint("drafts", __name__, url_prefix="/w/<canonical>/draft"))

Answer = str | Response | tuple[str, int]


def init_app(app: Flask) -> None:
    app.jinja_env.globals["draft_summary"] = draft_summary
    app.jinja_env.globals["field_changes"] = field_changes


def draft_summary() -> drafts.DraftSummary | None:
    """Return what the bar says of the workspace's draft, looked up once a request."""
    workspace: Workspace | None = g.get("workspace")
    if workspace is None:
        return None
    if "draft_summary" not in g:
        g.draft_summary = drafts.summary(workspace)
    found: drafts.DraftSummary | None = g.draft_summary
    return found


@blueprint.get("")
def page() -> Answer:
    """Show what the draft changes, who changed it, whether the tests pass, and what publishing would do."""
    return _page()


@blueprint.get("/bar")
def bar() -> str:
    """The bar alone, looked at again every few seconds: others may be at work."""
    return render_template("drafts/_bar.html")


@blueprint.get("/preview")
def preview_part() -> str:
    """Say what publishing the draft would do to the clients that are connected now."""
    draft = drafts.current(current_workspace())
    foreseen = preview(current_workspace(), draft.rules) if draft is not None else None
    return render_template("drafts/_preview.html", preview=foreseen, address=url_for("drafts.preview_part"))


@blueprint.post("/publish")
@needs_editor
def publish() -> Answer:
    """Publish the draft: in force, on open connections too, when the page answers."""
    form = PublishForm()
    if not form.validate_on_submit():
        return _page(form), 422
    try:
        publication = drafts.publish(
            current_workspace(),
            expected_revision=form.expected_revision.data,
            reason=form.reason.data,
            override=form.override.data or "",
            **authorship(),
        )
    except (InvalidInput, drafts.TestsFail) as error:
        show_problems(form, error)
        return _page(form), 422
    except Conflict as error:
        if _published_already(form.becomes.data):
            return go_to(url_for("versions.show", number=form.becomes.data))
        return _page(form, conflict=str(error)), 409
    flash(published(publication), "ok")
    return go_to(url_for("versions.show", number=publication.version))


def _published_already(number: int) -> bool:
    """Whether a click before this one has published just this: then the answer is the same."""
    workspace = current_workspace()
    if drafts.current(workspace) is not None or rules.active_rules(workspace).version != number:
        return False
    return rules.version(workspace, number).author == signed_in().username


@blueprint.post("/discard")
@needs_editor
def discard() -> Answer:
    """Throw the draft away."""
    form = RevisionForm()
    if not form.validate_on_submit():
        abort(422)
    try:
        drafts.discard(current_workspace(), expected_revision=form.expected_revision.data, **authorship())
    except Conflict as error:
        return _page(conflict=f"Not discarded. {error}"), 409
    flash("The draft is discarded. What is in force stays as it is.", "ok")
    return go_to(url_for("channels.page"))


@blueprint.post("/take-back")
@needs_editor
def take_back() -> Answer:
    """Put one rule, or the switches, back to what they were when the draft was begun."""
    try:
        if request.form.get("switches"):
            draft = drafts.current(current_workspace())
            if draft is not None:
                drafts.set_switches(current_workspace(), draft.base.switches, **authorship())
        else:
            target = Target(request.form.get("target", ""), request.form.get("nested") == "1")
            drafts.take_back(current_workspace(), target, **authorship())
    except (Conflict, InvalidInput, NotFound) as error:
        return _page(conflict=str(error)), 409
    return go_to(url_for("drafts.page"))


@blueprint.post("/update")
@needs_editor
def update() -> Answer:
    """Put the draft's changes on top of the version that was published meanwhile."""
    chosen = {
        Target(*_place(name)): Choice(value)
        for name, value in request.form.items()
        if name.startswith("choice:") and value in list(Choice)
    }
    try:
        drafts.bring_up_to_date(current_workspace(), chosen, **authorship())
    except Conflict as error:
        return _page(conflict=str(error)), 409
    flash("The draft stands on the version in force now.", "ok")
    return go_to(url_for("drafts.page"))


def _place(field: str) -> tuple[str, bool]:
    """Read which rule a field of the form speaks of: ``choice:1:chat/*``."""
    _, nested, text = field.split(":", 2) if field.count(":") >= 2 else ("", "", "")
    return text, nested == "1"


def _page(form: PublishForm | None = None, conflict: str | None = None) -> str:
    workspace = current_workspace()
    draft = drafts.current(workspace)
    if draft is None:
        return render_template(
            "drafts/none.html", conflict=conflict, has_rules=bool(rules.active_rules(workspace).rules)
        )
    if form is None:
        form = PublishForm(formdata=None)
    form.expected_revision.data, form.becomes.data = draft.revision, draft.active.version + 1
    form.expected_revision.raw_data = form.becomes.raw_data = None
    outcomes = ruletests.run(workspace, draft.rules)
    return render_template(
        "drafts/page.html",
        draft=draft,
        changes=rule_changes(draft.base, draft.rules),
        switches=switch_changes(draft.base, draft.rules),
        editors=sorted({change.actor for change in draft.log}),
        failed=[outcome for outcome in outcomes if not outcome.passed],
        tests=len(outcomes),
        merge_conflicts=_merge_conflicts(workspace, draft),
        form=form,
        conflict=conflict,
        shown_rules=draft.rules,
    )


def _merge_conflicts(workspace: Workspace, draft: drafts.DraftState) -> tuple[MergeConflict, ...]:
    merged = drafts.merged(workspace) if draft.behind else None
    return merged.conflicts if merged is not None else ()
