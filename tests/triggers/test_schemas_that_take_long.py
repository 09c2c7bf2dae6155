"""A JSON Schema that takes long to check would hold up everyone, and nothing can stop it: it is not accepted.

With a chain of sixteen definitions, each of which refers to the next one four times, the payload ``{"a": 1}`` once took
for ever; a list of 30,000 numbers that should have been texts took a sixth of a second, as all of them were named.
"""

from time import process_time
from typing import Any

import pytest

from tests.triggers.moments import moment, problems, run
from webapp.triggers.steps.schemas import IN_CIRCLES, TOO_MANY, schema_problem

BACK = {"$ref": "#"}


def chain(keyword: str, length: int = 16, times: int = 4) -> dict[str, Any]:
    """Definitions each of which refers to the next one several times."""
    links: dict[str, Any] = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"} for _ in range(times)]} for n in range(length)
    }
    return {"$ref": "#/$defs/d0", "$defs": {**links, f"d{length}": {"type": "string"}}}


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        BACK,
        {"properties": {"left": BACK, "right": BACK}},
        {"anyOf": [{"type": "string"}, {"type": "array", "items": BACK}]},
        {"anyOf": [{"items": BACK}, {"additionalProperties": BACK}]},
        {"properties": {"$ref": {"type": "string"}, "$dynamicRef": {}}},
        {"$defs": {"a/b~c": {"type": "string"}}, "items": {"$ref": "#/$defs/a~1b~0c"}},
        {"prefixItems": [{"type": "string"}], "items": {"$ref": "#/prefixItems/0"}},
        {"enum": list(range(900))},
        chain("allOf", 4, 3),
    ],
)
def test_what_is_fine(schema: Any) -> None:
    assert schema_problem(schema) is None
    assert problems("validate", schema=schema) == {}


@pytest.mark.parametrize("schema", [chain(keyword) for keyword in ("allOf", "anyOf", "oneOf")])
def test_parts_that_are_referred_to_again_and_again(schema: Any) -> None:
    assert problems("validate", schema=schema) == {"schema": TOO_MANY}


def test_long_chains_and_long_lists_of_values() -> None:
    assert schema_problem(chain("allOf", 1_500, 1)) == TOO_MANY
    assert schema_problem({"items": {"enum": list(range(2_000))}}) == TOO_MANY
    assert schema_problem({"allOf": [{"minimum": n} for n in range(2_000)]}) == TOO_MANY


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [BACK, BACK]},
        {"allOf": [{"items": BACK}, {"items": BACK}]},
        {"items": BACK, "contains": BACK},
        {"items": {"$ref": "#", "items": BACK}},
        {"properties": {"a": BACK}, "additionalProperties": BACK},
        {"patternProperties": {"^a": BACK, "a$": BACK}},
        {"if": {"items": BACK}, "else": {"items": BACK}},
        {
            "$ref": "#/$defs/b",
            "$defs": {
                "a": {"$ref": "#/$defs/b"},
                "b": {"anyOf": [{"items": {"$ref": "#/$defs/b"}}, {"items": {"$ref": "#/$defs/a"}}]},
            },
        },
    ],
)
def test_what_comes_back_to_itself_in_two_ways(schema: Any) -> None:
    assert problems("validate", schema=schema) == {"schema": IN_CIRCLES}


@pytest.mark.parametrize(
    "schema", [{"$ref": "#name"}, {"$ref": "other.json"}, {"$ref": "#/$defs/none"}, {"$dynamicRef": "#node"}]
)
def test_references_that_cannot_be_followed(schema: Any) -> None:
    assert "schema" in problems("validate", schema=schema)


@pytest.mark.alone
@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        ({"items": {"type": "string"}}, [1] * 30_000),
        ({"items": {"type": "integer"}}, [1] * 30_000),
        ({"uniqueItems": True}, [[number] for number in range(9_000)]),
        ({"maxItems": 10**30}, [1] * 30_000),
        ({"items": {"pattern": "(a+)+$"}}, ["a" * 60_000 + "b"]),
        ({"anyOf": [{"type": "string"}, {"items": BACK}]}, [[["a"]]] * 8_000),
    ],
)
def test_large_payloads_hold_nobody_up(schema: Any, payload: Any) -> None:
    at = moment(payload)
    run("validate", {"schema": schema}, moment(1))
    best = 1.0
    for _ in range(3):
        began = process_time()
        run("validate", {"schema": schema}, at)
        best = min(best, process_time() - began)
    assert best < 0.02
