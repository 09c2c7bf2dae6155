"""Two changes of one rule set come together: what only one of them changed stays changed, nothing else moves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import Target
from webapp.services.changes import Choice, compare, merge

names = st.sampled_from(["a", "b", "c", "d"])
rows = st.builds(
    Rule,
    target=st.builds(Target, names, st.just(False)),
    permissions=st.sampled_from([frozenset(), frozenset({Permission.PRESENCE})]),
    enabled=st.booleans(),
)
switches = st.builds(Switches, strict_anonymous=st.booleans(), access_manager=st.booleans())
sets = st.builds(RuleSet, st.lists(rows, max_size=4, unique_by=lambda rule: rule.target).map(tuple), switches)
quickly = settings(max_examples=400, deadline=None, database=None)


def by_target(rules: RuleSet) -> dict[Target, Rule]:
    return {rule.target: rule for rule in rules.rules}


@quickly
@given(sets, sets, sets, st.sampled_from(Choice))
def test_each_rule_is_one_side_s_and_conflicts_are_exactly_what_both_changed(
    base: RuleSet, mine: RuleSet, theirs: RuleSet, choice: Choice
) -> None:
    old, ours, now = by_target(base), by_target(mine), by_target(theirs)
    both = {
        target
        for target in {**old, **ours, **now}
        if ours.get(target) != old.get(target) != now.get(target) and ours.get(target) != now.get(target)
    }
    undecided = merge(base, mine, theirs, {})
    assert {conflict.target for conflict in undecided.conflicts} == both
    merged = merge(base, mine, theirs, dict.fromkeys(both, choice))
    assert merged.conflicts == ()
    result = by_target(merged.rules)
    for target in {**old, **ours, **now}:
        if target in both:
            expected = ours.get(target) if choice is Choice.MINE else now.get(target)
        else:
            expected = ours.get(target) if ours.get(target) != old.get(target) else now.get(target)
        assert result.get(target) == expected
    for name in ("strict_anonymous", "access_manager"):
        changed = getattr(mine.switches, name) != getattr(base.switches, name)
        assert getattr(merged.rules.switches, name) == getattr((mine if changed else theirs).switches, name)


@quickly
@given(sets, sets)
def test_with_nothing_new_on_the_other_side_it_is_the_change_itself(base: RuleSet, mine: RuleSet) -> None:
    assert compare(mine, merge(base, mine, base, {}).rules).nothing
    assert compare(mine, merge(base, base, mine, {}).rules).nothing
    assert compare(mine, merge(base, mine, mine, {}).rules).nothing
