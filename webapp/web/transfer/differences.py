"""What another set of rules would change, field by field, in the words of the pages."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...core.documents import rule_row
from ...core.permissions import PERMISSIONS, Permission
from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target
from ...services.changes import compare

SWITCHES = {
    "enabled": "Realtime",
    "strict_anonymous": "Strict anonymous",
    "refuse_bad_tokens": "Refuse bad tokens",
    "access_manager": "Access Manager",
    "open_operations": "Open operations",
}
_FIELDS = {
    "enabled": "Status",
    "description": "Description",
    "history": "Message history",
    "history_events": "Store server events",
}
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of a rule, or a switch, before and after."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that would be new, different or gone. ``verdict`` is the colour and shape it is shown with."""

    target: Target
    word: str
    verdict: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Differences:
    """All that would change, and how many rules would not."""

    rules: tuple[RuleChange, ...]
    switches: tuple[FieldChange, ...]
    same: int

    @property
    def nothing(self) -> bool:
        return not self.rules and not self.switches

    def count(self, word: str) -> int:
        return sum(change.word == word for change in self.rules)


def differences(before: RuleSet, after: RuleSet) -> Differences:
    """Compare two sets of rules, by target; removed rules come first, since they take something away."""
    comparison = compare(before, after)
    old = {rule.target: rule for rule in before.rules}
    new = {rule.target: rule for rule in after.rules}
    changes = [RuleChange(t, "removed", "denied", tuple(_held(old[t]))) for t in comparison.removed]
    changes += [
        RuleChange(c.target, "changed", "changed", tuple(_changed(old[c.target], new[c.target], c.fields)))
        for c in comparison.changed
    ]
    changes += [RuleChange(t, "new", "allowed", tuple(_held(new[t]))) for t in comparison.added]
    switches = tuple(
        FieldChange(SWITCHES.get(name, name), _on(getattr(before.switches, name)), _on(getattr(after.switches, name)))
        for name in comparison.switches
    )
    return Differences(tuple(changes), switches, len(comparison.same))


def _changed(before: Rule, after: Rule, fields: tuple[str, ...]) -> Iterator[FieldChange]:
    was, will_be = rule_row(before), rule_row(after)
    for name in fields:
        yield FieldChange(label(name), _said(name, was[name]), _said(name, will_be[name]))


def _held(rule: Rule) -> Iterator[FieldChange]:
    """Name what a rule that comes or goes holds: only what is on."""
    row = rule_row(rule)
    for name in ("enabled", *map(str, Permission), "history", "history_events", "description"):
        if (name == "enabled") != bool(row[name]):
            yield FieldChange(label(name), "", _said(name, row[name]))


def label(name: str) -> str:
    """Name a field of the settings document as the forms do."""
    if name in _FIELDS:
        return _FIELDS[name]
    info = PERMISSIONS[Permission(name)]
    if info.narrows is None:
        return info.label
    return f"{PERMISSIONS[info.narrows].label}: {info.label.lower()}"


def _said(name: str, value: object) -> str:
    if name == "enabled":
        return "active" if value else "inactive"
    if name == "history":
        return f"{value:,} messages" if value else "off"
    if isinstance(value, bool):
        return _on(value)
    return str(value) or NOTHING


def _on(value: bool) -> str:
    return "on" if value else "off"
