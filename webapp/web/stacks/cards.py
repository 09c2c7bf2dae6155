"""The steps of a trigger as its form holds them: what was typed, whether or not it makes sense."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made_by
from typing import Any

from werkzeug.datastructures import MultiDict

from ...core.triggers import StepKind, TriggerStep
from ...triggers.steps import STEPS, step_problems, summary
from ...triggers.steps.base import Field, StepType, Widget
from ..wording import printable

Posted = MultiDict[str, str]
KEY = re.compile(r"[a-z0-9]{1,16}")
ROWS_MOST = 100
"""Rows of one setting that are read; a step takes fewer, and says so."""
CARDS_MOST = 100


class Unread(ValueError):
    """What was typed can't be read as what the field takes; the message is for whoever typed it."""


@dataclass(slots=True)
class Typed:
    """A setting as it was typed. ``name`` is that of its element, ``rows`` are those of a table, each with a key."""

    field: Field
    name: str
    text: str = ""
    rows: "list[tuple[str, list[Typed]]]" = made_by(default_factory=list)
    errors: list[str] = made_by(default_factory=list)

    @property
    def id(self) -> str:
        return self.name

    @property
    def description(self) -> str:
        """What help there is, under the name that the forms' helpers ask for."""
        return self.field.help

    @property
    def depends_on(self) -> str:
        """The name of the element whose value decides whether this one matters."""
        assert self.field.when is not None
        return self.name.removesuffix(self.field.name) + self.field.when[0]

    @property
    def value(self) -> Any:
        """Read it as the field takes it.

        Raises:
            Unread: it can't be.
        """
        match self.field.widget:
            case Widget.NUMBER:
                return _number(self.text)
            case Widget.JSON:
                return _json(self.text, self.field)
            case Widget.ROWS:
                return [_row(number, row) for number, (_, row) in enumerate(self.rows, 1)]
        return self.text

    def new_row(self) -> None:
        """Add a row with the defaults."""
        key = new_key()
        self.rows.append((key, [_typed(f"{self.name}-{key}-{c.name}", c, c.default) for c in self.field.columns]))


@dataclass(slots=True)
class Card:
    """A step in the form. ``errors`` are those that concern no setting of it."""

    key: str
    type: StepType
    settings: list[Typed]
    errors: list[str] = made_by(default_factory=list)

    @property
    def kind(self) -> StepKind:
        return self.type.kind

    def setting(self, name: str) -> Typed | None:
        return next((typed for typed in self.settings if typed.field.name == name), None)

    def step(self) -> TriggerStep | None:
        """Make the step, noting at each setting what is wrong with it; None if something can't be read."""
        values: dict[str, Any] = {}
        for typed in self.settings:
            if matters(typed, self.settings):
                try:
                    values[typed.field.name] = typed.value
                except Unread as error:
                    typed.errors.append(str(error))
        if any(typed.errors for typed in self.settings):
            return None
        try:
            step = TriggerStep.of(self.kind, values)
        except (ValueError, RecursionError):
            self.errors.append("Its settings can't be written as JSON.")
            return None
        for problem in step_problems(step):
            where = self.setting(problem.path)
            (where.errors if where is not None else self.errors).append(problem.message)
        return step

    @property
    def says(self) -> str:
        """What the step does, in a line, as far as it can be read."""
        values = {}
        for typed in self.settings:
            try:
                values[typed.field.name] = typed.value
            except Unread:
                return ""
        try:
            return summary(TriggerStep.of(self.kind, values))
        except (ValueError, RecursionError):
            return ""

    @property
    def has_errors(self) -> bool:
        return bool(self.errors) or any(typed.errors for typed in self.settings)


def new_key() -> str:
    return secrets.token_hex(4)


def new_card(kind: StepKind) -> Card:
    """A step as it is when it is added."""
    card = card_of(TriggerStep(kind))
    for typed in card.settings:
        if typed.field.widget is Widget.ROWS and not typed.rows:
            typed.new_row()
    return card


def card_of(step: TriggerStep) -> Card:
    """Show a step as it is, the default in the place of what is missing."""
    kind, key = STEPS[step.kind], new_key()
    filled = kind.filled(step.values)
    return Card(key, kind, [_typed(f"{key}-{f.name}", f, filled[f.name]) for f in kind.fields])


def copy_of(card: Card) -> Card:
    """The same once more, under a key of its own."""
    key = new_key()
    return Card(key, card.type, [_copied(f"{key}-{typed.field.name}", typed) for typed in card.settings])


def read_cards(form: Posted) -> list[Card]:
    """Read the steps of a form, in the order in which they stand in it."""
    cards: list[Card] = []
    for key in dict.fromkeys(form.getlist("step")):
        kind = form.get(f"{key}-kind", "")
        if KEY.fullmatch(key) and kind in list(StepKind) and len(cards) < CARDS_MOST:
            step_type = STEPS[StepKind(kind)]
            cards.append(Card(key, step_type, [_read(form, f"{key}-{f.name}", f) for f in step_type.fields]))
    return cards


def _read(form: Posted, name: str, setting: Field) -> Typed:
    if setting.widget is not Widget.ROWS:
        # A field that was not sent at all is as it is when a step is added.
        text = form.get(name, _written(setting, setting.default))
        return Typed(setting, name, text.replace("\r\n", "\n"))
    keys = [key for key in dict.fromkeys(form.getlist(name)) if KEY.fullmatch(key)]
    rows = [(key, [_read(form, f"{name}-{key}-{c.name}", c) for c in setting.columns]) for key in keys[:ROWS_MOST]]
    return Typed(setting, name, rows=rows)


def _typed(name: str, setting: Field, value: Any) -> Typed:
    if setting.widget is not Widget.ROWS:
        return Typed(setting, name, _written(setting, value))
    typed = Typed(setting, name)
    for row in value if isinstance(value, list) else ():
        given = row if isinstance(row, Mapping) else {}
        key = new_key()
        cells = [_typed(f"{name}-{key}-{c.name}", c, given.get(c.name, c.default)) for c in setting.columns]
        typed.rows.append((key, cells))
    return typed


def _copied(name: str, typed: Typed) -> Typed:
    copied = Typed(typed.field, name, typed.text)
    for _, cells in typed.rows:
        key = new_key()
        copied.rows.append((key, [Typed(cell.field, f"{name}-{key}-{cell.field.name}", cell.text) for cell in cells]))
    return copied


def matters(typed: Typed, among: Sequence[Typed]) -> bool:
    """Whether a setting has an effect as the others beside it are."""
    if typed.field.when is None:
        return True
    name, value = typed.field.when
    return any(other.field.name == name and other.text == value for other in among)


def _row(number: int, row: list[Typed]) -> dict[str, Any]:
    found = {}
    for cell in row:
        if matters(cell, row):
            try:
                found[cell.field.name] = cell.value
            except Unread as error:
                raise Unread(f"Row {number}, {cell.field.label.lower()}: {error}") from None
    return found


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        raise Unread("This is no number.") from None
    if number - number != 0:  # an infinity, or none at all
        raise Unread("This is no number.")
    return number


def _json(text: str, setting: Field) -> Any:
    if not text.strip():
        return "" if setting.required else setting.default
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Unread(f"Not JSON: line {error.lineno}, column {error.colno}.") from None
    except (ValueError, RecursionError):
        raise Unread("This is not JSON.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _written(setting: Field, value: Any) -> str:
    if setting.widget is Widget.JSON:
        return printable(json.dumps(value, indent=2, ensure_ascii=False, default=str))
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return printable(json.dumps(value, ensure_ascii=False, default=str))
