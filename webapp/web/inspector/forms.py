"""The forms of acting on live traffic."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length

DURATIONS = {15 * 60: "15 minutes", 3600: "1 hour", 24 * 3600: "1 day", 7 * 24 * 3600: "7 days"}
"""For how long somebody can be blocked, in seconds and in words."""
CAPTURES = {5 * 60: "5 minutes", 15 * 60: "15 minutes", 3600: "1 hour", 8 * 3600: "8 hours", 24 * 3600: "24 hours"}
"""For how long payloads can be captured."""


class BlockForm(FlaskForm):
    """Block a user or an address. A client that is connected is blocked with one of these too."""

    subject = SelectField(
        "Whom",
        choices=[SelectChoice("user", "A user id"), SelectChoice("address", "A network address")],
        default="user",
        validators=[InputRequired("Choose whom.")],
    )
    value = StringField(
        "User id or address",
        validators=[InputRequired("Name a user or an address."), Length(max=2000, message="At most 2,000 characters.")],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    seconds = SelectField(
        "For how long",
        coerce=int,
        choices=[SelectChoice(seconds, words) for seconds, words in DURATIONS.items()],
        default=3600,
    )
    reason = StringField(
        "Why",
        validators=[Length(max=2000, message="At most 2,000 characters.")],
        render_kw={"autocomplete": "off", "placeholder": "For the list and the audit log"},
    )


class TakeOutForm(FlaskForm):
    channel = HiddenField(validators=[InputRequired("Name the channel.")])


class CaptureForm(FlaskForm):
    seconds = SelectField(
        "For how long",
        coerce=int,
        choices=[SelectChoice(seconds, words) for seconds, words in CAPTURES.items()],
        default=15 * 60,
    )
