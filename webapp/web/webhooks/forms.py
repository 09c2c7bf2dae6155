"""The form of a webhook."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    IntegerField,
    SelectChoice,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget, TextInput

from ...core.webhooks import THRESHOLD_MOST, THRESHOLDS, AlertKind, WebhookEvent
from ...models import Webhook
from ...services.webhooks import Spec
from ...triggers.webhooks import URL_MOST
from ..forms import PLAIN

TEXT_MOST = 32 * 1024
LABELS = {
    AlertKind.DENIALS: "Denials a minute",
    AlertKind.TOKENS: "Refused tokens a minute",
    AlertKind.RATE_LIMITED: "Refusals by the rate limit a minute",
    AlertKind.CONNECTIONS: "Connections",
    AlertKind.SLOW_CLIENTS: "Slow clients closed a minute",
}


def _threshold(kind: AlertKind) -> IntegerField:
    return IntegerField(
        LABELS[kind],
        validators=[
            Optional(),
            NumberRange(0, THRESHOLD_MOST, message=f"Expected a whole number from 0 to {THRESHOLD_MOST:,}."),
        ],
        widget=TextInput(),
        render_kw=PLAIN | {"inputmode": "numeric", "placeholder": "not watched"},
    )


class WebhookForm(FlaskForm):
    name = StringField(
        "Name",
        description="What it is for, such as the name of a workflow.",
        validators=[InputRequired("Give it a name."), Length(max=100, message="At most 100 characters.")],
        render_kw={"autocomplete": "off"},
    )
    url = StringField(
        "Address",
        description="Where to post.",
        validators=[
            InputRequired("Say where to post."),
            Length(max=URL_MOST, message=f"At most {URL_MOST:,} characters."),
        ],
        render_kw=PLAIN | {"placeholder": "https://hooks.example.com/tidegate", "inputmode": "url"},
    )
    events = SelectMultipleField(
        "Tell it of",
        choices=[SelectChoice(event.value, f"{event.value}: {event.sentence}") for event in WebhookEvent],
        default=[WebhookEvent.MESSAGE.value],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    channels = TextAreaField(
        "Only of these channels",
        description="Names or patterns such as `chat/*`, one a line. Empty: all channels.",
        validators=[Length(max=TEXT_MOST, message=f"At most {TEXT_MOST:,} characters.")],
        render_kw=PLAIN | {"rows": "3", "placeholder": "chat/*"},
    )
    condition = TextAreaField(
        "Only if",
        description="A JavaScript expression over `event`; empty: always. It is looked at before the first attempt.",
        validators=[Length(max=4000, message="At most 4,000 characters.")],
        render_kw=PLAIN | {"rows": "2", "placeholder": "event.action === 'message' && event.payload.urgent"},
    )
    denials = _threshold(AlertKind.DENIALS)
    tokens = _threshold(AlertKind.TOKENS)
    rate_limited = _threshold(AlertKind.RATE_LIMITED)
    connections = _threshold(AlertKind.CONNECTIONS)
    slow_clients = _threshold(AlertKind.SLOW_CLIENTS)
    unusual = BooleanField(
        "Far from usual",
        description="When the last minute is more than four times the mean of the last hour's, and more than 20.",
    )
    database = BooleanField("The database", description="When it can't be reached, and when it is back.")

    @property
    def thresholds(self) -> list[IntegerField]:
        return [self[kind.value] for kind in THRESHOLDS]

    def fill(self, row: Webhook) -> None:
        """Show a webhook as it is."""
        self.name.data, self.url.data, self.events.data = row.name, row.url, list(row.events)
        self.channels.data, self.condition.data = "\n".join(row.channels), row.condition
        for field in (*self.thresholds, self.unusual, self.database):
            field.data = row.alerts.get(field.name)

    def spec(self) -> Spec:
        """What the form holds, to be checked by the service."""
        alerts: dict[str, Any] = {f.name: f.data for f in self.thresholds if f.data is not None}
        alerts |= {f.name: True for f in (self.unusual, self.database) if f.data}
        lines = (line.strip() for line in (self.channels.data or "").splitlines())
        return Spec(
            name=self.name.data or "",
            url=self.url.data or "",
            events=tuple(self.events.data or ()),
            channels=tuple(line for line in lines if line),
            condition=self.condition.data or "",
            alerts=alerts,
        )
