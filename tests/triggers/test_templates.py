"""Places in texts and JSON are filled from an event by a path and nothing else: no expression is ever evaluated."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.triggers.moments import moment, party, run
from webapp.triggers import templates
from webapp.triggers.moment import StepFailed

AT = moment({"text": "hi", "n": 1.5, "list": [{"a": 1}, None], "a-b": 1, "ä": 2, "$": 3, "": 4}, target=party("bob"))
quickly = settings(max_examples=200, deadline=None, database=None)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("plain }} text {", "plain }} text {"),
        ("{{ event.payload.text }}!", "hi!"),
        ("{{event.payload.text}}{{  event.channel  }}", "hichat/a"),
        ("{{ event.payload.n }}", "1.5"),
        ("{{ event.payload.list }}", '[{"a":1},null]'),
        ("{{ event.payload.list[0].a }}", "1"),
        ("{{ event.payload.list[1] }}", ""),
        ("{{ event.payload.list[1].a }}", ""),
        ("{{ event.payload.list[9] }}", ""),
        ("{{ event.payload.list.a }}", ""),
        ("{{ event.payload[0] }}", ""),
        ("{{ event.payload.none.of.it }}", ""),
        ("{{ event.payload.text.length }}", ""),
        ("{{ event.payload.a-b }}{{ event.payload.ä }}{{ event.payload.$ }}", "123"),
        ("{{ event.target.userId }} {{ event.client.authenticated }}", "bob true"),
        ("{{ event.payload.list[99999999999999999999] }}", ""),
        ("{{ event.constructor }}{{ event.__class__ }}{{ event.payload.__dict__ }}", ""),
    ],
)
def test_places_in_a_text(template: str, text: str) -> None:
    assert templates.problem(template) is None
    assert templates.filled(template, AT) == text


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{ event.payload.n }}", 1.5),
        ("{{ event.payload.list }}", [{"a": 1}, None]),
        ("{{ event.payload.none }}", None),
        ("{{ event.payload.n }} ", "1.5 "),
        ({"a": ["{{ event.payload.text }}", 7, None]}, {"a": ["hi", 7, None]}),
        ({"{{ event.payload.text }}": 1}, {"{{ event.payload.text }}": 1}),
        ("{{ event.client.authenticated }}", True),
    ],
)
def test_a_text_that_is_one_place_becomes_the_value_itself(template: Any, value: Any) -> None:
    assert json.loads(templates.filled_json(template, AT)) == value


@pytest.mark.parametrize(
    "place",
    [
        "",
        "payload.text",
        "events.payload",
        "event.",
        "event..payload",
        "event.payload text",
        "event.payload[-1]",
        "event.payload['text']",
        "event.payload.text.toUpperCase()",
        "1 + 1",
        "event.payload | upper",
        "event.payload || 1",
        "{{ event.payload",
    ],
)
def test_what_is_no_path_is_a_problem_and_is_not_evaluated(place: str) -> None:
    template = f"{{{{ {place} }}}}"
    for value in (template, [template], {"a": {"b": f"and {template}"}}):
        told = templates.problem(value)
        assert told is not None
        assert told.endswith("a place names a field, such as `{{ event.payload.text }}`.")


def test_places_do_not_reach_over_lines() -> None:
    assert templates.problem("{{ event.payload\n}}") is None
    assert templates.filled("{{ event\n.payload }}", AT) == "{{ event\n.payload }}"


pieces = st.sampled_from(
    ["{{", "}}", " ", "event", ".payload", ".text", "[0]", "[", "]", ".", "{", "}", "\n", "__class__"]
)
texts = st.lists(pieces | st.text(max_size=3), max_size=10).map("".join)


@quickly
@given(texts)
def test_filling_never_raises_and_keeps_what_is_no_place(template: str) -> None:
    filled = templates.filled(template, AT)
    if "{{" not in template:
        assert filled == template
    if templates.problem(template) is None and "event" not in template:
        assert filled == template


@quickly
@given(
    st.recursive(
        st.none() | st.integers(-(2**53), 2**53) | texts,
        lambda b: st.lists(b, max_size=3) | st.dictionaries(texts, b, max_size=3),
    )
)
def test_json_is_filled_and_keeps_its_form(template: Any) -> None:
    try:
        json.dumps(template).encode().decode()
        made = json.loads(templates.filled_json(template, AT))
    except UnicodeEncodeError:
        return  # such texts are not accepted as settings
    assert isinstance(template, str) or type(made) is type(template)
    if isinstance(template, dict):
        assert list(made) == list(template)


@quickly
@given(st.text(max_size=30).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)))
def test_what_is_filled_in_is_not_looked_into_again(text: str) -> None:
    at = moment({"text": text + "{{ event.channel }}"})
    assert templates.filled("{{ event.payload.text }}", at) == text + "{{ event.channel }}"
    assert json.loads(templates.filled_json("<{{ event.payload.text }}>", at)) == f"<{text}{{{{ event.channel }}}}>"


def test_what_is_filled_in_is_bounded_all_together() -> None:
    """A line of 4,000 characters names the event 400 times: fifty of them made 1.3 GB of one message, and took 16 s."""
    at = moment({"text": "x" * 60_000})
    with pytest.raises(StepFailed, match="more than 4 MiB"):
        run("transform", {"changes": [{"field": f"f{n}", "value": "{{ event }}" * 300} for n in range(50)]}, at)
    with pytest.raises(StepFailed, match="more than 4 MiB"):
        run("publish", {"data": ["{{ event.payload }}"] * 3000}, moment({"text": "x" * 60_000}))
    large = moment({"text": "x" * 1_000_000})
    assert len(templates.filled("{{ event.payload.text }}" * 20, large)) == 20_000_000
