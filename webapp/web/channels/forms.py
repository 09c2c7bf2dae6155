"""The forms of the rules. Fields carry the names of the settings document, as the services' problems do."""

import json
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Length, ValidationError
from wtforms.widgets import HiddenInput

from ...core.documents import DESCRIPTION_MAX_LENGTH, parse_document, rule_row
from ...core.permissions import HISTORY_DEPTHS, PERMISSIONS, Permission
from ...core.ruleset import Rule
from ...core.targets import Target, TargetError, parse_target
from ...core.triggers import Trigger

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class VersionForm(FlaskForm):
    """A change that holds only on top of the version that was looked at."""

    expected_version = IntegerField(widget=HiddenInput())


class StatusForm(FlaskForm):
    """A switch of the table; it says what the rule is to be, so that pressing it twice does no harm."""

    enabled = HiddenField()


class PublishSwitchForm(VersionForm):
    """A switch that is published without the rest of the draft."""

    enabled = HiddenField()


class SeenForm(FlaskForm):
    """A change that holds only on top of the state of a rule that was looked at; "" where there was none."""

    seen = HiddenField(filters=[lambda text: text or ""])


class RuleForm(SeenForm):
    """A rule, in the order of Xano's panel. ``opened`` is what the boxes were when the page opened."""

    opened = HiddenField()

    enabled = BooleanField("Active", description="An inactive rule is as if it were not there.", default=True)
    pattern = StringField("Channel name", render_kw=PLAIN, filters=[lambda text: text or ""])
    wildcard = BooleanField(
        "Nested channels",
        description="The name is a pattern: `*` stands for a whole segment, and at the end for everything below. "
        "Without a `*`, `/*` is appended.",
    )
    description = TextAreaField(
        "Description",
        validators=[Length(max=DESCRIPTION_MAX_LENGTH, message=f"At most {DESCRIPTION_MAX_LENGTH} characters.")],
        render_kw={"rows": "2"},
    )
    history = SelectField(
        "Message history",
        coerce=int,
        choices=[SelectChoice(depth, f"{depth:,} messages" if depth else "Off") for depth in HISTORY_DEPTHS],
        description="How many messages a channel keeps for those who join later.",
    )
    history_events = BooleanField("Store server events", description="Keep what the server itself sends, too.")

    def validate_pattern(self, field: StringField) -> None:
        try:
            parse_target(field.data, self.wildcard.data)
        except TargetError as error:
            raise ValidationError(str(error)) from None

    @property
    def permissions(self) -> list[tuple[Permission, Any]]:
        """The permissions' boxes, each narrowing one after the box that it narrows."""
        return [(permission, self[permission.value]) for permission in Permission]

    def to_rule(self, triggers: tuple[Trigger, ...] = ()) -> Rule:
        """Make the rule of a form that is valid. Triggers have forms of their own: ``triggers`` are those it keeps."""
        return Rule(
            target=parse_target(self.pattern.data, self.wildcard.data),
            permissions=frozenset(permission for permission, box in self.permissions if box.data),
            enabled=self.enabled.data,
            description=_one_kind_of_newline(self.description.data),
            history=self.history.data,
            history_events=self.history_events.data,
            triggers=triggers,
        )

    def sketch(self) -> Rule | None:
        """Make a rule of a form that is still being filled in; None while its target can't be one."""
        try:
            return self.boxes(parse_target((self.pattern.data or "").strip(), self.wildcard.data))
        except TargetError:
            return None

    def sketch_opened(self) -> Rule | None:
        """Read what the boxes were when the page opened, with a target that means nothing."""
        try:
            row = json.loads(self.opened.data or "")
            return parse_document({"channels": [{**row, "pattern": "*", "wildcard": False}]}).rules.rules[0]
        except (ValueError, TypeError, RecursionError):
            return None

    def boxes(self, target: Target) -> Rule:
        """Make a rule of what is ticked, for another target than the form's."""
        history = self.history.data
        return Rule(
            target,
            frozenset(permission for permission, box in self.permissions if box.data),
            enabled=self.enabled.data,
            history=history if history in HISTORY_DEPTHS else 0,
            history_events=self.history_events.data,
        )

    def keep_opened(self) -> None:
        """Remember what the boxes are now as what they were when the page opened."""
        row = rule_row(self.boxes(Target("*")))
        self.opened.data = json.dumps(
            {name: value for name, value in row.items() if name not in ("pattern", "wildcard")}
        )

    def fill(self, rule: Rule) -> None:
        """Show a rule as it is."""
        self.enabled.data = rule.enabled
        self.pattern.data = rule.target.text
        self.wildcard.data = rule.target.nested
        self.description.data = rule.description
        self.history.data = rule.history
        self.history_events.data = rule.history_events
        self.tick(rule.permissions)

    def tick(self, permissions: frozenset[Permission]) -> None:
        """Tick these boxes and no others."""
        for permission, box in self.permissions:
            box.data = permission in permissions


for _permission, _info in PERMISSIONS.items():
    setattr(RuleForm, _permission.value, BooleanField(_info.label, description=_info.help))


def target_of(arguments: Any) -> Target:
    """Read which rule an address names: ``?target=…&nested=1``."""
    return Target(arguments.get("target", ""), arguments.get("nested") == "1")


def _one_kind_of_newline(text: str | None) -> str:
    return (text or "").replace("\r\n", "\n").strip()
