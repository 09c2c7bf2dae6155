"""The switch between workspaces, and the page that makes one."""

from flask import Blueprint, abort, flash, g, redirect, render_template, url_for
from flask.blueprints import BlueprintSetupState
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from ...models.access import RoleName
from ...models.workspace import Workspace
from ...services import admins, workspaces
from ...services.errors import Conflict, InvalidInput
from ..access import authorship, signed_in
from ..forms import show_problems
from .forms import NewWorkspaceForm

blueprint = Blueprint("workspaces", __name__, url_prefix="/workspaces")

Answer = str | Response | tuple[str, int]


@blueprint.record_once
def _offer(state: BlueprintSetupState) -> None:
    state.app.jinja_env.globals["my_workspaces"] = my_workspaces


def my_workspaces() -> list[tuple[Workspace, RoleName]]:
    """List the workspaces that whoever looks may enter, looked up once a request."""
    if not current_user.is_authenticated:
        return []
    if "my_workspaces" not in g:
        g.my_workspaces = admins.workspaces_of(signed_in())
    found: list[tuple[Workspace, RoleName]] = g.my_workspaces
    return found


def owns_any() -> bool:
    return any(role is RoleName.OWNER for _, role in my_workspaces())


@blueprint.route("/new", methods=["GET", "POST"])
@login_required
def new() -> Answer:
    """Make a workspace; whoever makes it owns it. Owners of some workspace may."""
    if not owns_any():
        abort(403)
    form = NewWorkspaceForm()
    only = len(workspaces.list_all()) == 1
    if not form.validate_on_submit():
        return render_template("workspaces/new.html", form=form, only=only), 422 if form.is_submitted() else 200
    try:
        made = workspaces.create(form.canonical.data.strip(), form.name.data, owner=signed_in(), **authorship())
    except (InvalidInput, Conflict) as error:
        show_problems(form, error)
        return render_template("workspaces/new.html", form=form, only=only), 422
    flash(f"The workspace `{made.canonical}` is there, with a signing key of its own. You own it.", "ok")
    return redirect(url_for("overview.page", canonical=made.canonical), 303)
