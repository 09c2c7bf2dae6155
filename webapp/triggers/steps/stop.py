"""*Stop*: the steps below are not run, and the event goes on."""

from collections.abc import Mapping
from typing import Any

from ...core.triggers import StepKind
from .base import Action, Result, State, StepType


class Stop(StepType):
    kind = StepKind.STOP
    label = "Stop"
    help = "Ends this trigger here. The message or join goes on as the steps above left it."

    def summary(self, values: Mapping[str, Any]) -> str:
        return "ends this trigger"

    def compile(self, values: Mapping[str, Any]) -> Action:
        return lambda _moment: Result(State.STOPPED)
