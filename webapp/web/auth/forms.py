"""The forms of set-up and sign-in."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import EqualTo, InputRequired, Length

PASSWORD_MIN_LENGTH = 12


def new_password(label: str, hint: str) -> PasswordField:
    """A password that is chosen now."""
    return PasswordField(
        label,
        description=f"At least {PASSWORD_MIN_LENGTH} characters. {hint}",
        validators=[
            InputRequired("Choose a password."),
            Length(min=PASSWORD_MIN_LENGTH, message=f"At least {PASSWORD_MIN_LENGTH} characters."),
            Length(max=1000, message="At most 1,000 characters."),
        ],
        render_kw={"autocomplete": "new-password"},
    )


def repeated_password(label: str) -> PasswordField:
    """The same once more, against slips of the fingers."""
    return PasswordField(
        label,
        validators=[EqualTo("password", "The two passwords are not the same.")],
        render_kw={"autocomplete": "new-password"},
    )


class SetupForm(FlaskForm):
    username = StringField(
        "Username",
        validators=[
            InputRequired("Choose a name to sign in with."),
            Length(max=100, message="At most 100 characters."),
        ],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = new_password("Password", "A few words in a row are easier to keep than signs.")
    repeated = repeated_password("Password, repeated")


class JoinForm(FlaskForm):
    """A click by who is signed in."""


class CodeForm(FlaskForm):
    code = StringField(
        "Code",
        description="Six digits from your app. Without it, one of your recovery codes.",
        validators=[InputRequired("Enter a code."), Length(max=40, message="That is too long for a code.")],
        render_kw={
            "autocomplete": "one-time-code",
            "inputmode": "text",
            "autocapitalize": "none",
            "spellcheck": "false",
            "class": "mono",
        },
    )


class SignInForm(FlaskForm):
    username = StringField(
        "Username",
        validators=[InputRequired("Enter your username."), Length(max=100)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        "Password",
        validators=[InputRequired("Enter your password."), Length(max=1000)],
        render_kw={"autocomplete": "current-password"},
    )
    next = HiddenField()
