"""The forms with which a draft ends."""

from flask_wtf import FlaskForm
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import HiddenInput

REASON_MOST = 2000


class RevisionForm(FlaskForm):
    """Something that holds only for the state of the draft that was looked at."""

    expected_revision = IntegerField(widget=HiddenInput(), validators=[InputRequired()])


class PublishForm(RevisionForm):
    becomes = IntegerField(widget=HiddenInput(), validators=[InputRequired()])
    """The number that the version was to get, by which a second click is told from somebody else's publication."""
    reason = StringField(
        "Why",
        description="Stands beside the version and in the audit log.",
        validators=[
            InputRequired("Say why, for those who look at the versions later."),
            Length(max=REASON_MOST, message=f"At most {REASON_MOST} characters."),
        ],
        render_kw={"autocomplete": "off", "placeholder": "Guests may read the lobby"},
    )
    override = StringField(
        "Why although tests fail",
        description="Saved tests fail with this draft. Publishing it all the same needs a reason of its own.",
        validators=[Length(max=REASON_MOST, message=f"At most {REASON_MOST} characters.")],
        render_kw={"autocomplete": "off"},
    )
