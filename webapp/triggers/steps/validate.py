"""*Validate*: the payload must fit a JSON Schema."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs

from ...core.problems import Problem
from ...core.triggers import StepKind
from ..moment import Moment
from .base import PASSED, Action, Field, Result, State, StepType, Widget
from .schemas import schema_problem

EXAMPLE = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 500}}, "required": ["text"]}


class Validate(StepType):
    kind = StepKind.VALIDATE
    label = "Validate"
    help = "Blocks a payload that does not fit a JSON Schema (2020-12 unless it says which)."
    fields = (
        Field("schema", "JSON Schema", Widget.JSON, default=EXAMPLE, required=True),
        Field("message", "Message", help="What the client is told. Empty: what does not fit, and where.", most=500),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        schema = values.get("schema", EXAMPLE)
        named = list(schema.get("properties", {})) if isinstance(schema, dict) else []
        return "the payload fits a JSON Schema" + (
            f" of {', '.join(f'`{name}`' for name in named[:5])}" if named else ""
        )

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        if not isinstance(values["schema"], dict | bool):
            yield Problem("schema", "A JSON Schema is an object.")
            return
        problem = schema_problem(values["schema"])
        if problem is not None:
            yield Problem("schema", problem)
            return
        try:
            _validator(values["schema"])
        except (ValueError, jsonschema_rs.ReferencingError) as error:
            yield Problem("schema", f"Not a JSON Schema: {_first_line(error)}")

    def compile(self, values: Mapping[str, Any]) -> Action:
        validator, told = _validator(values["schema"]), values["message"]

        def act(moment: Moment) -> Result:
            try:
                # Stops at the first; to find all takes a hundred times as long for a list of 30,000.
                validator.validate(moment.parsed())
            except jsonschema_rs.ValidationError as error:
                where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.instance_path)
                why = f"payload{where}: {error.message}"[:500]
                return Result(State.BLOCKED, why, told=told or why)
            return PASSED

        return act


def _validator(schema: Any) -> jsonschema_rs.Validator:
    # Patterns in linear time; nothing is ever fetched for a `$ref`.
    return jsonschema_rs.validator_for(
        schema, pattern_options=jsonschema_rs.RegexOptions(), retriever=_nothing_is_fetched
    )


def _nothing_is_fetched(uri: str) -> Any:
    raise ValueError(f"`{uri}` is another document; only what is in this one can be referred to.")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:300]
