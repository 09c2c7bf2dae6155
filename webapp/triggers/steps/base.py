"""What every kind of step has: a form, checks of its settings, and what it does."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from ...core.codes import Code
from ...core.problems import Problem
from ...core.triggers import StepKind
from ..moment import Json, Moment

NESTED_MOST = 50
"""Levels that JSON in settings may have."""
NOT_USED = "It holds characters that can't be used."


class State(StrEnum):
    """What a step, or a whole trigger, came to."""

    PASSED = "passed"
    CHANGED = "changed"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    BLOCKED = "blocked"
    FAILED = "failed"


class Result(msgspec.Struct, frozen=True):
    """What a step came to.

    ``payload`` is set where it changed it, ``skip`` is how many of the next steps are passed over. ``told`` is what the
    client learns of a block (empty: the sentence of ``code``), ``note`` what the dashboard says of it.
    """

    state: State = State.PASSED
    note: str = ""
    payload: Json | None = None
    skip: int = 0
    told: str = ""
    code: Code = Code.BLOCKED_BY_TRIGGER


PASSED = Result()
Action = Callable[[Moment], Result]
"""Does a step. May let other greenlets run; raises ``StepFailed``."""


class Widget(StrEnum):
    """How a setting is entered."""

    LINE = "line"
    TEXT = "text"
    CODE = "code"
    JSON = "json"
    NUMBER = "number"
    CHOICE = "choice"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class Field:
    """A setting of a step: its name in documents, how it is entered, and what it takes.

    ``least`` and ``most`` bound a number, or the length of a text. ``choices`` are (value, label). ``columns`` are the
    fields of each row of ``ROWS``, whose value is a list of objects. ``when`` names a choice field and the value that
    it must have for this field to matter.
    """

    name: str
    label: str
    widget: Widget = Widget.LINE
    help: str = ""
    default: Any = ""
    required: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[tuple[str, str], ...] = ()
    columns: "tuple[Field, ...]" = ()
    when: tuple[str, str] | None = None
    placeholder: str = ""

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value of this field, or None. A missing one is its default."""
        return _CHECKS[self.widget](self, value)


class StepType:
    """A kind of step. One object each, in a module of its own; ``STEPS`` lists them all."""

    kind: StepKind
    label: str
    help: str
    fields: tuple[Field, ...] = ()

    def summary(self, values: Mapping[str, Any]) -> str:
        """Say in a line what a step with these settings does. Text in backquotes is shown as code."""
        raise NotImplementedError

    def compile(self, values: Mapping[str, Any]) -> Action:
        """Make what runs of settings without problems, with every default filled in."""
        raise NotImplementedError

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """Find what the fields alone can't tell is wrong, such as a syntax error; paths are names of fields."""
        return iter(())

    def problems(self, values: Mapping[str, Any]) -> list[Problem]:
        """Find everything that is wrong with a step's settings; paths are names of fields."""
        known = {field.name for field in self.fields}
        found = [Problem(str(name), "There is no such setting.") for name in values if name not in known]
        filled = self.filled(values)
        for field in self.fields:
            if field.when is not None and filled.get(field.when[0]) != field.when[1]:
                continue
            problem = field.problem(filled[field.name])
            if problem is not None:
                found.append(Problem(field.name, problem))
        return found or list(self.check(filled))

    def filled(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with the default of each that is missing."""
        return {f.name: values[f.name] if values.get(f.name) is not None else f.default for f in self.fields}


def _text_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, str):
        return "Expected a text."
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        return NOT_USED
    if field.required and not value.strip():
        return "This is needed."
    most = int(field.most or 2000)
    return f"At most {most:,} characters." if len(value) > most else None


def _number_problem(field: Field, value: Any) -> str | None:
    least, most = field.least or 0, field.most or 1_000_000
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        return f"Expected a number from {least:,g} to {most:,g}."
    if isinstance(field.default, int) and not isinstance(value, int):
        return "Expected a whole number."
    return None


def _choice_problem(field: Field, value: Any) -> str | None:
    known = [choice for choice, _ in field.choices]
    return None if value in known else f"Expected one of {', '.join(f'`{choice}`' for choice in known)}."


def _json_problem(field: Field, value: Any) -> str | None:
    if field.required and value in (None, ""):
        return "This is needed."
    level, depth = [value], 0
    while level := [below for item in level if isinstance(item, dict | list) for below in _within(item)]:
        depth += 1
        if depth > NESTED_MOST:
            return f"At most {NESTED_MOST} levels, one within the other."
    try:
        msgspec.json.encode(value)
    except UnicodeEncodeError:
        return NOT_USED
    return None


def _within(item: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return item.values() if isinstance(item, dict) else item


def _rows_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        return "Expected a list of objects."
    if field.required and not value:
        return "At least one is needed."
    most = int(field.most or 50)
    if len(value) > most:
        return f"At most {most}."
    columns = {column.name: column for column in field.columns}
    for number, row in enumerate(value, 1):
        for name in row:
            if name not in columns:
                return f"Row {number}: there is no `{name}`."
        filled = {n: row[n] if row.get(n) is not None else column.default for n, column in columns.items()}
        for name, column in columns.items():
            if column.when is not None and filled.get(column.when[0]) != column.when[1]:
                continue
            problem = column.problem(filled[name])
            if problem is not None:
                return f"Row {number}, {column.label.lower()}: {problem}"
    return None


_CHECKS: dict[Widget, Callable[[Field, Any], str | None]] = {
    Widget.LINE: _text_problem,
    Widget.TEXT: _text_problem,
    Widget.CODE: _text_problem,
    Widget.NUMBER: _number_problem,
    Widget.CHOICE: _choice_problem,
    Widget.JSON: _json_problem,
    Widget.ROWS: _rows_problem,
}
