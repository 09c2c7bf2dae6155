"""The form that asks about somebody. What is pasted travels in the body of a request alone, never in an address."""

from enum import StrEnum

from flask_wtf import FlaskForm
from wtforms import IntegerField, SearchField, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import Length, Optional, ValidationError

from ...core.targets import channel_problem
from ...services.identities import CLAIMS_MOST

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class Who(StrEnum):
    """Whom one can ask about."""

    ANONYMOUS = "anonymous"
    USER = "user"
    CLIENT = "client"
    TOKEN = "token"


class RulesAsked(StrEnum):
    """Which rules answer."""

    ACTIVE = "active"
    DRAFT = "draft"


class ExplainForm(FlaskForm):
    who = SelectField("Whom", choices=[who.value for who in Who], default=Who.ANONYMOUS.value)
    user = StringField(
        "User id",
        description="What a token names as `sub`. Answers as for a token that narrows nothing.",
        validators=[Length(max=255, message="At most 255 characters.")],
        render_kw=PLAIN | {"placeholder": "42"},
    )
    client = StringField("Client", validators=[Length(max=64, message="There is no such client.")])
    identity = TextAreaField(
        "Token or claims",
        description="A realtime token, or what one would say as a JSON object. It is neither kept nor logged.",
        validators=[Length(max=CLAIMS_MOST, message=f"At most {CLAIMS_MOST:,} characters.")],
        render_kw={
            "rows": "5",
            "autocomplete": "off",
            "spellcheck": "false",
            "placeholder": '{"sub": "42", "authorized_channels": ["chat/*"]}',
        },
    )
    channel = SearchField(
        "On channel",
        validators=[Length(max=2000, message="A channel name has at most 255 characters.")],
        render_kw=PLAIN | {"placeholder": "Any channel name, such as chat/lobby", "data-search": ""},
    )
    on = StringField("On", validators=[Length(max=2000)])
    """The same, from a button beside a channel."""
    rules = SelectField(
        "Answered by",
        choices=[
            SelectChoice(RulesAsked.ACTIVE.value, "the rules in force"),
            SelectChoice(RulesAsked.DRAFT.value, "the draft"),
        ],
        default=RulesAsked.ACTIVE.value,
    )
    page = IntegerField("Page", validators=[Optional()], default=1)

    def validate_channel(self, field: SearchField) -> None:
        problem = channel_problem(field.data) if field.data else None
        if problem:
            raise ValidationError(problem)

    @property
    def asks(self) -> Who:
        return Who(self.who.data) if self.who.data in list(Who) else Who.ANONYMOUS

    @property
    def page_number(self) -> int:
        return min(max(self.page.data or 1, 1), 10_000)
