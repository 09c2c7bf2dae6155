"""The matrix asks the judge; a form's rule takes its place in the set; an example is one where the rule decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.strategies import boxes, channels, near_targets, quickly, switches, targets
from webapp.core.actors import ANONYMOUS, actor_from_claims
from webapp.core.permissions import Operation
from webapp.core.policy import decide
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target, parse_target
from webapp.inspector.simulate import EXAMPLE_NAMES, example_channel, matrix, with_rule

ACTORS = (ANONYMOUS, actor_from_claims({"sub": "u"}), actor_from_claims({"sub": "u", "authorized_channels": ["a/*"]}))


@quickly
@given(st.lists(st.tuples(targets, boxes), unique_by=lambda pair: pair[0], max_size=6), switches, channels)
def test_the_matrix_is_what_the_judge_says(rows: list[tuple[Target, frozenset]], switched: object, name: str) -> None:  # type: ignore[type-arg]
    rules = RuleSet(tuple(Rule(target, permissions) for target, permissions in rows), switched)  # type: ignore[arg-type]
    asked = matrix(rules, name, ACTORS)
    assert [[d.operation for d in row] for row in asked] == [list(Operation)] * len(ACTORS)
    for actor, row in zip(ACTORS, asked, strict=True):
        assert list(row) == [decide(rules, actor, operation, name) for operation in Operation]


@quickly
@given(st.lists(near_targets, unique=True, min_size=1, max_size=12), st.data())
def test_an_active_rule_decides_for_its_example(chosen: list[Target], data: st.DataObject) -> None:
    """Which also says that no active rule can be covered by others completely."""
    rules = RuleSet(tuple(Rule(target) for target in chosen))
    target = data.draw(st.sampled_from(chosen))
    channel = example_channel(rules, target)
    decides = rules.resolve(channel)
    assert decides is not None
    assert decides.target == target


@pytest.mark.parametrize(
    ("target", "channel"),
    [
        (Target("chat"), "chat"),
        (Target("*"), "*"),
        (parse_target("chat", True), "chat/lobby"),
        (parse_target("org/*/rooms/*", True), "org/lobby/rooms/lobby"),
        (parse_target("*", True), "lobby"),
        (parse_target("x" * 253 + "/*", True), "x" * 253 + "/x"),
    ],
)
def test_examples(target: Target, channel: str) -> None:
    assert example_channel(RuleSet(), target) == channel


def test_an_example_avoids_names_that_other_rules_took() -> None:
    taken = tuple(Rule(Target(f"chat/{name}"), enabled=name != "room-1") for name in EXAMPLE_NAMES)
    assert example_channel(RuleSet(taken), parse_target("chat", True)) == "chat/room-1"
    assert example_channel(RuleSet(taken[:2] + taken[3:]), parse_target("chat", True)) == "chat/room-1"


@pytest.mark.parametrize(
    ("target", "replaces", "expected"),
    [
        ("b", Target("a"), ["b", "c"]),  # takes the place of the rule that it replaces
        ("c", Target("a"), ["c"]),  # and of the one whose target it takes
        ("c", None, ["a", "c"]),
        ("d", None, ["a", "c", "d"]),
        ("d", Target("gone"), ["a", "c", "d"]),
    ],
)
def test_a_rule_takes_its_place(target: str, replaces: Target | None, expected: list[str]) -> None:
    rules = RuleSet((Rule(Target("a")), Rule(Target("c"))), version=7)
    placed = with_rule(rules, Rule(Target(target), description="new"), replaces)
    assert [rule.target.text for rule in placed.rules] == expected
    assert [rule.target.text for rule in placed.rules if rule.description] == [target]
    assert placed.version == 7
