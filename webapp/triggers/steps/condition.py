"""*Condition*: a JavaScript expression decides whether to go on, to block, to skip steps or to stop."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.problems import Problem
from ...core.triggers import STEPS_MOST, StepKind
from .. import sandbox
from ..moment import Moment
from .base import PASSED, Action, Field, Result, State, StepType, Widget

MESSAGE = Field(
    "message",
    "Message",
    help="What the client is told. Empty: that a trigger of this channel blocked it.",
    most=500,
    when=("otherwise", "block"),
)


class Condition(StepType):
    kind = StepKind.CONDITION
    label = "Condition"
    help = "Goes on if a JavaScript expression is true of the event, and otherwise blocks, skips steps or stops."
    fields = (
        Field(
            "expression",
            "Expression",
            Widget.CODE,
            help="JavaScript about `event`, such as `event.payload.text.length < 500`.",
            required=True,
            most=8000,
            placeholder='event.client.extras.role === "agent"',
        ),
        Field(
            "otherwise",
            "Otherwise",
            Widget.CHOICE,
            default="block",
            choices=(("block", "Block"), ("skip", "Skip steps"), ("stop", "Stop: end this trigger, and let it pass")),
        ),
        MESSAGE,
        Field(
            "skip",
            "Steps to skip",
            Widget.NUMBER,
            default=1,
            least=1,
            most=STEPS_MOST,
            when=("otherwise", "skip"),
        ),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        steps = values.get("skip", 1)
        otherwise = {"skip": f"skips {steps} step{'s' if steps != 1 else ''}", "stop": "stops"}
        expression = str(values.get("expression", "")).replace("`", "'")
        return f"`{expression}`, otherwise {otherwise.get(values.get('otherwise', ''), 'blocks')}"

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        problem = sandbox.expression_problem(values["expression"])
        if problem is not None:
            yield Problem("expression", problem)

    def compile(self, values: Mapping[str, Any]) -> Action:
        script = sandbox.Script.expression(values["expression"])
        otherwise = {
            "block": Result(State.BLOCKED, "The condition is not true.", told=values["message"]),
            "skip": Result(State.SKIPPED, "The condition is not true.", skip=values["skip"]),
            "stop": Result(State.STOPPED, "The condition is not true."),
        }[values["otherwise"]]

        def act(moment: Moment) -> Result:
            return PASSED if sandbox.is_true(script, moment) else otherwise

        return act
