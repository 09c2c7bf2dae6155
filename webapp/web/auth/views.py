"""The pages that people without a session see."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_login import current_user, login_required, login_user, logout_user
from werkzeug.wrappers import Response

from ...extensions import limiter
from ...models.access import Admin
from ...services import admins
from ...services.errors import Conflict, InvalidInput
from ..access import safe_next, signed_in
from ..forms import show_problems
from .forms import SetupForm, SignInForm

blueprint = Blueprint("auth", __name__)

ATTEMPTS = "10 per minute; 100 per hour"
"""Sign-ins and set-ups that one address may try."""

Answer = str | Response | tuple[str, int]


@blueprint.get("/")
def home() -> Response:
    """Lead to the workspace, or to the sign-in."""
    if not current_user.is_authenticated:
        return redirect(url_for("auth.sign_in"))
    entered = admins.workspaces_of(signed_in())
    if not entered:
        return redirect(url_for("auth.no_workspace"))
    return redirect(url_for("overview.page", canonical=entered[0][0].canonical))


@blueprint.get("/no-workspace")
@login_required
def no_workspace() -> Answer:
    """Say that this admin has no role anywhere yet."""
    return render_template("auth/no_workspace.html")


@blueprint.route("/setup/<token>", methods=["GET", "POST"])
@limiter.limit(ATTEMPTS, methods=["POST"])
def setup(token: str) -> Answer:
    """Make the first owner with the link that the console printed."""
    if not admins.check_setup_link(token):
        return render_template("auth/setup_gone.html"), 404
    form = SetupForm()
    if not form.validate_on_submit():
        return render_template("auth/setup.html", form=form), 422 if form.is_submitted() else 200
    try:
        admin = admins.redeem_setup_link(token, form.username.data, form.password.data, address=request.remote_addr)
    except admins.LinkProblem:
        return render_template("auth/setup_gone.html"), 404
    except (InvalidInput, Conflict) as error:
        show_problems(form, error)
        return render_template("auth/setup.html", form=form), 422
    _begin_session(admin)
    flash(f"Welcome, {admin.username}. You own this workspace.", "ok")
    return redirect(url_for("auth.home"), 303)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@limiter.limit(ATTEMPTS, methods=["POST"])
def sign_in() -> Answer:
    """Sign in with a password. The answer to a wrong name and to a wrong password is the same."""
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")) or url_for("auth.home"), 303)
    form = SignInForm(next=safe_next(request.args.get("next")))
    if form.validate_on_submit():
        admin = admins.authenticate(form.username.data, form.password.data)
        if admin is not None:
            _begin_session(admin)
            return redirect(safe_next(form.next.data) or url_for("auth.home"), 303)
        return render_template("auth/sign_in.html", form=form, refused=True), 422
    return render_template("auth/sign_in.html", form=form), 422 if form.is_submitted() else 200


@blueprint.post("/sign-out")
@login_required
def sign_out() -> Response:
    logout_user()
    session.clear()
    flash("You are signed out.", "info")
    return redirect(url_for("auth.sign_in"), 303)


def _begin_session(admin: Admin) -> None:
    """Start afresh: nothing of the session before, its CSRF token included, is carried over."""
    session.clear()
    login_user(admin)
