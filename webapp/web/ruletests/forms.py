"""The form of a saved test."""

import json
from typing import Any

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import ValidationError

from ...models import RuleTest
from ...services import ruletests
from ...services.decisions import OPERATIONS
from ...services.errors import InvalidInput
from ...services.ruletests import NAME_MOST, Spec

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
ANONYMOUS, CLAIMS = "anonymous", "claims"
MAY, MAY_NOT = "1", "0"


class RuleTestForm(FlaskForm):
    """Who may, or may not, do what, and where."""

    who = RadioField(
        "Who", choices=[SelectChoice(ANONYMOUS, "An anonymous client"), SelectChoice(CLAIMS, "A client with a token")]
    )
    identity = TextAreaField(
        "What the token says",
        description="The claims as a JSON object: `sub`, `extras`, `authorized_channels`, `grants`. "
        "An empty object is a token that says nothing.",
        render_kw={"rows": "6", "spellcheck": "false", "placeholder": '{"sub": "bob", "extras": {"role": "guest"}}'},
    )
    allowed = RadioField("Expected", choices=[SelectChoice(MAY, "may"), SelectChoice(MAY_NOT, "may not")])
    operation = SelectField(
        "Operation",
        choices=[SelectChoice(operation, operation.replace("_", " ")) for operation in OPERATIONS],
        description="`send` is a message as a client sends it: the rules say which kind it is.",
    )
    channel = StringField("Channel", render_kw=PLAIN | {"maxlength": "400", "placeholder": "moderated-chat/x"})
    name = StringField(
        "Name", description="Left empty, the test is named for what it holds.", render_kw={"maxlength": NAME_MOST}
    )

    def prefill(self, arguments: Any) -> None:
        """Take from an address what it says of a test: ``channel``, ``operation``, ``identity``, ``allowed``."""
        identity = arguments.get("identity", "")
        self.who.data = ANONYMOUS if identity in ("", "null", ANONYMOUS) else CLAIMS
        self.identity.data = "" if self.who.data == ANONYMOUS else _pretty(identity)
        self.channel.data = arguments.get("channel", "")
        operation = arguments.get("operation", "")
        self.operation.data = operation if operation in OPERATIONS else "join"
        self.allowed.data = MAY_NOT if arguments.get("allowed") in ("0", "false") else MAY
        self.name.data = arguments.get("name", "")[:NAME_MOST]

    def fill(self, test: RuleTest) -> None:
        """Show a test as it is."""
        self.who.data = ANONYMOUS if test.identity is None else CLAIMS
        self.identity.data = "" if test.identity is None else json.dumps(test.identity, indent=2, ensure_ascii=False)
        self.channel.data, self.operation.data = test.channel, test.operation
        self.allowed.data = MAY if test.allowed else MAY_NOT
        self.name.data = test.name

    def spec(self) -> Spec:
        """Make the test of what the form holds.

        Raises:
            InvalidInput: with every field that can't be taken.
        """
        problems: dict[str, str] = {}
        identity: Any = None
        try:
            identity = claims_of(self.identity.data) if self.who.data == CLAIMS else None
        except ValidationError as error:
            problems["identity"] = str(error)
        try:
            spec = ruletests.checked(
                name=self.name.data or "",
                channel=self.channel.data or "",
                operation=self.operation.data,
                identity=identity,
                allowed=self.allowed.data == MAY,
            )
        except InvalidInput as error:
            raise InvalidInput(error.problems | problems) from None
        if problems:
            raise InvalidInput(problems)
        return spec


def claims_of(text: str | None) -> dict[str, Any]:
    """Read claims as somebody types them.

    Raises:
        ValidationError: no JSON object.
    """
    if not (text or "").strip():
        return {}
    try:
        claims = json.loads(text or "")
    except json.JSONDecodeError as error:
        raise ValidationError(f"This is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except (RecursionError, ValueError):
        raise ValidationError("This can't be read.") from None
    if not isinstance(claims, dict):
        raise ValidationError("Expected a JSON object, such as `{}`.")
    return claims


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
