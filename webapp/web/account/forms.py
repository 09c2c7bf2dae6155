"""The forms of one's own account."""

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

from ..auth.forms import PASSWORD_MIN_LENGTH

_CODE = {"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false", "class": "mono"}


def _current_password(label: str = "Your password") -> PasswordField:
    return PasswordField(
        label,
        validators=[InputRequired("Enter your password."), Length(max=1000, message="At most 1,000 characters.")],
        render_kw={"autocomplete": "current-password"},
    )


def _code(description: str) -> StringField:
    return StringField(
        "Code",
        description=description,
        validators=[InputRequired("Enter a code."), Length(max=40, message="That is too long for a code.")],
        render_kw=_CODE,
    )


class PasswordForm(FlaskForm):
    current = _current_password("Present password")
    password = PasswordField(
        "New password",
        description=f"At least {PASSWORD_MIN_LENGTH} characters. All other sessions of yours end.",
        validators=[
            InputRequired("Choose a password."),
            Length(min=PASSWORD_MIN_LENGTH, message=f"At least {PASSWORD_MIN_LENGTH} characters."),
            Length(max=1000, message="At most 1,000 characters."),
        ],
        render_kw={"autocomplete": "new-password"},
    )
    repeated = PasswordField(
        "New password, repeated",
        validators=[EqualTo("password", "The two passwords are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )


class BeginForm(FlaskForm):
    password = _current_password()


class ConfirmForm(FlaskForm):
    code = _code("The six digits that the app shows now.")


class NewCodesForm(FlaskForm):
    code = _code("From your app, or a recovery code.")


class OffForm(FlaskForm):
    password = _current_password()
    code = _code("From your app, or a recovery code.")
