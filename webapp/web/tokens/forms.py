"""The forms of tokens, signing keys and API keys."""

import re
from enum import StrEnum

from flask_wtf import FlaskForm
from wtforms import (
    HiddenField,
    IntegerField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget, TextInput

from ...core.targets import channel_problem
from ...models.access import Scope
from ...services.key_material import MATERIAL_MOST
from ..forms import JSON_MOST, PLAIN, JsonObject, example

TOKEN_MOST = 16 * 1024

LIFETIMES = ((900, "15 minutes"), (3600, "1 hour"), (86_400, "1 day"), (604_800, "7 days"), (2_592_000, "30 days"))
_LIFETIME = re.compile(r"\s*(\d{1,10})\s*([smhd]?)\s*")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

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
    extras = JsonObject(
        "Extras",
        description="A JSON object that others see beside this client, such as its display name.",
        render_kw=example('{"name": "Ada"}'),
    )
    authorized_channels = StringField(
        "Only on these channels",
        description="Channel names or patterns, with commas between. Empty: wherever the rules allow it.",
        validators=[Length(max=JSON_MOST, message=f"At most {JSON_MOST:,} characters.")],
        render_kw=PLAIN,
    )
    ttl = SelectField(
        "Valid for", coerce=int, choices=[SelectChoice(seconds, words) for seconds, words in LIFETIMES], default=3600
    )
    lifetime = StringField(
        "Or for exactly",
        description="Seconds, or `90m`, `12h`, `45d`. It goes before the choice beside it.",
        validators=[Length(max=40, message="Write for example 90m.")],
        render_kw=PLAIN | {"placeholder": "90m"},
    )
    dbo_id = IntegerField(
        "Table in Xano", validators=[Optional()], widget=TextInput(), render_kw=PLAIN | {"inputmode": "numeric"}
    )
    row_id = IntegerField(
        "Row in Xano", validators=[Optional()], widget=TextInput(), render_kw=PLAIN | {"inputmode": "numeric"}
    )
    grants = JsonObject(
        "Grants",
        description="An access list: the token then allows only what it grants, as far as the rules do.",
        render_kw=example('{"resources": {"channels": {"chat/lobby": ["read", "write"]}}}', 3),
    )
    claims = JsonObject(
        "Further claims",
        description="A JSON object with claims of your own, which Tidegate does not read.",
        render_kw=example('{"iss": "my-backend"}'),
    )

    def validate_dbo_id(self, field: IntegerField) -> None:
        _check_whole(field)

    def validate_row_id(self, field: IntegerField) -> None:
        _check_whole(field)

    def validate_lifetime(self, field: StringField) -> None:
        if (field.data or "").strip() and _LIFETIME.fullmatch(field.data) is None:
            raise ValidationError("Expected a number of seconds, or one with `m`, `h` or `d`, such as 90m.")

    @property
    def seconds(self) -> int:
        written = _LIFETIME.fullmatch(self.lifetime.data or "")
        if written is not None:
            return int(written[1]) * _UNITS[written[2]]
        chosen: int = self.ttl.data
        return chosen

    @property
    def channels(self) -> list[str] | None:
        return [c.strip() for c in (self.authorized_channels.data or "").split(",") if c.strip()] or None

    @property
    def has_more(self) -> bool:
        """Whether one of the fields is used, or wrong, that stand folded."""
        return any(f.data not in (None, "") or f.errors for f in (self.dbo_id, self.row_id, self.grants, self.claims))


class InspectForm(FlaskForm):
    token = TextAreaField(
        "Token",
        validators=[
            InputRequired("Paste a token here."),
            Length(max=TOKEN_MOST, message=f"At most {TOKEN_MOST:,} characters; no token is longer."),
        ],
        render_kw={"rows": "3", "spellcheck": "false", "autocomplete": "off"},
    )
    channel = StringField(
        "What may it do on channel",
        description="Empty: only what is in it.",
        validators=[Length(max=2000, message="A channel name has at most 255 characters.")],
        render_kw=PLAIN | {"placeholder": "chat/lobby"},
    )

    def validate_channel(self, field: StringField) -> None:
        problem = channel_problem(field.data) if field.data else None
        if problem:
            raise ValidationError(problem)


class RevokeForm(FlaskForm):
    """Names a token by its id, or by itself."""

    jti = StringField("Id of the token", render_kw=PLAIN)
    token = HiddenField()
    reason = StringField(
        "Why", validators=[Length(max=200, message="At most 200 characters.")], render_kw={"autocomplete": "off"}
    )


class KeySource(StrEnum):
    """Where a new signing key comes from."""

    RANDOM = "random"
    SECRET = "secret"
    PUBLIC_KEY = "public_key"
    JWKS = "jwks"
    URL = "url"


class SigningKeyForm(FlaskForm):
    source = SelectField(
        "What",
        choices=[
            SelectChoice(KeySource.RANDOM.value, "A new random secret (HS256)"),
            SelectChoice(KeySource.SECRET.value, "A secret of your own (HS256)"),
            SelectChoice(KeySource.PUBLIC_KEY.value, "A public key or certificate in PEM"),
            SelectChoice(KeySource.JWKS.value, "A set of public keys (JWKS)"),
            SelectChoice(KeySource.URL.value, "The address of a set of public keys"),
        ],
        default=KeySource.RANDOM.value,
    )
    material = TextAreaField(
        "Key",
        description="The secret, the PEM text, the JSON of the set, or its address. "
        "Empty for a new random secret, which the next page shows.",
        validators=[Length(max=MATERIAL_MOST, message="This is larger than a key can be.")],
        render_kw={"rows": "4", "spellcheck": "false", "autocomplete": "off"},
    )
    kid = StringField(
        "Name (kid)",
        description="What tokens name in their header. Empty: a random one.",
        validators=[Length(max=100, message="At most 100 characters.")],
        render_kw=PLAIN,
    )

    def validate_material(self, field: TextAreaField) -> None:
        is_given = bool((field.data or "").strip())
        if self.source.data == KeySource.RANDOM and is_given:
            raise ValidationError("A random secret is made here. Choose above what this is.")
        if self.source.data != KeySource.RANDOM and not is_given:
            raise ValidationError("Paste it here.")


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


def _check_whole(field: IntegerField) -> None:
    # Beyond this JavaScript, which reads them in the browser, no longer tells whole numbers apart.
    if field.data is not None and not 0 <= field.data < 2**53:
        raise ValidationError("Expected a whole number from 0.")
