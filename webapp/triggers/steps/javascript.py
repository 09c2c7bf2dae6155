"""*JavaScript function*: ``async function (event)`` that returns the event, returns false, or throws an Error."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.problems import Problem
from ...core.triggers import StepKind
from .. import sandbox
from ..moment import Moment
from .base import PASSED, Action, Field, Result, State, StepType, Widget

EXAMPLE = """async function (event) {
  return event;
}"""


class JavaScript(StepType):
    kind = StepKind.JAVASCRIPT
    label = "JavaScript function"
    help = (
        "Runs a function with the event. It returns the event, whose `payload` it may have changed; or `false` to "
        "block; or throws an `Error` whose message the sender gets. Returning nothing changes nothing."
    )
    fields = (
        Field("code", "Code", Widget.CODE, default=EXAMPLE, required=True, most=32_000),
        Field(
            "milliseconds",
            "Time limit",
            Widget.NUMBER,
            help="Milliseconds of computing.",
            default=50,
            least=1,
            most=1000,
        ),
        Field(
            "mebibytes",
            "Memory limit",
            Widget.NUMBER,
            help="MiB that it may use.",
            default=16,
            least=1,
            most=64,
        ),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        code = " ".join(str(values.get("code", "")).replace("`", "'").split())
        return f"`{code[:80]}`"

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        problem = sandbox.function_problem(values["code"])
        if problem is not None:
            yield Problem("code", problem)

    def compile(self, values: Mapping[str, Any]) -> Action:
        script = sandbox.Script.function(values["code"], values["milliseconds"] / 1000, values["mebibytes"] << 20)

        def act(moment: Moment) -> Result:
            answer = sandbox.call(script, moment)
            said = "; ".join(answer.console)
            if answer.error is not None:
                return Result(State.BLOCKED, _also(f"It threw: {answer.error}", said), told=answer.error)
            if answer.blocks:
                return Result(State.BLOCKED, _also("It returned false.", said))
            if answer.payload is not None:
                return Result(State.CHANGED, said, payload=answer.payload)
            return Result(note=said) if said else PASSED

        return act


def _also(why: str, said: str) -> str:
    return f"{why} (console: {said})" if said else why
