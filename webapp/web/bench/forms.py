"""The forms of the test bench: who a test client is, and what is sent or only traced."""

from enum import StrEnum
from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import Length, ValidationError

from ...core.targets import CHANNEL_MAX_LENGTH
from ...services.identities import CLAIMS_MOST
from ..forms import PLAIN, JsonObject, example

SOCKET_ID_MOST = 64
PAYLOAD = '{"hello": "world"}'


class Who(StrEnum):
    """Who a test client can be."""

    ANONYMOUS = "anonymous"
    USER = "user"
    CLAIMS = "claims"


class TokenForm(FlaskForm):
    """Who a new test client is to be; a script fills it in."""

    who = SelectField("Who", choices=[who.value for who in Who])
    user = StringField("User id", validators=[Length(max=255, message="At most 255 characters.")])
    extras = JsonObject("Extras", render_kw=example('{"name": "Ada"}'))
    claims = JsonObject("Claims", render_kw=example('{"sub": "42"}'))

    def validate_user(self, field: StringField) -> None:
        if self.who.data == Who.USER and not (field.data or "").strip():
            raise ValidationError("Write the id of a user, or choose an anonymous client.")

    def validate_claims(self, field: JsonObject) -> None:
        if self.who.data == Who.CLAIMS and field.value is None and not field.errors:
            raise ValidationError('Write the claims as a JSON object, such as {"sub": "42"}.')

    @property
    def wanted(self) -> dict[str, Any]:
        """The claims that were asked for."""
        if self.who.data == Who.CLAIMS:
            return self.claims.value or {}
        extras = {"extras": self.extras.value} if self.extras.value is not None else {}
        return {"sub": (self.user.data or "").strip()} | extras


class From(StrEnum):
    """Who sends, or would send."""

    SERVER = "server"
    CLIENT = "client"
    ANONYMOUS = "anonymous"
    CLAIMS = "claims"


class Audience(StrEnum):
    """For whom a client's message is."""

    PUBLIC = "public"
    AUTHENTICATED = "authenticated"
    PRIVATE = "private"


class SendForm(FlaskForm):
    """What is sent as the server, or only traced, also as a client."""

    channel = HiddenField(validators=[Length(max=CHANNEL_MAX_LENGTH * 8)])
    sender = SelectField(
        "From",
        choices=[
            SelectChoice(From.SERVER.value, "the server"),
            SelectChoice(From.CLIENT.value, "a connected client"),
            SelectChoice(From.ANONYMOUS.value, "somebody anonymous"),
            SelectChoice(From.CLAIMS.value, "somebody with claims"),
        ],
        default=From.SERVER.value,
    )
    event = StringField("Event name", validators=[Length(max=255, message="At most 255 characters.")], render_kw=PLAIN)
    client = StringField(
        "Sender's socketId",
        validators=[Length(max=SOCKET_ID_MOST, message="No socketId is that long.")],
        render_kw=PLAIN | {"list": "sockets"},
    )
    claims = TextAreaField(
        "Claims, or a token",
        validators=[Length(max=CLAIMS_MOST, message=f"At most {CLAIMS_MOST:,} characters.")],
        render_kw=example('{"sub": "42", "extras": {"name": "Ada"}}'),
    )
    audience = SelectField(
        "Message",
        choices=[
            SelectChoice(Audience.PUBLIC.value, "public"),
            SelectChoice(Audience.AUTHENTICATED.value, "authenticated"),
            SelectChoice(Audience.PRIVATE.value, "private"),
        ],
        default=Audience.PUBLIC.value,
    )
    to = StringField(
        "To socketId",
        validators=[Length(max=SOCKET_ID_MOST, message="No socketId is that long.")],
        render_kw=PLAIN | {"list": "sockets", "placeholder": "the whole channel"},
    )
    user = StringField(
        "To user",
        validators=[Length(max=255, message="At most 255 characters.")],
        render_kw=PLAIN | {"placeholder": "everybody"},
    )
    payload = TextAreaField("Payload (JSON)", default=PAYLOAD, render_kw=example(PAYLOAD, 3))

    def validate_to(self, field: StringField) -> None:
        if self.is_private and not (field.data or "").strip():
            raise ValidationError("A private message needs the socketId of a member.")

    def validate_user(self, field: StringField) -> None:
        if self.sender.data == From.SERVER and (field.data or "").strip() and (self.to.data or "").strip():
            raise ValidationError("Name either a socketId or a user.")

    @property
    def is_private(self) -> bool:
        return bool(self.sender.data != From.SERVER and self.audience.data == Audience.PRIVATE)
