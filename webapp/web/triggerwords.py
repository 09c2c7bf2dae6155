"""What differs between two lists of triggers, in short sentences."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..core.triggers import Trigger, TriggerStep, read_triggers

NAMED = 60
"""Characters of a name that a sentence holds."""


def trigger_changes(before: Iterable[Trigger], after: Iterable[Trigger]) -> list[str]:
    """Say which triggers are new, gone, changed or moved. Text in backquotes is shown as code."""
    old, new = {t.name: t for t in before}, {t.name: t for t in after}
    found = [f"{_named(name)} removed" for name in old if name not in new]
    for name, trigger in new.items():
        if name not in old:
            steps = len(trigger.steps)
            found.append(f"{_named(name)} added: {steps} step{'s' if steps != 1 else ''}")
        elif old[name] != trigger:
            found.append(f"{_named(name)} changed: {', '.join(_differing(old[name], trigger))}")
    kept = [name for name in new if name in old]
    if kept != [name for name in old if name in new]:
        found.append("run in another order")
    return found


def row_changes(before: object, after: object) -> list[str]:
    """Say the same of the ``triggers`` of two rules as documents hold them."""
    return trigger_changes(_read(before), _read(after))


def triggers_named(value: object) -> str:
    """Name the triggers that a document holds."""
    return ", ".join(_named(trigger.name) for trigger in _read(value)) or "none"


def _read(value: object) -> tuple[Trigger, ...]:
    return read_triggers(value if isinstance(value, list) else [], "", [])


def _differing(old: Trigger, new: Trigger) -> Iterator[str]:
    if old.enabled != new.enabled:
        yield f"switched {'on' if new.enabled else 'off'}"
    if old.events != new.events:
        yield "runs on other events"
    if old.on_failure != new.on_failure:
        yield "blocks if it fails" if new.on_failure == "block" else "lets pass if it fails"
    yield from _steps(old.steps, new.steps)


def _steps(old: tuple[TriggerStep, ...], new: tuple[TriggerStep, ...]) -> Iterator[str]:
    if sorted(map(_key, old)) == sorted(map(_key, new)):
        if old != new:
            yield "steps in another order"
        return
    if len(old) == len(new):
        changed = [number for number, (was, now) in enumerate(zip(old, new), 1) if was != now]
        yield f"step{'s' if len(changed) != 1 else ''} {', '.join(map(str, changed))} changed"
        return
    left = list(new)
    gone = [number for number, step in enumerate(old, 1) if not _taken(left, step)]
    if len(gone) < len(old) - len(new) or left:
        yield f"{len(left)} step{'s' if len(left) != 1 else ''} new"
    if gone:
        yield f"step{'s' if len(gone) != 1 else ''} {', '.join(map(str, gone))} gone"


def _taken(left: list[TriggerStep], step: TriggerStep) -> bool:
    if step in left:
        left.remove(step)
        return True
    return False


def _key(step: TriggerStep) -> tuple[str, str]:
    return step.kind.value, step.settings


def _named(name: str) -> str:
    shown = name.replace("`", "'")
    return f"`{shown if len(shown) <= NAMED else shown[:NAMED] + '…'}`"


def is_triggers(name: str, value: Any) -> bool:
    """Whether a field of a document, or of an entry of the audit log, holds triggers."""
    return (
        name.rpartition(".")[2] == "triggers" and isinstance(value, list) and all(isinstance(v, Mapping) for v in value)
    )
