"""*Log*: a line in the audit trail, or an entry in the channel's history."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.problems import Problem
from ...core.triggers import StepKind
from .. import templates
from ..moment import Moment
from .base import PASSED, Action, Field, Result, StepType, Widget


class Log(StepType):
    kind = StepKind.LOG
    label = "Log"
    help = "Keeps what happened: in the audit trail, or in the channel's history, as an event named `log`."
    fields = (
        Field(
            "to",
            "Where",
            Widget.CHOICE,
            default="audit",
            choices=(("audit", "The audit trail"), ("history", "The channel's history")),
        ),
        Field(
            "text",
            "Text",
            Widget.TEXT,
            default="{{ event.client.userId }} in {{ event.channel }}: {{ event.payload }}",
            required=True,
            most=2000,
        ),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        return f"`{values.get('text', '')}` to the {'history' if values.get('to') == 'history' else 'audit trail'}"

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        problem = templates.problem(values["text"])
        if problem is not None:
            yield Problem("text", problem)

    def compile(self, values: Mapping[str, Any]) -> Action:
        to, text = values["to"], values["text"]

        def act(moment: Moment) -> Result:
            moment.host.log(to, templates.filled(text, moment)[:4000], moment)
            return PASSED

        return act
