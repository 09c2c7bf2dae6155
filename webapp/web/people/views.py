"""The page of a workspace's people."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, abort, flash, render_template, session, url_for
from werkzeug.wrappers import Response

from ...models import Admin, AdminSession, RoleName
from ...services import admins, invitations, sessions, totp, vault
from ...services.errors import Conflict, InvalidInput, NotFound
from .. import refusals
from ..access import authorship, current_workspace, holds, in_workspace, needs_owner, signed_in
from ..forms import show_problems
from ..htmx import go_to
from ..wording import count
from .forms import ROLES, InvitationForm, RoleForm

blueprint = in_workspace(Blueprint("people", __name__, url_prefix="/w/<canonical>/people"))

MADE_LINK = "made_link"
"""Where a session keeps the token of a new invitation until the next page has shown its link."""

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True, slots=True)
class Person:
    """A row of the page."""

    admin: Admin
    role: RoleName
    two_step: bool
    sessions: list[AdminSession]
    last_owner: bool

    @property
    def last_seen(self) -> datetime | None:
        return self.sessions[0].seen_at if self.sessions else None


@blueprint.get("")
def page() -> Answer:
    workspace_id, encrypted = session.pop(MADE_LINK, (None, ""))
    token = vault.decrypt(encrypted) if workspace_id == current_workspace().id else None
    return _page(link=url_for("auth.join", token=token, _external=True) if token else None)


@blueprint.post("/<int:admin_id>/role")
@needs_owner
def role(admin_id: int) -> Answer:
    """Give somebody another role, in force with their next request."""
    person = _member(admin_id)
    form = RoleForm()
    if not form.validate_on_submit():
        return _page(problem=" ".join(form.role.errors) or "Choose a role."), 422
    try:
        admins.set_role(person, current_workspace(), form.role.data, only_members=True, **authorship())
    except InvalidInput as error:
        return _page(problem=error.problems["role"]), 422
    except (Conflict, NotFound) as error:
        return _page(problem=error.problems["role"]), 409
    flash(f"{person.username} is {form.role.data} now.", "ok")
    return _back(person)


@blueprint.post("/<int:admin_id>/remove")
@needs_owner
def remove(admin_id: int) -> Answer:
    """Take somebody's role in this workspace away. The account stays."""
    person = _member(admin_id)
    try:
        admins.set_role(person, current_workspace(), None, only_members=True, **authorship())
    except (Conflict, NotFound) as error:
        return _page(problem=error.problems["role"]), 409
    flash(f"{person.username} is no longer in this workspace.", "ok")
    return _back(person)


@blueprint.post("/<int:admin_id>/sessions/<int:session_id>/end")
@needs_owner
def end_session(admin_id: int, session_id: int) -> Answer:
    """End one session of somebody of this workspace."""
    try:
        sessions.end(_member(admin_id), session_id, workspace=current_workspace(), **authorship())
        flash("That session has ended. Its browser is signed out with its next request.", "ok")
    except NotFound as error:
        flash(error.problems["session"], "error")
    return go_to(url_for("people.page"))


@blueprint.post("/<int:admin_id>/sessions/end")
@needs_owner
def end_sessions(admin_id: int) -> Answer:
    """End all sessions of somebody of this workspace."""
    person = _member(admin_id)
    ended = sessions.end_all(person, workspace=current_workspace(), **authorship())
    flash(f"{count(ended, 'session')} of {person.username} ended.", "ok")
    return go_to(url_for("people.page"))


@blueprint.post("/invitations")
@needs_owner
def invite() -> Answer:
    """Make an invitation; the page that is shown next shows its link this once."""
    form = InvitationForm()
    if form.validate_on_submit():
        try:
            _, token = invitations.create(current_workspace(), form.role.data, form.note.data or "", **authorship())
        except InvalidInput as error:
            show_problems(form, error)
        except Conflict as error:
            return _page(invitation_form=form, problem=str(error)), 409
        else:
            # Encrypted, since a session is a cookie that whoever holds the browser can read.
            session[MADE_LINK] = [current_workspace().id, vault.encrypt(token)]
            return go_to(url_for("people.page", _anchor="invitations-title"))
    return _page(invitation_form=form), 422


@blueprint.post("/invitations/<int:invitation_id>/revoke")
@needs_owner
def revoke(invitation_id: int) -> Answer:
    """Take an invitation back."""
    try:
        invitations.revoke(current_workspace(), invitation_id, **authorship())
        flash("The invitation is taken back. Its link opens nothing any more.", "ok")
    except NotFound as error:
        refusals.note("no such open invitation in this workspace")
        flash(error.problems["invitation"], "error")
    return go_to(url_for("people.page"))


def _member(admin_id: int) -> Admin:
    try:
        return admins.member(current_workspace(), admin_id)
    except NotFound:
        abort(404)


def _back(changed: Admin) -> Response:
    """Return to the page, or, where one has changed one's own role, to what one may still see."""
    return go_to(url_for("auth.home" if changed.id == signed_in().id else "people.page"))


def _page(invitation_form: InvitationForm | None = None, link: str | None = None, problem: str | None = None) -> str:
    workspace = current_workspace()
    held = admins.members(workspace)
    owners = sum(role is RoleName.OWNER for _, role in held)
    open_sessions = sessions.of_people(workspace)
    people = [
        Person(admin, role, totp.is_on(admin), open_sessions.get(admin.id, []), role is RoleName.OWNER and owners == 1)
        for admin, role in held
    ]
    return render_template(
        "people/page.html",
        people=people,
        roles=ROLES,
        role_form=RoleForm(formdata=None),
        invitations=invitations.open_of(workspace) if holds(RoleName.OWNER) else [],
        invitation_form=invitation_form or InvitationForm(formdata=None),
        link=link,
        problem=problem,
    )
