"""The answer of the judge, with the steps that led to it."""

from dataclasses import dataclass
from enum import StrEnum

from .codes import Code
from .permissions import Operation
from .ruleset import Rule


class State(StrEnum):
    """What a step came to."""

    GRANTED = "granted"
    BLOCKED = "blocked"
    NO_MATCH = "no match"
    OFF = "off"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at. ``sentence`` is for the dashboard; clients never see it."""

    subject: str
    state: State
    sentence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an operation is allowed. ``code`` is None exactly if it is."""

    operation: Operation
    channel: str
    allowed: bool
    code: Code | None
    rule: Rule | None
    version: int
    steps: tuple[Step, ...]
    told: str = ""
    """What a trigger has the client told; empty: the sentence of the code."""

    @property
    def message(self) -> str:
        """What the client is told: short, and nothing about other channels, rules or clients."""
        if self.code is None:
            return "Allowed."
        if self.told:
            return self.told
        if self.code is Code.ANONYMOUS_NOT_ALLOWED and self.operation is not Operation.JOIN:
            return "Anonymous clients are silent on this channel: they neither send nor receive."
        return self.code.sentence
