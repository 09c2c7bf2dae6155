"""The forms of one's own account."""

from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from ..auth.forms import new_password, repeated_password

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
    password = new_password("New password", "All other sessions of yours end.")
    repeated = repeated_password("New password, repeated")


class BeginForm(FlaskForm):
    password = _current_password()


class ConfirmForm(FlaskForm):
    code = _code("The six digits that the app shows now.")


class NewCodesForm(FlaskForm):
    code = _code("From your app, or a recovery code.")


class OffForm(FlaskForm):
    password = _current_password()
    code = _code("From your app, or a recovery code.")
