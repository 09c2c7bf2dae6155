"""The settings of a workspace."""

from flask import Blueprint, flash, render_template, url_for
from werkzeug.wrappers import Response

from ...services import capture as capturing
from ...services import drafts, rules, workspaces
from ...services.errors import Conflict, InvalidInput
from ..access import authorship, current_workspace, in_workspace, needs_editor, needs_owner
from ..forms import show_problems
from ..htmx import go_to
from .facts import limits, server_facts
from .forms import CaptureForm, SwitchesForm, WorkspaceForm
from .hits import hits

blueprint = in_workspace(Blueprint("settings", __name__, url_prefix="/w/<canonical>/settings"))

Answer = str | Response | tuple[str, int]


@blueprint.get("")
def page() -> Answer:
    return _page()


@blueprint.post("/switches")
@needs_editor
def switches() -> Answer:
    """Put the switches into the draft; they are in force when it is published."""
    form = SwitchesForm()
    if not form.validate_on_submit():
        return _page(switches_form=form), 422
    workspace = current_workspace()
    before = drafts.working_rules(workspace).switches
    wanted = form.on(before)
    if wanted == before:
        flash("Nothing was switched.", "info")
        return go_to(url_for("settings.page"))
    try:
        drafts.set_switches(workspace, wanted, **authorship())
    except Conflict as error:
        return _page(switches_form=form, conflict=next(iter(error.problems.values()))), 409
    if drafts.summary(workspace) is None:
        flash("The switches are as in force again, so there is nothing to publish.", "ok")
    else:
        flash("The switches are in the draft. They are in force when it is published.", "ok")
    return go_to(url_for("settings.page"))


@blueprint.post("/workspace")
@needs_owner
def workspace() -> Answer:
    """Change the name and the origins."""
    form = WorkspaceForm()
    if not form.validate_on_submit():
        return _page(workspace_form=form), 422
    try:
        workspaces.update_settings(
            current_workspace(), name=form.name.data, allowed_origins=form.origins, **authorship()
        )
    except InvalidInput as error:
        show_problems(form, error)
        return _page(workspace_form=form), 422
    flash("Saved.", "ok")
    return go_to(url_for("settings.page"))


@blueprint.post("/capture")
@needs_owner
def capture() -> Answer:
    """Change what the inspector captures while payloads are not, and the fields that are redacted."""
    form = CaptureForm()
    if not form.validate_on_submit():
        return _page(capture_form=form), 422
    try:
        capturing.configure(current_workspace(), base=form.base.data, redacted=form.names, **authorship())
    except InvalidInput as error:
        show_problems(form, error)
        return _page(capture_form=form), 422
    flash("Saved.", "ok")
    return go_to(url_for("settings.page", _anchor="capture-title"))


def _page(
    switches_form: SwitchesForm | None = None,
    workspace_form: WorkspaceForm | None = None,
    capture_form: CaptureForm | None = None,
    conflict: str | None = None,
) -> str:
    current = current_workspace()
    active, working = rules.active_rules(current), drafts.working_rules(current)
    if switches_form is None:
        switches_form = SwitchesForm(formdata=None)
        switches_form.fill(working.switches)
    if workspace_form is None:
        workspace_form = WorkspaceForm(
            formdata=None, name=current.name, allowed_origins="\n".join(current.allowed_origins)
        )
    if capture_form is None:
        capture_form = CaptureForm(
            formdata=None, base=current.capture_mode, redacted="\n".join(current.redacted_fields)
        )
    return render_template(
        "settings/page.html",
        capture_form=capture_form,
        switches_form=switches_form,
        workspace_form=workspace_form,
        active=active,
        working=working,
        draft=drafts.summary(current),
        hits=hits(current, active),
        limits=limits(),
        server_facts=server_facts(current),
        conflict=conflict,
    )
