"""The rules that the table names beside an inactive one are those that core names, found without looking at all."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.strategies import near_targets, quickly
from webapp.core.ruleset import Rule, RuleSet, shadowed_by_inactive
from webapp.core.targets import Target
from webapp.web.channels.table import HEIRS_NAMED, Query, table


@quickly
@given(st.lists(st.tuples(near_targets, st.booleans()), unique_by=lambda pair: pair[0], min_size=1, max_size=12))
def test_they_are_the_same(chosen: list[tuple[Target, bool]]) -> None:
    rules = RuleSet(tuple(Rule(target, enabled=enabled) for target, enabled in chosen))
    shown = table(rules, None, Query(), None)
    for rule in rules.rules:
        wanted = {heir.target for heir in shadowed_by_inactive(rules.rules, rule)}
        named = shown.heirs.get(rule.target, [])
        assert len(named) == min(len(wanted), HEIRS_NAMED + 1)
        assert set(named) <= wanted
