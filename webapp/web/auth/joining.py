"""Opening an invitation."""

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from ...extensions import limiter
from ...models import Workspace
from ...services import admins, invitations
from ...services.errors import Conflict, InvalidInput
from ..access import begin_session, signed_in
from ..forms import show_problems
from .forms import JoinForm, SetupForm
from .views import ATTEMPTS, Answer, blueprint


@blueprint.route("/join/<token>", methods=["GET", "POST"])
@limiter.limit(ATTEMPTS, methods=["POST"])
def join(token: str) -> Answer:
    """Give whoever opens an invitation its role: with a click who is signed in, else with a name and a password.

    Links that were used, taken back, are too old or never existed all get the same page.
    """
    opened = invitations.opened(token)
    if opened is None:
        return _gone()
    try:
        return _join_as_oneself(token, opened) if current_user.is_authenticated else _join_as_new(token, opened)
    except invitations.InvitationProblem:
        return _gone()


def _join_as_oneself(token: str, opened: invitations.Opened) -> Answer:
    role = admins.role_in(signed_in(), opened.workspace)
    form = JoinForm()
    refused = None
    if form.validate_on_submit():
        try:
            workspace = invitations.join(token, signed_in(), address=request.remote_addr)
            return _welcome(workspace, opened)
        except Conflict as error:
            refused = str(error)
    page = render_template(
        "auth/join.html",
        form=form,
        opened=opened,
        token=token,
        refused=refused,
        held=role if role is not None and role.includes(opened.role) else None,
    )
    return page, 409 if refused else 200


def _join_as_new(token: str, opened: invitations.Opened) -> Answer:
    form = SetupForm()
    if not form.validate_on_submit():
        page = render_template("auth/join.html", form=form, opened=opened, token=token)
        return page, 422 if form.is_submitted() else 200
    try:
        admin = invitations.join_as_new(token, form.username.data, form.password.data, address=request.remote_addr)
    except (InvalidInput, Conflict) as error:
        show_problems(form, error)
        return render_template("auth/join.html", form=form, opened=opened, token=token), 422
    begin_session(admin, "invitation")
    return _welcome(opened.workspace, opened)


def _welcome(workspace: Workspace, opened: invitations.Opened) -> Response:
    flash(f"Welcome. You are {opened.role} of this workspace.", "ok")
    return redirect(url_for("overview.page", canonical=workspace.canonical), 303)


def _gone() -> Answer:
    return render_template("auth/invitation_gone.html"), 404
