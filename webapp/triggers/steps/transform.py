"""*Transform*: set, remove, mask or rename fields of the payload."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ...core.problems import Problem
from ...core.triggers import StepKind
from .. import templates
from ..moment import Moment, StepFailed
from .base import PASSED, Action, Field, Result, State, StepType, Widget

MASK = "•••"
_PATH = re.compile(r"[^.\s]+(?:\.[^.\s]+)*")


class Transform(StepType):
    kind = StepKind.TRANSFORM
    label = "Transform"
    help = "Changes fields of the payload, one row after the other. A field that is not there is not masked or renamed."
    fields = (
        Field(
            "changes",
            "Changes",
            Widget.ROWS,
            default=[],
            required=True,
            columns=(
                Field(
                    "do",
                    "Do",
                    Widget.CHOICE,
                    default="set",
                    choices=(("set", "Set"), ("remove", "Remove"), ("mask", "Mask"), ("rename", "Rename")),
                ),
                Field("field", "Field", required=True, most=200, placeholder="user.name"),
                Field(
                    "value",
                    "To",
                    help="JSON, or a text; `{{ event.client.userId }}` is filled in.",
                    most=4000,
                    when=("do", "set"),
                ),
                Field("to", "New name", required=True, most=200, when=("do", "rename")),
            ),
        ),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        rows = [row for row in values.get("changes", []) if isinstance(row, dict)]
        return ", ".join(f"{row.get('do', 'set')} `{row.get('field', '')}`" for row in rows[:5]) or "nothing"

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        for number, row in enumerate(values["changes"], 1):
            for name in ("field", "to"):
                # What does not matter here may be anything, and is left as it is.
                if isinstance(row.get(name), str) and row[name] and not _PATH.fullmatch(row[name]):
                    yield Problem("changes", f"Row {number}: write a field as `name` or `outer.inner`.")
            problem = templates.problem(row.get("value") or "")
            if problem is not None:
                yield Problem("changes", f"Row {number}: {problem}")

    def compile(self, values: Mapping[str, Any]) -> Action:
        changes = [_compiled(row) for row in values["changes"]]

        def act(moment: Moment) -> Result:
            payload = moment.parsed()
            if not isinstance(payload, dict):
                raise StepFailed("The payload is no object, so it has no fields.")
            for change in changes:
                change(payload, moment)
            changed = msgspec.json.encode(payload)
            return PASSED if changed == moment.payload else Result(State.CHANGED, payload=changed)

        return act


def _compiled(row: Mapping[str, Any]) -> Any:
    do, path = row.get("do") or "set", row["field"].split(".")
    if do == "set":
        value = _json_or_text(row.get("value") or "")
        return lambda payload, moment: _set(payload, path, msgspec.json.decode(templates.filled_json(value, moment)))
    if do == "rename":
        to = row["to"].split(".")
        return lambda payload, _moment: _rename(payload, path, to)
    return lambda payload, _moment: _take(payload, path, MASK if do == "mask" else None)


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _set(payload: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        below = payload.get(name)
        if not isinstance(below, dict):
            below = payload[name] = {}
        payload = below
    payload[path[-1]] = value


def _take(payload: dict[str, Any], path: list[str], instead: str | None) -> Any:
    """Take a field out, or put something in its place; returns what it was, ``_take`` itself if it was not there."""
    for name in path[:-1]:
        below = payload.get(name)
        if not isinstance(below, dict):
            return _take
        payload = below
    if path[-1] not in payload:
        return _take
    value = payload[path[-1]]
    if instead is None:
        del payload[path[-1]]
    else:
        payload[path[-1]] = instead
    return value


def _rename(payload: dict[str, Any], path: list[str], to: list[str]) -> None:
    value = _take(payload, path, None)
    if value is not _take:
        _set(payload, to, value)
