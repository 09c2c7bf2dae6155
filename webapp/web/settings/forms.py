"""The forms of a workspace's settings."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField, SelectChoice, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from ...core.ruleset import Switches
from ...inspector.capture import Mode

_TEXTS = {
    "enabled": (
        "Realtime is on",
        "Off, everything is denied on every channel, for connected clients too.",
    ),
    "strict_anonymous": (
        "Strict anonymous",
        "Only the box *Anonymous clients* lets anonymous clients in. Otherwise open public messaging "
        "and authenticated messaging do so as well.",
    ),
    "refuse_bad_tokens": (
        "Refuse bad tokens",
        "A client with a token that is not accepted is closed with 4401. "
        "Otherwise it stays, anonymous, and is told why.",
    ),
    "access_manager": (
        "Access Manager",
        "Every operation needs a grant in the client's token besides the rule's permission.",
    ),
    "open_operations": (
        "Open operations",
        "Anonymous clients may change metadata and memberships and delete messages, "
        "as on PubNub without Access Manager.",
    ),
}


class SwitchesForm(FlaskForm):
    """The switches that belong to the rule set. ``seen`` names those that were on when the page was made."""

    seen = HiddenField()

    def fill(self, switches: Switches) -> None:
        """Show switches as they are."""
        for name in _TEXTS:
            self[name].data = getattr(switches, name)
        self.seen.data = " ".join(name for name in _TEXTS if getattr(switches, name))

    def on(self, now: Switches) -> Switches:
        """Put what was switched on this page on top of what others may have switched meanwhile."""
        seen = set((self.seen.data or "").split())
        switched = {name: self[name].data for name in _TEXTS if self[name].data != (name in seen)}
        return Switches(**{name: switched.get(name, getattr(now, name)) for name in _TEXTS})

    @property
    def boxes(self) -> list[BooleanField]:
        return [self[name] for name in _TEXTS]


for _name, (_label, _help) in _TEXTS.items():
    setattr(SwitchesForm, _name, BooleanField(_label, description=_help))


class WorkspaceForm(FlaskForm):
    name = StringField(
        "Name",
        validators=[InputRequired("Give it a name."), Length(max=100, message="At most 100 characters.")],
        render_kw={"autocomplete": "off"},
    )
    allowed_origins = TextAreaField(
        "Origins whose pages may connect",
        description="One a line, such as `https://app.example.com`. Empty: pages of any origin, for only tokens count.",
        render_kw={"rows": "4", "spellcheck": "false"},
    )

    @property
    def origins(self) -> list[str]:
        return [line.strip() for line in (self.allowed_origins.data or "").splitlines() if line.strip()]


class CaptureForm(FlaskForm):
    """What the inspector captures while payloads are not, and what of payloads nobody is shown."""

    base = RadioField(
        "While payloads are not captured",
        choices=[
            SelectChoice(Mode.METADATA.value, "metadata: who did what, where, and what was decided"),
            SelectChoice(Mode.OFF.value, "nothing but refusals"),
        ],
        validators=[InputRequired("Choose what is captured.")],
    )
    redacted = TextAreaField(
        "Fields that are redacted",
        description="One name a line, such as `password`, in any case. Nobody is shown their values, at any depth.",
        render_kw={"rows": "5", "spellcheck": "false", "autocapitalize": "none"},
    )

    @property
    def names(self) -> list[str]:
        return [line.strip() for line in (self.redacted.data or "").splitlines() if line.strip()]
