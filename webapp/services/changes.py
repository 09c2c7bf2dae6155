"""What another set of rules would change, before it does."""

from dataclasses import dataclass

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
        return not (self.added or self.changed or self.removed or self.switches)


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


def _differing(before: Rule, after: Rule) -> tuple[str, ...]:
    was = rule_row(before)
    return tuple(name for name, value in rule_row(after).items() if value != was[name])
