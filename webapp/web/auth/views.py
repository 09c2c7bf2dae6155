"""The pages that people without a session see."""

import hashlib
from time import time

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from ...extensions import limiter
from ...models.access import Admin
from ...services import admins, sessions, totp
from ...services.errors import Conflict, InvalidInput
from ..access import begin_session, end_session, safe_next, signed_in
from ..forms import show_problems
from ..wording import count
from . import attempts
from .forms import CodeForm, SetupForm, SignInForm

blueprint = Blueprint("auth", __name__)

ATTEMPTS = "10 per minute; 100 per hour"
"""Sign-ins and set-ups that one address may try."""

SECOND_STEP = "second_step"
"""Where a session keeps, between the password and the code, who gave the password."""
SECOND_STEP_LIVES = 5 * 60

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
    begin_session(admin, "set-up link")
    flash(f"Welcome, {admin.username}. You own this workspace.", "ok")
    return redirect(url_for("auth.home"), 303)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@limiter.limit(ATTEMPTS, methods=["POST"])
def sign_in() -> Answer:
    """Sign in with a password. The answer to a wrong name and to a wrong password is the same."""
    if current_user.is_authenticated:
        return redirect(safe_next(request.args.get("next")) or url_for("auth.home"), 303)
    form = SignInForm(next=safe_next(request.args.get("next")))
    if not form.validate_on_submit():
        return _sign_in_page(form, 422 if form.is_submitted() else 200)
    if not attempts.begin("password", form.username.data):
        return _sign_in_page(form, 429, attempts.WORDS)
    admin = admins.authenticate(form.username.data, form.password.data)
    if admin is None:
        sessions.note_failure(form.username.data, "wrong name or password", address=request.remote_addr)
        return _sign_in_page(form, 422, "The username or the password is not right.")
    attempts.succeeded("password", form.username.data)
    wanted = safe_next(form.next.data)
    if totp.is_on(admin):
        session.clear()
        session[SECOND_STEP] = {
            "id": admin.id,
            "of": _mark(admin),
            "until": int(time()) + SECOND_STEP_LIVES,
            "next": wanted,
        }
        return redirect(url_for("auth.code"), 303)
    return _enter(admin, "password", wanted)


@blueprint.route("/sign-in/code", methods=["GET", "POST"])
@limiter.limit(ATTEMPTS, methods=["POST"])
def code() -> Answer:
    """Ask for the second factor of who has just given the right password."""
    admin, wanted = _half_signed_in()
    if admin is None:
        session.pop(SECOND_STEP, None)
        flash("Sign in again: the password is asked for anew after five minutes.", "info")
        return redirect(url_for("auth.sign_in"), 303)
    form = CodeForm()
    if not form.validate_on_submit():
        return render_template("auth/code.html", form=form), 422 if form.is_submitted() else 200
    if not attempts.begin("code", admin.username):
        return render_template("auth/code.html", form=form, refused=attempts.WORDS), 429
    factor = totp.check(admin, form.code.data, address=request.remote_addr)
    if factor is None:
        sessions.note_failure(admin.username, "right password, wrong code", address=request.remote_addr)
        form.code.errors = [totp.WRONG_CODE]
        return render_template("auth/code.html", form=form), 422
    attempts.succeeded("code", admin.username)
    answer = _enter(admin, f"password and {factor.value}", wanted)
    if factor is totp.Factor.RECOVERY_CODE:
        left = totp.codes_left(admin)
        flash(f"That recovery code is used up; {count(left, 'code')} left. Your account makes new ones.", "warn")
    return answer


@blueprint.post("/sign-out")
@login_required
def sign_out() -> Response:
    end_session()
    flash("You are signed out.", "info")
    return redirect(url_for("auth.sign_in"), 303)


def _sign_in_page(form: SignInForm, code: int, refused: str | None = None) -> Answer:
    return render_template("auth/sign_in.html", form=form, refused=refused), code


def _enter(admin: Admin, how: str, wanted: str | None) -> Response:
    try:
        begin_session(admin, how)
    except Conflict as error:
        flash(str(error), "error")
        return redirect(url_for("auth.sign_in"), 303)
    return redirect(wanted or url_for("auth.home"), 303)


def _half_signed_in() -> tuple[Admin | None, str | None]:
    """Return who has given the password a moment ago, and which page was wanted."""
    kept = session.get(SECOND_STEP)
    if not kept or kept["until"] < time():
        return None, None
    admin = admins.by_id(kept["id"])
    if admin is None or not totp.is_on(admin) or _mark(admin) != kept["of"]:
        return None, None
    return admin, safe_next(kept["next"])


def _mark(admin: Admin) -> str:
    """Name the password that was given, so that another one makes it count no more; the cookie can be read."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hashlib.blake2b(admin.password_hash.encode(), key=secret[:64], digest_size=16).hexdigest()
