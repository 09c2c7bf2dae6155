"""Which rule decides for a channel: the most specific active one, whatever the order of the rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.ruleset import DuplicateTargetError, Rule, RuleSet

from . import naive
from .making import pattern, rule, rule_set
from .strategies import near_channels, near_targets, quickly, rules_on

near_rules = rules_on(near_targets)


@pytest.mark.parametrize(
    ("targets", "channel", "decides"),
    [
        (["*", "a/*", "a/b/*", "=a/b/c"], "a/b/c", "a/b/c"),
        (["*", "a/*", "a/b/*"], "a/b/c", "a/b/*"),
        (["*", "a/*", "*/b/c"], "a/b/c", "a/*"),  # from the left: a literal beats `*` at once
        (["*", "a/*", "a/*/c"], "a/b/c", "a/*/c"),  # a middle star beats a trailing one
        (["*", "*/b/c"], "a/b/c", "*/b/c"),
        (["a/*/c/*", "a/*/*/d"], "a/b/c/d", "a/*/c/*"),
        (["a/*/c", "a/b/*"], "a/b/c", "a/b/*"),
        (["a/b/x/*", "a/*/y"], "a/b/y", "a/*/y"),  # the literal way leads nowhere
        (["a/b/x/*", "*/b/*"], "a/b/y", "*/b/*"),
        (["*", "=a/*"], "a/*", "a/*"),
        (["a/*", "=a/*"], "a/*", "a/*"),
        (["a/*"], "a", None),
        ([], "a", None),
    ],
)
def test_which_rule_decides(targets: list[str], channel: str, decides: str | None) -> None:
    rules = [rule(text[1:]) if text.startswith("=") else pattern(text) for text in targets]
    for ordered in (rules, rules[::-1]):
        winner = rule_set(*ordered).resolve(channel)
        assert (winner.target.text if winner else None) == decides


def test_an_exact_rule_beats_a_pattern_of_the_same_text() -> None:
    exact, nested = rule("a/*"), pattern("a/*")
    assert rule_set(nested, exact).resolve("a/*") is exact
    assert rule_set(nested, exact).resolve("a/b") is nested


@quickly
@given(near_rules, near_channels, st.randoms(use_true_random=False))
def test_the_first_of_all_matching_rules_decides_in_any_order(rules: list[Rule], channel: str, random: object) -> None:
    wanted = naive.winner(rules, channel)
    random.shuffle(rules)  # type: ignore[attr-defined]
    assert RuleSet(tuple(rules)).resolve(channel) is wanted


def test_no_two_small_targets_tie_on_a_channel() -> None:
    rules = [Rule(target) for target in naive.TARGETS]
    compiled = RuleSet(tuple(rules))
    for channel in naive.CHANNELS[:400]:
        assert compiled.resolve(channel) is naive.winner(rules, channel)


@quickly
@given(near_rules, near_channels)
def test_an_inactive_rule_is_as_if_it_were_not_there(rules: list[Rule], channel: str) -> None:
    with_them = RuleSet(tuple(rules)).resolve(channel)
    without = RuleSet(tuple(r for r in rules if r.enabled)).resolve(channel)
    assert with_them is without


def test_two_rules_can_not_have_the_same_target_even_if_one_is_inactive() -> None:
    for second in (pattern("a"), pattern("a/*", enabled=False)):
        with pytest.raises(DuplicateTargetError) as caught:
            rule_set(rule("b"), pattern("a/*"), second)
        assert caught.value.index == 2
        assert "a/*" in str(caught.value)


def test_long_channels_and_deep_rules_are_resolved() -> None:
    deep = "/".join(["*"] * 127)
    rules = rule_set(pattern(deep), pattern("*"))
    channel = "/".join(["a"] * 128)
    winner = rules.resolve(channel)
    assert winner is not None
    assert winner.target.text == deep
    assert rules.resolve("/" * 255) is rules.rules[1]


def test_many_ways_through_the_rules_stay_few_steps() -> None:
    # Every rule has a name and a star at each place; a search that tried all combinations would take 2^40 steps.
    ways = [pattern("/".join(["a"] * i + ["*"] + ["a"] * (40 - i) + ["end"])) for i in range(40)]
    rules = rule_set(*ways, pattern("/".join(["*"] * 40 + ["end"])), pattern("/".join(["a"] * 40 + ["end", "*"])))
    assert rules.resolve("/".join(["a"] * 41 + ["other"])) is None
    assert rules.resolve("/".join(["a"] * 41 + ["end"])) is ways[39]
