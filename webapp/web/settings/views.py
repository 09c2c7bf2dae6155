"""The settings of a workspace."""

from flask import Blueprint, flash, render_template, url_for
from werkzeug.wrappers import Response

from ...services import rules, workspaces
from ...services.errors import Conflict, InvalidInput
from ..access import authorship, current_workspace, in_workspace, needs_editor, needs_owner
from ..forms import show_problems
from ..htmx import go_to
from ..wording import published
from .forms import SwitchesForm, WorkspaceForm

blueprint = in_workspace(Blueprint("settings", __name__, url_prefix="/w/<canonical>/settings"))

Answer = str | Response | tuple[str, int]


@blueprint.get("")
def page() -> Answer:
    return _page()


@blueprint.post("/switches")
@needs_editor
def switches() -> Answer:
    """Publish the switches; they are in force at once."""
    form = SwitchesForm()
    if not form.validate_on_submit():
        return _page(switches_form=form), 422
    try:
        edit = rules.setting_switches(form.switches)
        publication = rules.change(
            current_workspace(), edit, expected_version=form.expected_version.data, **authorship()
        )
    except Conflict as error:
        active = rules.active_rules(current_workspace())
        form.expected_version.data = active.version
        form.expected_version.raw_data = None
        message = f"{error.problems['version']} Your choice is kept: save again to put it on top."
        return _page(switches_form=form, conflict=message), 409
    flash(published(publication), "ok")
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


def _page(
    switches_form: SwitchesForm | None = None, workspace_form: WorkspaceForm | None = None, conflict: str | None = None
) -> str:
    current = current_workspace()
    active = rules.active_rules(current)
    if switches_form is None:
        switches_form = SwitchesForm(formdata=None, expected_version=active.version)
        switches_form.fill(active.switches)
    if workspace_form is None:
        workspace_form = WorkspaceForm(
            formdata=None, name=current.name, allowed_origins="\n".join(current.allowed_origins)
        )
    return render_template(
        "settings/page.html",
        switches_form=switches_form,
        workspace_form=workspace_form,
        active=active,
        conflict=conflict,
    )
