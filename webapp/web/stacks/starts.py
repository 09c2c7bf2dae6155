"""Ready-made stacks, as first steps."""

from dataclasses import dataclass
from typing import Any

from ...core.triggers import OnFailure, StepKind, Trigger, TriggerEvent, TriggerStep

_AGENTS = 'event.client?.extras?.role === "agent"'
_WORDS = r'!/\b(spam|scam)\b/i.test(String(event.payload?.text ?? ""))'
_SHAPE = {
    "type": "object",
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 500}},
    "required": ["text"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Start:
    """A stack that the form can begin with."""

    key: str
    title: str
    says: str
    trigger: Trigger


def _start(key: str, title: str, says: str, kind: StepKind, values: dict[str, Any], **more: Any) -> Start:
    return Start(key, title, says, Trigger(title, steps=(TriggerStep.of(kind, values),), **more))


STARTS = (
    _start(
        "rate-limit",
        "Five messages a minute",
        "Each user may send five messages a minute.",
        StepKind.RATE_LIMIT,
        {"limit": 5, "seconds": 60, "per": "user", "message": "Slow down: five messages a minute."},
    ),
    _start(
        "words",
        "Block words",
        "Blocks messages whose text holds one of some words.",
        StepKind.CONDITION,
        {"expression": _WORDS, "otherwise": "block", "message": "Please keep it friendly."},
    ),
    _start(
        "agents",
        "Only agents",
        "Lets in only clients whose token says that they are agents.",
        StepKind.CONDITION,
        {"expression": _AGENTS, "otherwise": "block", "message": "Only agents may join."},
        events=frozenset({TriggerEvent.JOIN}),
    ),
    _start(
        "shape",
        "Check the shape",
        "Blocks messages that are not what your front end understands.",
        StepKind.VALIDATE,
        {"schema": _SHAPE, "message": ""},
    ),
    _start(
        "webhook",
        "Post to a webhook",
        "Tells a server of yours about every message, without waiting for it.",
        StepKind.WEBHOOK,
        {"url": "https://hooks.example.com/messages", "when": "after"},
        on_failure=OnFailure.PASS,
    ),
)


def start(key: str) -> Start | None:
    return next((s for s in STARTS if s.key == key), None)
