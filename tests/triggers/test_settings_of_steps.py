"""The settings of every kind of step: what is missing gets its default, what is wrong is named at its field."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.triggers.moments import problems, step
from webapp.core.triggers import StepKind
from webapp.triggers.steps import STEPS, action, step_problems, summary
from webapp.triggers.steps.base import Field, Widget

NEEDED: dict[str, dict[str, Any]] = {
    "condition": {"expression": "true"},
    "transform": {"changes": [{"field": "a", "value": "1"}]},
    "webhook": {"url": "https://hooks.example.com/"},
}
"""What a step of a kind can't do without."""
FIELDS = [(kind, field) for kind, made in STEPS.items() for field in made.fields]
WRONG: dict[Widget, Any] = {
    Widget.LINE: (5, "Expected a text."),
    Widget.TEXT: (["a"], "Expected a text."),
    Widget.CODE: (True, "Expected a text."),
    Widget.NUMBER: ("5", "Expected a number from "),
    Widget.CHOICE: ("nothing", "Expected one of "),
    Widget.ROWS: ({}, "Expected a list of objects."),
}


def needed(kind: str, **values: Any) -> dict[str, Any]:
    return {**NEEDED.get(kind, {}), **values}


def nested(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = {"a": made}
    return made


def mattering(field: Field, value: Any) -> dict[str, Any]:
    """A value for a field, with the choice that makes it matter."""
    return {field.name: value, **({field.when[0]: field.when[1]} if field.when is not None else {})}


def test_every_kind_of_step_is_there() -> None:
    assert set(STEPS) == set(StepKind)


@pytest.mark.parametrize("kind", STEPS)
def test_defaults_make_a_step_that_can_run(kind: StepKind) -> None:
    made = step(kind, **needed(kind))
    assert step_problems(made) == ()
    assert callable(action(made))
    assert summary(made)
    nulled = {field.name: None for field in STEPS[kind].fields if field.name not in NEEDED.get(kind, {})}
    assert STEPS[kind].filled(needed(kind, **nulled)) == STEPS[kind].filled(needed(kind)), "null is as good as missing"
    assert problems(kind, **needed(kind, **nulled)) == {}


@pytest.mark.parametrize("kind", STEPS)
def test_settings_that_no_step_has(kind: StepKind) -> None:
    assert problems(kind, **needed(kind, colour=1)) == {"colour": "There is no such setting."}


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda value: getattr(value, "name", value))
def test_a_value_of_the_wrong_type(kind: StepKind, field: Field) -> None:
    if field.widget is Widget.JSON:
        return
    value, message = WRONG[field.widget]
    found = problems(kind, **needed(kind, **mattering(field, value)))
    assert list(found) == [field.name]
    assert found[field.name].startswith(message)


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda value: getattr(value, "name", value))
def test_a_field_that_depends_on_a_choice_is_not_looked_at_without_it(kind: StepKind, field: Field) -> None:
    if field.when is None:
        return
    [choices] = [other.choices for other in STEPS[kind].fields if other.name == field.when[0]]
    wrong = WRONG[field.widget][0]
    for choice, _ in choices:
        found = problems(kind, **needed(kind, **{field.when[0]: choice, field.name: wrong}))
        assert (field.name in found) == (choice == field.when[1])


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda value: getattr(value, "name", value))
def test_the_bounds_of_a_field(kind: StepKind, field: Field) -> None:
    if field.widget is Widget.NUMBER:
        least, most = field.least or 0, field.most or 1_000_000
        said = {field.name: f"Expected a number from {least:,g} to {most:,g}."}
        for value in (least, most):
            assert problems(kind, **needed(kind, **mattering(field, value))) == {}
        for value in (least - 1, most + 1, True, float("nan"), float("inf"), 10**400):
            assert problems(kind, **needed(kind, **mattering(field, value))) == said
        if isinstance(field.default, int):
            fraction = mattering(field, least + 0.5)
            assert problems(kind, **needed(kind, **fraction)) == {field.name: "Expected a whole number."}
    elif field.widget in (Widget.LINE, Widget.TEXT, Widget.CODE):
        most = int(field.most or 2000)
        found = problems(kind, **needed(kind, **mattering(field, "x" * (most + 1))))
        assert found == {field.name: f"At most {most:,} characters."}
        for text in ("a\x00b", "a\ud800b"):
            found = problems(kind, **needed(kind, **mattering(field, text)))
            assert found == {field.name: "It holds characters that can't be used."}
        if field.required:
            assert problems(kind, **needed(kind, **mattering(field, " \n"))) == {field.name: "This is needed."}


@pytest.mark.parametrize("kind", STEPS)
@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_looking_for_problems_and_saying_what_it_does_never_raise(kind: StepKind, data: st.DataObject) -> None:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
    values = st.recursive(
        scalars, lambda b: st.lists(b, max_size=3) | st.dictionaries(st.text(max_size=5), b, max_size=3)
    )
    names = st.sampled_from([*(field.name for field in STEPS[kind].fields), "other"])
    rows = st.dictionaries(st.sampled_from(["do", "field", "value", "to"]), values | st.sampled_from(["set", "rename"]))
    given_values = data.draw(st.dictionaries(names, values | st.lists(rows, max_size=2)))
    found = problems(kind, **given_values)
    if not found:
        made = STEPS[kind]
        assert made.summary(made.filled(given_values))
        assert callable(made.compile(made.filled(given_values)))


