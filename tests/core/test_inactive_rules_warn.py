"""The warning that another rule decides where an inactive one would: PERMISSIONS.md, "Targets"."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.ruleset import Rule, shadowed_by_inactive

from . import naive
from .making import pattern, rule
from .strategies import quickly, rules_on

CHANNELS = [channel for channel in naive.CHANNELS if channel.count("/") < 4]


def test_an_exact_rule_that_is_off_leaves_its_channel_to_the_pattern() -> None:
    off, broader, beside = rule("a/b", enabled=False), pattern("a/*"), rule("a/c")
    assert shadowed_by_inactive([off, broader, beside], off) == [broader]


def test_the_warning_about_an_inactive_rule_names_the_broader_rules_that_decide_instead() -> None:
    off = pattern("a/*", enabled=False)
    everything, inside, exact, beside = pattern("*"), pattern("a/b/*"), rule("a/b"), pattern("c/*")
    # `a/b/*` and `a/b` decide their channels with or without `a/*`: nothing to warn of.
    assert shadowed_by_inactive([off, everything, inside, exact, beside], off) == [everything]
    assert shadowed_by_inactive([off, inside, beside], off) == []
    assert shadowed_by_inactive([inside, everything], inside) == []  # active: nothing to warn of


@pytest.mark.parametrize("middle", ["*/b", "*/b/*", "a/*/c"])
def test_the_warning_about_crossing_patterns(middle: str) -> None:
    # Neither is broader as a whole, but `a/*` and `a/b/*` would win wherever they meet `*/b…`.
    off, other = pattern("a/b/*" if middle == "a/*/c" else "a/*", enabled=False), pattern(middle)
    assert shadowed_by_inactive([off, other], off) == [other]


def test_an_inactive_rule_that_is_off_too_is_not_named() -> None:
    off = pattern("a/*", enabled=False)
    assert shadowed_by_inactive([off, pattern("*", enabled=False)], off) == []


@quickly
@given(rules_on(st.sampled_from(naive.TARGETS), longest=4))
def test_the_warning_names_what_decides_instead_and_nothing_narrower(rules: list[Rule]) -> None:
    for off in (r for r in rules if not r.enabled):
        others = [r for r in rules if r is not off]
        on = replace(off, enabled=True)
        covered = [channel for channel in CHANNELS if naive.matches(off.target, channel)]
        lost = [channel for channel in covered if naive.winner([*others, on], channel) is on]
        instead = {r.target for r in (naive.winner(others, channel) for channel in lost) if r is not None}
        alone = {r.target for r in others for c in covered if naive.winner([r, on], c) is on and naive.winner([r], c)}
        named = {r.target for r in shadowed_by_inactive(rules, off)}
        assert instead <= named <= alone
