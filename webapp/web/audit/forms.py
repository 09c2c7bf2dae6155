"""The filter of the audit log, which lives in the address."""

from datetime import UTC, date, datetime, time, timedelta

from flask import request
from wtforms import DateField, Form, SelectChoice, SelectField, StringField
from wtforms.validators import Length, Optional, ValidationError

from ...models import Action, Source
from ...services.audit import Filter
from ..wording import SOURCES
from .telling import in_short

ACTIONS: dict[str, str] = {action.value: in_short(action) for action in Action}
PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
LAST_YEAR = 9998
"""The last one whose days all have a day after them."""


class DayField(DateField):
    """A day; what is none is told but not shown again, for browsers show days alone."""

    def _value(self) -> str:
        return self.data.isoformat() if self.data is not None else ""


class FilterForm(Form):
    action = SelectField(
        "What",
        choices=[SelectChoice("", "everything"), *(SelectChoice(value, words) for value, words in ACTIONS.items())],
        default="",
    )
    actor = StringField("Who", validators=[Length(max=200, message="At most 200 characters.")], render_kw=PLAIN)
    source = SelectField(
        "From",
        choices=[SelectChoice("", "anywhere"), *(SelectChoice(s.value, words) for s, words in SOURCES.items())],
        default="",
    )
    since = DayField("Since", validators=[Optional()])
    until = DayField("Until", validators=[Optional()])
    text = StringField(
        "Holds",
        validators=[Length(max=200, message="At most 200 characters.")],
        render_kw={**PLAIN, "placeholder": "a rule, a name, a reason"},
    )

    def validate_since(self, field: DateField) -> None:
        if field.data is not None and field.data.year > LAST_YEAR:
            raise ValidationError("That is too far in the future.")

    validate_until = validate_since

    @property
    def wanted(self) -> Filter:
        """What is looked for; only for a form that is valid."""
        return Filter(
            action=Action(self.action.data) if self.action.data else None,
            actor=(self.actor.data or "").strip(),
            source=Source(self.source.data) if self.source.data else None,
            since=_midnight(self.since.data) if self.since.data else None,
            until=_midnight(self.until.data + timedelta(days=1)) if self.until.data else None,
            text=(self.text.data or "").strip(),
        )


def filter_of_address() -> FilterForm:
    """Return the filter that the address holds."""
    return FilterForm(request.args)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
