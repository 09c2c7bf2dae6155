"""The forms of tokens and API keys."""

import json
from typing import Any

from flask_wtf import FlaskForm
from wtforms import SelectChoice, SelectField, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from ...models.access import Scope

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}

LIFETIMES = ((900, "15 minutes"), (3600, "1 hour"), (86_400, "1 day"), (604_800, "7 days"), (2_592_000, "30 days"))

SCOPES = {
    Scope.PUBLISH: "publish: send events to channels",
    Scope.READ: "read: see channels, members and history",
    Scope.TOKENS: "tokens: mint and revoke realtime tokens",
    Scope.RULES: "rules: read and publish rule sets",
}


class MintForm(FlaskForm):
    sub = StringField(
        "User id",
        description="Who the client is (`sub`). Empty: authenticated without a name.",
        validators=[Length(max=255, message="At most 255 characters.")],
        render_kw=PLAIN,
    )
    extras = TextAreaField(
        "Extras",
        description="A JSON object that others see beside this client, such as its display name.",
        render_kw={"rows": "3", "spellcheck": "false", "placeholder": '{"name": "Ada"}'},
    )
    authorized_channels = StringField(
        "Only on these channels",
        description="Channel names or patterns, with commas between. Empty: wherever the rules allow it.",
        render_kw=PLAIN,
    )
    ttl = SelectField(
        "Valid for", coerce=int, choices=[SelectChoice(seconds, words) for seconds, words in LIFETIMES], default=3600
    )

    extras_object: dict[str, Any] | None = None

    def validate_extras(self, field: TextAreaField) -> None:
        if not (field.data or "").strip():
            return
        try:
            value = json.loads(field.data)
        except (json.JSONDecodeError, RecursionError):
            raise ValidationError('This is not JSON; write for example {"name": "Ada"}.') from None
        if not isinstance(value, dict):
            raise ValidationError('Expected an object, such as {"name": "Ada"}.')
        self.extras_object = value

    @property
    def channels(self) -> list[str] | None:
        return [c.strip() for c in (self.authorized_channels.data or "").split(",") if c.strip()] or None


class InspectForm(FlaskForm):
    token = TextAreaField(
        "Token",
        validators=[InputRequired("Paste a token here.")],
        render_kw={"rows": "3", "spellcheck": "false", "autocomplete": "off"},
    )


class ApiKeyForm(FlaskForm):
    name = StringField(
        "Name",
        description="What the key is for, such as the name of a backend.",
        validators=[InputRequired("Give it a name."), Length(max=100, message="At most 100 characters.")],
        render_kw={"autocomplete": "off"},
    )
    scopes = SelectMultipleField(
        "May do",
        choices=[SelectChoice(scope.value, text) for scope, text in SCOPES.items()],
        default=[Scope.PUBLISH.value],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[InputRequired("Tick at least one.")],
    )
