"""The pages of one's own account."""

from collections.abc import Callable

import segno
from flask import Blueprint, flash, g, render_template, request, session, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from ...extensions import limiter, login_manager
from ...services import admins, sessions, totp, vault
from ...services.errors import Conflict, InvalidInput, NotFound
from ..access import WORKSPACE, authorship, begin_session, end_session, signed_in, this_session
from ..auth import attempts
from ..auth.views import ATTEMPTS
from ..forms import show_problems
from ..htmx import go_to
from ..wording import count
from .browsers import browser_in_words
from .forms import BeginForm, ConfirmForm, NewCodesForm, OffForm, PasswordForm

blueprint = Blueprint("account", __name__, url_prefix="/account")
blueprint.add_app_template_filter(browser_in_words)

MADE_CODES = "made_codes"
"""Where a session keeps new recovery codes until the next page has shown them."""

Answer = str | Response | tuple[str, int]


@blueprint.before_request
def enter() -> Response | None:
    """Let in who is signed in, and show the navigation of the workspace that was looked at last."""
    if not current_user.is_authenticated:
        response: Response = login_manager.unauthorized()
        return response
    entered = admins.workspaces_of(signed_in())
    for workspace, role in sorted(entered, key=lambda held: held[0].canonical != session.get(WORKSPACE)):
        g.workspace, g.canonical, g.role = workspace, workspace.canonical, role
        break
    return None


@blueprint.get("")
def page() -> Answer:
    return _page()


@blueprint.post("/sessions/<int:session_id>/end")
def end_one(session_id: int) -> Answer:
    """End one of one's own sessions; this one too, which is signing out."""
    if session_id == this_session().session_id:
        end_session()
        flash("You are signed out.", "info")
        return go_to(url_for("auth.sign_in"))
    try:
        sessions.end(signed_in(), session_id, **authorship())
        flash("That session has ended. Its browser is signed out with its next request.", "ok")
    except NotFound as error:
        flash(error.problems["session"], "error")
    return go_to(url_for("account.page"))


@blueprint.post("/sessions/end-others")
def end_others() -> Answer:
    """End all of one's own sessions but this one."""
    ended = sessions.end_all(signed_in(), but=this_session().session_id, **authorship())
    flash(f"{count(ended, 'other session')} ended." if ended else "There was no other session.", "ok")
    return go_to(url_for("account.page"))


@blueprint.post("/password")
@limiter.limit(ATTEMPTS)
def password() -> Answer:
    """Set another password; every other session ends, this browser gets a new one."""
    form = PasswordForm()
    if not form.validate_on_submit():
        return _page(password_form=form), 422

    def change() -> None:
        changed = admins.change_password(
            signed_in(), form.current.data, form.password.data, address=request.remote_addr
        )
        begin_session(changed, "new password")

    refused = _tried(form, change)
    if refused is not None:
        return _page(password_form=form, refused=refused.words), refused.code
    flash("Your password is changed. All your other sessions have ended.", "ok")
    return go_to(url_for("account.page"))


@blueprint.get("/two-step")
def two_step() -> Answer:
    encrypted = session.pop(MADE_CODES, "")
    return _two_step_page(codes=vault.decrypt(encrypted).split() if encrypted else None)


@blueprint.post("/two-step/begin")
@limiter.limit(ATTEMPTS)
def begin() -> Answer:
    """Make a secret for an app; the page shown next has it as a QR code."""
    form = BeginForm()
    return _change(form, "begin_form", lambda: totp.begin(signed_in(), form.password.data))


@blueprint.post("/two-step/confirm")
@limiter.limit(ATTEMPTS)
def confirm() -> Answer:
    """Switch it on with a first code; the page shown next has the recovery codes."""
    form = ConfirmForm()

    def switch_on() -> None:
        _keep(totp.confirm(signed_in(), form.code.data, address=request.remote_addr))
        flash("Two-step sign-in is on.", "ok")

    return _change(form, "confirm_form", switch_on)


@blueprint.post("/two-step/codes")
@limiter.limit(ATTEMPTS)
def new_codes() -> Answer:
    """Replace the recovery codes."""
    form = NewCodesForm()
    return _change(
        form, "codes_form", lambda: _keep(totp.renew_codes(signed_in(), form.code.data, address=request.remote_addr))
    )


@blueprint.post("/two-step/off")
@limiter.limit(ATTEMPTS)
def off() -> Answer:
    """Switch it off."""
    form = OffForm()

    def switch_off() -> None:
        totp.disable(signed_in(), form.password.data, form.code.data, address=request.remote_addr)
        flash("Two-step sign-in is off.", "ok")

    return _change(form, "off_form", switch_off)


class _Refused:
    """Why something was not done, in words that stand beside no field, and the answer's code."""

    def __init__(self, code: int, words: str | None = None) -> None:
        self.code = code
        self.words = words


def _tried(form: FlaskForm, change: Callable[[], None]) -> _Refused | None:
    """Do what needs a password or a code, unless too many wrong ones were given; None if it is done."""
    # Read before: what is done may begin another session.
    name = signed_in().username
    if not attempts.begin("account", name):
        return _Refused(429, attempts.WORDS)
    try:
        change()
    except InvalidInput as error:
        left = show_problems(form, error)
        return _Refused(422, " ".join(left) or None)
    except Conflict as error:
        return _Refused(409, str(error))
    attempts.succeeded("account", name)
    return None


def _change(form: FlaskForm, name: str, change: Callable[[], None]) -> Answer:
    """Do one of the steps of the two-step page with a form."""
    if not form.validate_on_submit():
        return _two_step_page(**{name: form}), 422
    refused = _tried(form, change)
    if refused is not None:
        return _two_step_page(**{name: form}, refused=refused.words), refused.code
    return go_to(url_for("account.two_step"))


def _keep(codes: tuple[str, ...]) -> None:
    # Encrypted, since a session is a cookie that whoever holds the browser can read.
    session[MADE_CODES] = vault.encrypt(" ".join(codes))


def _page(password_form: PasswordForm | None = None, refused: str | None = None) -> str:
    admin = signed_in()
    return render_template(
        "account/page.html",
        password_form=password_form or PasswordForm(formdata=None),
        refused=refused,
        sessions=sessions.of(admin),
        this=this_session().session_id,
        entered=admins.workspaces_of(admin),
        two_step_on=totp.is_on(admin),
        codes_left=totp.codes_left(admin),
    )


def _two_step_page(**shown: object) -> str:
    # As it is now: the request may just have changed it.
    admin = admins.by_id(signed_in().id) or signed_in()
    enrolment = totp.enrolment(admin)
    forms = {
        "begin_form": BeginForm(formdata=None),
        "confirm_form": ConfirmForm(formdata=None),
        "codes_form": NewCodesForm(formdata=None),
        "off_form": OffForm(formdata=None),
        "codes": None,
        "refused": None,
    }
    qr = segno.make(enrolment.uri, error="m").svg_data_uri(scale=5, border=4, light="#fff") if enrolment else None
    return render_template(
        "account/two_step.html",
        on=totp.is_on(admin),
        enrolment=enrolment,
        qr=qr,
        codes_left=totp.codes_left(admin),
        **{**forms, **shown},
    )
