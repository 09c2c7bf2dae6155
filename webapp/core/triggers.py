"""Triggers as a rule holds them: what they are called, when they run, and their stack of steps, as data.

What a kind of step means, and whether its settings make sense, is for ``webapp.triggers``; here they are an object of
JSON, so that a version that was published once can be read for ever.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from .problems import Problem

TRIGGERS_MOST = 20
STEPS_MOST = 50
NAME_MOST = 100
SETTINGS_MOST = 64 * 1024
"""Bytes of JSON that the settings of one step may take."""
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_FIELDS = ("name", "enabled", "events", "on_failure", "steps")


class TriggerEvent(StrEnum):
    """What sets a trigger off. ``event``: a message of the server, never one that a trigger published."""

    MESSAGE = "message"
    JOIN = "join"
    LEAVE = "leave"
    EVENT = "event"


class OnFailure(StrEnum):
    """What becomes of a message or join whose trigger failed or ran out of time."""

    BLOCK = "block"
    PASS = "pass"


class StepKind(StrEnum):
    """The kinds of steps, by the name that documents use."""

    CONDITION = "condition"
    VALIDATE = "validate"
    RATE_LIMIT = "rate_limit"
    TRANSFORM = "transform"
    JAVASCRIPT = "javascript"
    WEBHOOK = "webhook"
    PUBLISH = "publish"
    LOG = "log"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class TriggerStep:
    """One step of a stack. ``settings`` is an object as JSON text, written in one way only: keys sorted, no spaces."""

    kind: StepKind
    settings: str = "{}"

    @classmethod
    def of(cls, kind: StepKind, values: Mapping[str, Any]) -> "TriggerStep":
        return cls(kind, json.dumps(values, separators=(",", ":"), sort_keys=True, allow_nan=False))

    @property
    def values(self) -> Mapping[str, Any]:
        """The settings by name. Not to be changed: they are shared."""
        return _values(self.settings)


@lru_cache(1024)
def _values(settings: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(settings)
    return values


@dataclass(frozen=True, slots=True)
class Trigger:
    """A stack of steps that runs on some events of a rule's channels, in order, each on what the one before left."""

    name: str
    events: frozenset[TriggerEvent] = frozenset({TriggerEvent.MESSAGE})
    steps: tuple[TriggerStep, ...] = ()
    enabled: bool = True
    on_failure: OnFailure = OnFailure.BLOCK


def trigger_row(trigger: Trigger) -> dict[str, Any]:
    """Write a trigger as an entry of a rule's ``triggers``; :func:`read_triggers` is the inverse."""
    return {
        "name": trigger.name,
        "enabled": trigger.enabled,
        "events": [event.value for event in TriggerEvent if event in trigger.events],
        "on_failure": trigger.on_failure.value,
        "steps": [{"type": step.kind.value, **step.values} for step in trigger.steps],
    }


def read_triggers(
    value: object, path: str, problems: list[Problem], warnings: list[Problem] | None = None
) -> tuple[Trigger, ...]:
    """Read a rule's ``triggers``, noting every problem at its place, such as ``triggers[0].steps[2].type``."""
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.append(Problem(path, "Expected a list of triggers."))
        return ()
    if len(value) > TRIGGERS_MOST:
        problems.append(Problem(path, f"At most {TRIGGERS_MOST} triggers a rule."))
        return ()
    read = [_trigger(row, f"{path}[{i}]", problems, warnings) for i, row in enumerate(value)]
    triggers: list[Trigger] = []
    for index, trigger in enumerate(read):
        if trigger is None:
            continue
        if any(trigger.name == other.name for other in triggers):
            problems.append(Problem(f"{path}[{index}].name", f"There is already a trigger `{trigger.name}`."))
        triggers.append(trigger)
    return tuple(triggers)


def _trigger(row: object, path: str, problems: list[Problem], warnings: list[Problem] | None) -> Trigger | None:
    if not isinstance(row, Mapping):
        problems.append(Problem(path, "Expected an object."))
        return None
    before = len(problems)
    if warnings is not None:
        unknown = [str(name).encode("utf-8", "replace").decode() for name in row if name not in _FIELDS]
        warnings += [Problem(f"{path}.{name}", "Unknown field, passed over.") for name in unknown]
    name = row.get("name")
    problem = name_problem(name)
    if problem is not None:
        problems.append(Problem(f"{path}.name", problem))
    enabled = row.get("enabled", True)
    if not isinstance(enabled, bool):
        problems.append(Problem(f"{path}.enabled", "Expected true or false."))
    events = _events(row.get("events", ["message"]), f"{path}.events", problems)
    on_failure = row.get("on_failure", OnFailure.BLOCK.value)
    if on_failure not in list(OnFailure):
        problems.append(Problem(f"{path}.on_failure", "Expected `block` or `pass`."))
    steps = _steps(row.get("steps", []), f"{path}.steps", problems)
    if len(problems) > before:
        return None
    return Trigger(str(name), events, steps, bool(enabled), OnFailure(on_failure))


def name_problem(name: object) -> str | None:
    """Say what is wrong with the name of a trigger, or None."""
    if not isinstance(name, str) or not name.strip():
        return "A trigger needs a name."
    if len(name) > NAME_MOST:
        return f"At most {NAME_MOST} characters."
    return "A name can't hold control characters." if _FORBIDDEN.search(name) else None


def _events(value: object, path: str, problems: list[Problem]) -> frozenset[TriggerEvent]:
    known = [event.value for event in TriggerEvent]
    if not isinstance(value, list) or not value or not all(event in known for event in value):
        problems.append(Problem(path, f"Expected a list of one or more of {', '.join(known)}."))
        return frozenset()
    return frozenset(TriggerEvent(event) for event in value)


def _steps(value: object, path: str, problems: list[Problem]) -> tuple[TriggerStep, ...]:
    if not isinstance(value, list):
        problems.append(Problem(path, "Expected a list of steps."))
        return ()
    if len(value) > STEPS_MOST:
        problems.append(Problem(path, f"At most {STEPS_MOST} steps a trigger."))
        return ()
    steps = []
    for index, row in enumerate(value):
        step = _step(row, f"{path}[{index}]", problems)
        if step is not None:
            steps.append(step)
    return tuple(steps)


def _step(row: object, path: str, problems: list[Problem]) -> TriggerStep | None:
    if not isinstance(row, Mapping):
        problems.append(Problem(path, "Expected an object with `type`."))
        return None
    kinds = [kind.value for kind in StepKind]
    kind = row.get("type")
    if kind not in kinds:
        problems.append(Problem(f"{path}.type", f"Expected one of {', '.join(kinds)}."))
        return None
    try:
        step = TriggerStep.of(StepKind(kind), {name: value for name, value in row.items() if name != "type"})
        too_large = len(step.settings) > SETTINGS_MOST
    except (TypeError, ValueError, RecursionError):
        problems.append(Problem(path, "Expected settings that can be written as JSON."))
        return None
    if too_large:
        problems.append(Problem(path, f"The settings of a step take at most {SETTINGS_MOST // 1024} KiB."))
        return None
    return step
