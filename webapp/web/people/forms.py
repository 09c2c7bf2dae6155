"""The forms of people: a role, an invitation."""

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length

from ...models import RoleName

ROLES = {
    RoleName.VIEWER: "sees everything, changes nothing",
    RoleName.DEVELOPER: "also looks into messages, uses test clients, sends test events",
    RoleName.EDITOR: "also changes rules and triggers, makes tokens and API keys",
    RoleName.OWNER: "also decides about people, keys and the settings of the workspace",
}
_CHOICES = [SelectChoice(role.value, role.value) for role in ROLES]


class RoleForm(FlaskForm):
    role = SelectField("Role", choices=_CHOICES, validators=[InputRequired("Choose a role.")])


class InvitationForm(FlaskForm):
    role = RadioField(
        "Role",
        choices=[SelectChoice(role.value, f"{role.value}: {words}") for role, words in ROLES.items()],
        default=RoleName.VIEWER.value,
        validators=[InputRequired("Choose a role.")],
    )
    note = StringField(
        "Note",
        description="For you and the other owners: whom the link is for.",
        validators=[Length(max=200, message="At most 200 characters.")],
        render_kw={"autocomplete": "off"},
    )
