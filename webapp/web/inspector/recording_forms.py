"""The form that begins a recording."""

from collections.abc import Mapping

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length, NumberRange, ValidationError

from ...core.codes import Code
from ...inspector.filters import Action, Filter, FilterError, Verdict, read_filter
from ...services.recordings import MEBIBYTES_MOST, MEBIBYTES_USUAL, MINUTES_MOST, MINUTES_USUAL

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
EVERYTHING = "All traffic"


def _choices(kind: type[Verdict | Action | Code], none: str) -> list[SelectChoice]:
    return [SelectChoice("", none), *(SelectChoice(one.value, one.value) for one in kind)]


class RecordingForm(FlaskForm):
    """What to record, and where it ends by itself. ``wanted`` is the filter that was read."""

    name = StringField(
        "Name",
        validators=[InputRequired("Give it a name."), Length(max=100, message="At most 100 characters.")],
        render_kw={"autocomplete": "off"},
    )
    channel = StringField(
        "Channel", description="A name, or a pattern such as `chat/*`.", render_kw=PLAIN | {"class": "mono"}
    )
    verdict = SelectField("Verdict", choices=_choices(Verdict, "any"), default="")
    action = SelectField("Action", choices=_choices(Action, "any"), default="")
    user = StringField("User id", render_kw=PLAIN)
    client = StringField("Client", description="A socketId.", render_kw=PLAIN | {"class": "mono"})
    code = SelectField("Code", choices=_choices(Code, "any"), default="")
    text = StringField(
        "Text in the payload", description="Finds captured payloads alone.", render_kw={"autocomplete": "off"}
    )
    minutes = IntegerField(
        "minutes",
        default=MINUTES_USUAL,
        description=f"1 to {MINUTES_MOST:,}",
        validators=[
            InputRequired("Say after how many minutes it ends."),
            NumberRange(1, MINUTES_MOST, f"From 1 to {MINUTES_MOST:,}."),
        ],
        render_kw={"inputmode": "numeric"},
    )
    mebibytes = IntegerField(
        "MiB",
        default=MEBIBYTES_USUAL,
        description=f"1 to {MEBIBYTES_MOST:,}",
        validators=[
            InputRequired("Say at what size it ends."),
            NumberRange(1, MEBIBYTES_MOST, f"From 1 to {MEBIBYTES_MOST:,}."),
        ],
        render_kw={"inputmode": "numeric"},
    )

    wanted = Filter()

    def prefill(self, arguments: Mapping[str, str]) -> None:
        """Take the filter of an address over, and name the recording after it."""
        try:
            wanted = read_filter(arguments)
        except FilterError:
            return
        for name, value in wanted.arguments().items():
            self[name].data = value
        self.name.data = ", ".join(wanted.arguments().values())[:100] or EVERYTHING

    def validate_channel(self, _field: StringField) -> None:
        names = ("channel", "client", "user", "verdict", "code", "action", "text")
        try:
            self.wanted = read_filter({name: self[name].data or "" for name in names})
        except FilterError as error:
            if error.field == "channel":
                raise ValidationError(str(error)) from None

    @property
    def narrows(self) -> bool:
        """Whether any of what is folded away at first is set."""
        return any(self[name].data or self[name].errors for name in ("user", "client", "code", "text"))
