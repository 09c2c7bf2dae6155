"""The form of a new workspace."""

from flask_wtf import FlaskForm
from wtforms import StringField
from wtforms.validators import InputRequired, Length


class NewWorkspaceForm(FlaskForm):
    name = StringField(
        "Name",
        description="What people call it. It can be changed.",
        validators=[InputRequired("Give it a name."), Length(max=100, message="At most 100 characters.")],
        render_kw={"autocomplete": "off"},
    )
    canonical = StringField(
        "Connection canonical",
        description="The last part of the address that clients connect to: letters, digits, `-` and `_`. "
        "It never changes.",
        validators=[InputRequired("Choose one."), Length(max=64, message="At most 64 characters.")],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "placeholder": "staging"},
    )
