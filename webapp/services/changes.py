"""What another set of rules would change, before it does; and how two changes of one set come together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ..core.documents import rule_row
from ..core.ruleset import Rule, RuleSet
from ..core.targets import Target


@dataclass(frozen=True, slots=True)
class ChangedRule:
    """A rule that both sets have; ``fields`` are those of the settings document that differ."""

    target: Target
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rules of two sets by target; ``switches`` names the workspace's switches that differ."""

    added: tuple[Target, ...]
    changed: tuple[ChangedRule, ...]
    removed: tuple[Target, ...]
    same: tuple[Target, ...]
    switches: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        return not self.count

    @property
    def count(self) -> int:
        """How many rules and switches differ."""
        return len(self.added) + len(self.changed) + len(self.removed) + len(self.switches)


def compare(before: RuleSet, after: RuleSet) -> Comparison:
    """Say which rules are new, different, gone or the same in ``after``."""
    old = {rule.target: rule for rule in before.rules}
    new = {rule.target: rule for rule in after.rules}
    return Comparison(
        added=tuple(t for t in new if t not in old),
        changed=tuple(ChangedRule(t, _differing(old[t], new[t])) for t in new if t in old and new[t] != old[t]),
        removed=tuple(t for t in old if t not in new),
        same=tuple(t for t in new if t in old and new[t] == old[t]),
        switches=tuple(
            name
            for name in type(after.switches).__dataclass_fields__
            if getattr(before.switches, name) != getattr(after.switches, name)
        ),
    )


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the settings document, before and after."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is new (``before`` is None), gone (``after`` is None) or has other ``fields``."""

    target: Target
    before: Rule | None
    after: Rule | None
    fields: tuple[FieldChange, ...] = ()


def rule_changes(before: RuleSet, after: RuleSet) -> list[RuleChange]:
    """Say of each rule that differs what it was and what it is: in the order of ``after``, those that go last."""
    old = {rule.target: rule for rule in before.rules}
    new = {rule.target: rule for rule in after.rules}
    changes = [
        RuleChange(target, old.get(target), rule, field_changes(old.get(target), rule))
        for target, rule in new.items()
        if old.get(target) != rule
    ]
    return changes + [RuleChange(target, rule, None) for target, rule in old.items() if target not in new]


def field_changes(before: Rule | None, after: Rule | None) -> tuple[FieldChange, ...]:
    """Say which fields of a rule differ; none where one of the two is missing."""
    if before is None or after is None:
        return ()
    was, will_be = rule_row(before), rule_row(after)
    return tuple(FieldChange(name, was[name], will_be[name]) for name in was if was[name] != will_be[name])


def switch_changes(before: RuleSet, after: RuleSet) -> list[FieldChange]:
    """Say which of the workspace's switches differ."""
    return [
        FieldChange(name, getattr(before.switches, name), getattr(after.switches, name))
        for name in compare(before, after).switches
    ]


class Choice(StrEnum):
    """Which of two changes of a rule stays."""

    MINE = "mine"
    THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class MergeConflict:
    """A rule that both sides changed, and differently. None: the rule is not there."""

    target: Target
    base: Rule | None
    mine: Rule | None
    theirs: Rule | None


@dataclass(frozen=True, slots=True)
class Merged:
    """Two changes of one set, brought together. Where ``conflicts`` names a rule, ``rules`` has theirs."""

    rules: RuleSet
    conflicts: tuple[MergeConflict, ...]


def merge(base: RuleSet, mine: RuleSet, theirs: RuleSet, choices: Mapping[Target, Choice]) -> Merged:
    """Put what ``mine`` changed against ``base`` on top of ``theirs``, rule by rule and switch by switch."""
    old, ours, now = ({rule.target: rule for rule in side.rules} for side in (base, mine, theirs))
    conflicts = []
    changed: dict[Target, Rule | None] = {}
    for target in {**old, **ours}:
        before, wanted, present = old.get(target), ours.get(target), now.get(target)
        if wanted in (before, present):
            continue
        if present == before:
            changed[target] = wanted
        elif target not in choices:
            conflicts.append(MergeConflict(target, before, wanted, present))
        elif choices[target] is Choice.MINE:
            changed[target] = wanted
    rows = [changed.get(rule.target, rule) for rule in theirs.rules]
    rows += [rule for target, rule in changed.items() if target not in now]
    # A switch has two states: what both changed, both changed to the same.
    flipped = {
        name: getattr(mine.switches, name)
        for name in type(mine.switches).__dataclass_fields__
        if getattr(mine.switches, name) != getattr(base.switches, name)
    }
    kept = tuple(rule for rule in rows if rule is not None)
    return Merged(RuleSet(kept, replace(theirs.switches, **flipped)), tuple(conflicts))


def _differing(before: Rule, after: Rule) -> tuple[str, ...]:
    was = rule_row(before)
    return tuple(name for name, value in rule_row(after).items() if value != was[name])