@pytest.mark.parametrize(
    ("kind", "values", "field", "message"),
    [
        ("condition", {"expression": "event..x"}, "expression", "Line 1: SyntaxError"),
        ("condition", {"expression": "true &&\n&& false"}, "expression", "Line 2: SyntaxError"),
        ("condition", {"expression": "true; false"}, "expression", "Line 1: SyntaxError"),
        ("condition", {"expression": "1 <"}, "expression", "Line 1: SyntaxError: it ends too early."),
        ("javascript", {"code": "(event) => {\n  return event"}, "code", "Line 2: SyntaxError: it ends too early."),
        ("javascript", {"code": "(event) => {\n  return event\n  }}"}, "code", "Line 3: SyntaxError"),
        ("javascript", {"code": "async function (event) { return"}, "code", "Line "),
        ("javascript", {"code": "5"}, "code", "Expected a function"),
        ("javascript", {"code": "({})"}, "code", "Expected a function"),
        ("javascript", {"code": "(event) => event; (event) => event"}, "code", "Line 1: SyntaxError"),
        ("javascript", {"code": "(event) => { with (event) {} }"}, "code", "Line 1: SyntaxError"),
        ("javascript", {"code": "0), (event) => event, (0"}, "code", "Line 1: SyntaxError"),
        ("condition", {"expression": "0) }), (function () { return (1"}, "expression", "Line 1: SyntaxError"),
        ("validate", {"schema": "a"}, "schema", "A JSON Schema is an object."),
        ("validate", {"schema": {"type": "nothing"}}, "schema", "Not a JSON Schema: "),
        ("validate", {"schema": {"pattern": "("}}, "schema", "Not a JSON Schema: "),
        (
            "validate",
            {"schema": {"$ref": "http://192.0.2.1/schema.json"}},
            "schema",
            "`http://192.0.2.1/schema.json`: only",
        ),
        ("validate", {"schema": {"$ref": "file:///etc/passwd"}}, "schema", "`file:///etc/passwd`: only parts of this"),
        ("transform", {"changes": []}, "changes", "At least one is needed."),
        ("transform", {"changes": [{"field": "a"}, {"field": " "}]}, "changes", "Row 2, field: This is needed."),
        ("transform", {"changes": [{"field": "a..b"}]}, "changes", "Row 1: write a field as `name`"),
        ("transform", {"changes": [{"field": "a", "colour": 1}]}, "changes", "Row 1: there is no `colour`."),
        ("transform", {"changes": [{"do": "rename", "field": "a"}]}, "changes", "Row 1, new name: This is needed."),
        ("transform", {"changes": [{"do": "cut", "field": "a"}]}, "changes", "Row 1, do: Expected one of `set`"),
        ("transform", {"changes": [{"field": "a", "value": "{{ 1 }}"}]}, "changes", "Row 1: `{{ 1 }}`: a place"),
        ("transform", {"changes": [{"field": "a"}] * 51}, "changes", "At most 50."),
        ("publish", {"channel": "{{ 1 + 1 }}"}, "channel", "`{{ 1 + 1 }}`: a place names a field"),
        ("publish", {"data": {"a": ["{{ event.payload.map(x) }}"]}}, "data", "`{{ event.payload.map(x) }}`"),
        ("publish", {"data": {"a": ["\ud800"]}}, "data", "It holds characters that can't be used."),
        ("publish", {"data": {"\ud800": 1}}, "data", "It holds characters that can't be used."),
        ("publish", {"data": nested(51)}, "data", "At most 50 levels, one within the other."),
        ("validate", {"schema": nested(900)}, "schema", "At most 50 levels, one within the other."),
        ("log", {"text": "{{ secrets }}"}, "text", "`{{ secrets }}`: a place names a field"),
        ("webhook", {"url": "hooks.example.com"}, "url", "Expected an address that begins with https://."),
        ("webhook", {"url": "file:///etc/passwd"}, "url", "Expected an address that begins with https://."),
        ("webhook", {"url": "https://ann:secret@example.com/"}, "url", "An address with a user name or password"),
        ("webhook", {"url": "https://example.com/a b"}, "url", "At most 1000 characters, and none"),
        ("webhook", {"url": "https://[::1"}, "url", "This is not an address."),
    ],
)
def test_what_fields_alone_cannot_tell_is_found_as_well(
    kind: str, values: dict[str, Any], field: str, message: str
) -> None:
    found = problems(kind, **values)
    assert list(found) == [field]
    assert found[field].startswith(message)


def test_a_semicolon_or_a_comment_after_a_function_is_no_problem() -> None:
    for code in ("(event) => event;", "(event) => event // all of it", "/* all */ function guard(event) {};\n"):
        assert problems("javascript", code=code) == {}


@pytest.mark.parametrize("code", ["((() => { for (;;); })(), (event) => event)", "(null.x, (event) => event)"])
def test_code_is_read_and_not_run(code: str) -> None:
    """It was once run to see whether it is a function, in the loop: `new Array(4294967295).reverse()`, which the engine
    can't be stopped in, kept the server from everything else for minutes."""
    assert problems("javascript", code=code) == {}
    assert problems("condition", expression=code) == {}


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("transform", {"changes": [{"field": "a", "to": 5}]}),
        ("webhook", {"url": "https://example.com/", "when": "after", "seconds": "soon"}),
        ("webhook", {"url": "https://example.com/", "when": "after", "seconds": 10**400}),
    ],
)
def test_settings_that_do_not_matter_may_be_anything(kind: str, values: dict[str, Any]) -> None:
    """The first made the API answer 500. The others were published, and broke on every message."""
    assert problems(kind, **values) == {}
    assert callable(action(step(kind, **values)))
