"""Where two states of a rule differ, field by field in the form's words."""

from dataclasses import dataclass

from ...core.documents import rule_row
from ...core.permissions import Permission
from ...core.ruleset import Rule
from .glyphs import full_label

LABELS = {
    "enabled": "Status",
    "pattern": "Channel name",
    "wildcard": "Nested channels",
    "description": "Description",
    "history": "Message history",
    "history_events": "Store server events",
    **{permission.value: full_label(permission) for permission in Permission},
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that is not the same in two states of a rule, in words. None: there is no rule on that side."""

    label: str
    before: str | None
    after: str | None


def differences(before: Rule | None, after: Rule | None) -> list[Difference]:
    """Say which fields differ; of a rule that is on one side only, those that say something."""
    was = rule_row(before) if before is not None else {}
    will_be = rule_row(after) if after is not None else {}
    return [
        Difference(label, _words(name, was), _words(name, will_be))
        for name, label in LABELS.items()
        if was.get(name) != will_be.get(name) and (was.get(name) or will_be.get(name))
    ]


def changed_words(before: Rule, after: Rule) -> str:
    """Name the fields that differ, for one line: "status, message history"."""
    return ", ".join(difference.label.lower() for difference in differences(before, after))


def _words(name: str, row: dict[str, object]) -> str | None:
    value = row.get(name)
    if name not in row:
        return None
    if name == "enabled":
        return "active" if value else "inactive"
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "history":
        return f"{value:,} messages" if value else "off"
    return str(value)
