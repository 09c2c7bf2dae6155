"""What an entry of the audit log changed, field by field."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...models import AuditEntry
from ..triggerwords import is_triggers, row_changes, triggers_named

SHOWN = 100
"""Fields of one entry that the page shows; the export has all."""
MOST = 400
"""Characters of one value that the page shows."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field whose value is another one afterwards; None where it was not there."""

    name: str
    before: str | None
    after: str | None


def differences(entry: AuditEntry, told: frozenset[str] = frozenset()) -> list[Field]:
    """List the fields that differ, in the order of the entry, but for new or gone ones that were told in words."""
    before, after = dict(_flat(entry.before)), dict(_flat(entry.after))
    fields = (Field(name, before.get(name), after.get(name)) for name in {**before, **after})
    changed = [_in_words(entry, field) for field in fields if field.before != field.after]
    left = (f for f in changed if f.name not in told or (f.before is not None and f.after is not None))
    return list(islice(left, SHOWN))


def _in_words(entry: AuditEntry, field: Field) -> Field:
    """Say what became of triggers, whose stacks nobody reads as JSON."""
    was, now = _list(entry.before, field.name), _list(entry.after, field.name)
    if not is_triggers(field.name, was or now):
        return field
    if was is None or now is None:
        return Field(field.name, *(triggers_named(side) if side is not None else None for side in (was, now)))
    return Field(field.name, triggers_named(was), "; ".join(row_changes(was, now)) or triggers_named(now))


def _list(side: Any, name: str) -> Any:
    """Find a list in one side of an entry, by the name under which it is shown."""
    for part in (side, *(side.get(inner) for inner in ("was", "is") if isinstance(side, Mapping))):
        found = part.get(name) if isinstance(part, Mapping) else None
        if isinstance(found, list):
            return found
    return None


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Go through the fields of a JSON object; ``was`` and ``is`` hold the two sides of one thing."""
    if not isinstance(value, Mapping):
        if value is not None or path:
            yield path or "value", _written(value)
        return
    for name, inner in value.items():
        beneath = "" if not path and name in ("was", "is") and isinstance(inner, Mapping) else f"{path}{name}"
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{beneath}." if beneath else "")
        else:
            yield beneath, _written(inner)


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST else f"{text[:MOST]}…"
