"""Why each rule decides for a channel or not, as the dashboard lists them."""

from itertools import pairwise

from hypothesis import given

from webapp.core.ruleset import Outcome, Rule, RuleSet

from . import naive
from .making import pattern, rule, rule_set
from .strategies import near_channels, near_targets, quickly, rules_on

near_rules = rules_on(near_targets)


@quickly
@given(near_rules, near_channels)
def test_every_rule_is_considered_once_with_a_reason_and_the_winner_first(rules: list[Rule], channel: str) -> None:
    considered = RuleSet(tuple(rules)).consider(channel)
    assert sorted(map(id, (c.rule for c in considered))) == sorted(map(id, rules))
    winner = naive.winner(rules, channel)
    for place, c in enumerate(considered):
        if c.rule is winner:
            wanted = Outcome.DECIDES
            assert place == 0
        elif not naive.matches(c.rule.target, channel):
            wanted = Outcome.NO_MATCH
        else:
            wanted = Outcome.LESS_SPECIFIC if c.rule.enabled else Outcome.OFF
        assert c.outcome is wanted
        assert f"`{c.rule.target}`" in c.sentence
    losing = [c.rule.target for c in considered if c.outcome is Outcome.LESS_SPECIFIC]
    assert all(naive.compare(a, b) < 0 for a, b in pairwise(losing))
    matching = [naive.matches(c.rule.target, channel) for c in considered]
    assert matching == sorted(matching, reverse=True)


def test_rules_that_lose_are_listed_from_the_most_specific_on() -> None:
    considered = rule_set(pattern("*"), pattern("*/*"), pattern("a/*"), pattern("*/b"), rule("a/b")).consider("a/b")
    assert [c.rule.target.text for c in considered] == ["a/b", "a/*", "*/b", "*/*", "*"]


def test_a_rule_that_loses_is_told_to_whom() -> None:
    considered = rule_set(pattern("*"), pattern("a/*"), pattern("a/b/*", enabled=False), rule("z")).consider("a/b/c")
    assert [(c.rule.target.text, str(c.outcome)) for c in considered] == [
        ("a/*", "decides"),
        ("*", "less specific"),
        ("a/b/*", "off"),
        ("z", "no match"),
    ]
    assert "`a/*` is more specific" in considered[1].sentence
    assert "inactive" in considered[2].sentence
