"""Triggers in rule documents: what was exported imports the same, what is wrong is named by its path, limits hold."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.documents import DocumentError, parse_document, rule_row, write_document
from webapp.core.problems import Problem
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target
from webapp.core.triggers import (
    NAME_MOST,
    SETTINGS_MOST,
    STEPS_MOST,
    TRIGGERS_MOST,
    OnFailure,
    StepKind,
    Trigger,
    TriggerEvent,
    TriggerStep,
    name_problem,
    read_triggers,
    trigger_row,
)

from .strategies import quickly

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below, max_size=3),
    max_leaves=6,
)
settings = st.dictionaries(st.text(max_size=8).filter(lambda name: name != "type"), json_values, max_size=4)
steps = st.builds(TriggerStep.of, st.sampled_from(StepKind), settings)
triggers = st.builds(
    Trigger,
    st.text(min_size=1, max_size=NAME_MOST).filter(lambda name: name_problem(name) is None),
    st.frozensets(st.sampled_from(TriggerEvent), min_size=1),
    st.lists(steps, max_size=4).map(tuple),
    st.booleans(),
    st.sampled_from(OnFailure),
)
stacks = st.lists(triggers, max_size=4, unique_by=lambda trigger: trigger.name).map(tuple)


def row(**fields: object) -> dict[str, Any]:
    return {"name": "guard", **fields}


def step(**fields: object) -> dict[str, Any]:
    return {"type": "stop", **fields}


def read(*rows: object) -> tuple[tuple[Trigger, ...], list[str], list[str]]:
    """The triggers, the problems and the warnings, each as ``path: message``."""
    problems: list[Problem] = []
    warnings: list[Problem] = []
    made = read_triggers(list(rows), "triggers", problems, warnings)
    return made, [str(problem) for problem in problems], [str(warning) for warning in warnings]


@quickly
@given(stacks)
def test_what_was_exported_imports_the_same(stack: tuple[Trigger, ...]) -> None:
    rules = RuleSet((Rule(Target("chat"), triggers=stack),))
    exported = json.loads(json.dumps(write_document(rules, "c4n0n")))
    parsed = parse_document(exported)
    assert parsed.warnings == ()
    assert parsed.rules.rules == rules.rules
    assert hash(parsed.rules.rules[0]) == hash(rules.rules[0])
    assert parsed.rules.rules[0].triggers == stack, "in their order, as are their steps"
    assert write_document(parsed.rules, "c4n0n") == exported


@quickly
@given(stacks, st.sampled_from(TriggerEvent))
def test_triggers_on_an_event_are_those_that_are_on_in_their_order(
    stack: tuple[Trigger, ...], event: TriggerEvent
) -> None:
    rule = Rule(Target("chat"), triggers=stack)
    assert list(rule.triggers_on(event)) == [t for t in stack if t.enabled and event in t.events]


@quickly
@given(triggers, triggers)
def test_rules_are_equal_if_their_triggers_are(one: Trigger, other: Trigger) -> None:
    first, second = (Rule(Target("chat"), triggers=(trigger,)) for trigger in (one, other))
    assert (first == second) == (one == other)
    assert first != Rule(Target("chat"))


def test_settings_are_written_in_one_way_only() -> None:
    assert TriggerStep.of(StepKind.LOG, {"b": 1, "a": "é"}) == TriggerStep.of(StepKind.LOG, {"a": "é", "b": 1})
    assert TriggerStep.of(StepKind.LOG, {"b": 1, "a": 2}).settings == '{"a":2,"b":1}'


def test_what_a_sparse_trigger_gets() -> None:
    [made], problems, warnings = read(row())
    assert (problems, warnings) == ([], [])
    assert made == Trigger("guard", frozenset({TriggerEvent.MESSAGE}), (), True, OnFailure.BLOCK)
    assert trigger_row(made) == {
        "name": "guard",
        "enabled": True,
        "events": ["message"],
        "on_failure": "block",
        "steps": [],
    }


def test_a_rule_without_triggers_writes_none_that_matter() -> None:
    assert not rule_row(Rule(Target("chat"))).get("triggers")
    assert read_triggers(None, "triggers", []) == ()


def test_events_are_written_in_the_order_of_the_documentation_and_once() -> None:
    [made], problems, _ = read(row(events=["event", "join", "join", "message"]))
    assert problems == []
    assert trigger_row(made)["events"] == ["message", "join", "event"]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (5, "triggers[0]: Expected an object."),
        ([], "triggers[0]: Expected an object."),
        ({}, "triggers[0].name: A trigger needs a name."),
        (row(name=" "), "triggers[0].name: A trigger needs a name."),
        (row(name=5), "triggers[0].name: A trigger needs a name."),
        (row(name="a\nb"), "triggers[0].name: A name can't hold control characters."),
        (row(name="\ud800"), "triggers[0].name: A name can't hold control characters."),
        (row(name="x" * (NAME_MOST + 1)), "triggers[0].name: At most 100 characters."),
        (row(enabled="yes"), "triggers[0].enabled: Expected true or false."),
        (row(enabled=None), "triggers[0].enabled: Expected true or false."),
        (row(events="message"), "triggers[0].events: Expected a list of one or more of message, join, leave, event."),
        (row(events=[]), "triggers[0].events: Expected a list of one or more of message, join, leave, event."),
        (row(events=["send"]), "triggers[0].events: Expected a list of one or more of message, join, leave, event."),
        (row(events=[["join"]]), "triggers[0].events: Expected a list of one or more of message, join, leave, event."),
        (row(on_failure="ignore"), "triggers[0].on_failure: Expected `block` or `pass`."),
        (row(on_failure=["block"]), "triggers[0].on_failure: Expected `block` or `pass`."),
        (row(steps={}), "triggers[0].steps: Expected a list of steps."),
        (row(steps=None), "triggers[0].steps: Expected a list of steps."),
        (row(steps=["stop"]), "triggers[0].steps[0]: Expected an object with `type`."),
        (row(steps=[step(), {}]), "triggers[0].steps[1].type: Expected one of condition, validate, rate_limit, "),
        (row(steps=[step(type="shell")]), "triggers[0].steps[0].type: Expected one of condition, validate, "),
        (row(steps=[step(type=["stop"])]), "triggers[0].steps[0].type: Expected one of condition, validate, "),
        (row(steps=[step(a=float("nan"))]), "triggers[0].steps[0]: Expected settings that can be written as JSON."),
        (row(steps=[step(a={1, 2})]), "triggers[0].steps[0]: Expected settings that can be written as JSON."),
        (row(steps=[step(a="x" * SETTINGS_MOST)]), "triggers[0].steps[0]: The settings of a step take at most 64 KiB."),
        (row(steps=[step()] * (STEPS_MOST + 1)), "triggers[0].steps: At most 50 steps a trigger."),
    ],
)
def test_what_is_wrong_is_named_by_its_path(wrong: object, where: str) -> None:
    made, problems, _ = read(wrong)
    assert made == ()
    assert len(problems) == 1
    assert problems[0].startswith(where)


def test_settings_that_contain_themselves_or_are_nested_without_end_are_a_problem() -> None:
    circle: list[Any] = []
    circle.append(circle)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (circle, deep):
        assert read(row(steps=[step(a=value)]))[1] == [
            "triggers[0].steps[0]: Expected settings that can be written as JSON."
        ]


def test_all_problems_are_told_at_once_with_the_rule_they_are_in() -> None:
    broken = {"pattern": "b", "triggers": [row(enabled=1, events=[], steps=[step(type="x"), 7]), row(on_failure=0)]}
    with pytest.raises(DocumentError) as caught:
        parse_document({"channels": [{"pattern": "a"}, broken]})
    assert [problem.path for problem in caught.value.problems] == [
        f"channels[1].triggers{path}"
        for path in ("[0].enabled", "[0].events", "[0].steps[0].type", "[0].steps[1]", "[1].on_failure")
    ]


@pytest.mark.parametrize("value", [{}, "guard", 5, True])
def test_triggers_are_a_list(value: object) -> None:
    problems: list[Problem] = []
    assert read_triggers(value, "channels[3].triggers", problems) == ()
    assert problems == [Problem("channels[3].triggers", "Expected a list of triggers.")]


def test_the_largest_that_can_be() -> None:
    least = len(TriggerStep.of(StepKind.STOP, {"a": ""}).settings)
    largest = row(
        name="x" * NAME_MOST,
        steps=[step(a="x" * (SETTINGS_MOST - least))] + [step()] * (STEPS_MOST - 1),
    )
    rows = [largest] + [row(name=str(number)) for number in range(TRIGGERS_MOST - 1)]
    made, problems, _ = read(*rows)
    assert problems == []
    assert len(made) == TRIGGERS_MOST
    assert len(made[0].steps) == STEPS_MOST
    assert read(*rows, row(name="one more")) == ((), ["triggers: At most 20 triggers a rule."], [])


def test_the_size_of_settings_is_counted_in_bytes_as_they_are_kept() -> None:
    [made], problems, _ = read(row(steps=[step(a="é" * 10_000)]))
    assert problems == []
    assert len(made.steps[0].settings) == len('{"a":""}') + 6 * 10_000, "which is how JSON escapes it"
    assert read(row(steps=[step(a="é" * 11_000)]))[1] != []


def test_two_of_the_same_name_in_one_rule() -> None:
    _, problems, _ = read(row(), row(name="other"), row())
    assert problems == ["triggers[2].name: There is already a trigger `guard`."]
    parsed = parse_document({"channels": [{"pattern": p, "triggers": [row()]} for p in ("a", "b")]})
    assert [len(rule.triggers) for rule in parsed.rules.rules] == [1, 1], "in two rules they may"


def test_unknown_fields_of_a_trigger_are_warnings_and_those_of_a_step_its_settings() -> None:
    [made], problems, warnings = read(row(colour="red", **{"\ud800": 1}, steps=[step(colour="red")]))
    assert problems == []
    assert warnings == [f"triggers[0].{name}: Unknown field, passed over." for name in ("colour", "?")]
    assert made.steps[0].values == {"colour": "red"}
    parsed = parse_document({"channels": [{"pattern": "a", "triggers": [row(colour="red")]}]})
    assert [warning.path for warning in parsed.warnings] == ["channels[0].triggers[0].colour"]


@quickly
@given(json_values)
def test_reading_never_raises(value: Any) -> None:
    for document in (value, [value], [row(steps=value)], [row(steps=[value])], [row(events=value, on_failure=value)]):
        problems: list[Problem] = []
        made = read_triggers(document, "triggers", problems)
        assert problems or made or not document
