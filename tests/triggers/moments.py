"""Events for stacks to run on, without a server: what a client does, and a host that notes what would be done."""

import json
from typing import Any

import msgspec

from webapp.core.policy import Objection
from webapp.core.ruleset import Rule
from webapp.core.targets import Target
from webapp.core.triggers import OnFailure, StepKind, Trigger, TriggerEvent, TriggerStep
from webapp.triggers import sandbox
from webapp.triggers.hosts import Noting
from webapp.triggers.moment import Moment, Occasion, Party
from webapp.triggers.runs import Run
from webapp.triggers.stack import run_trigger
from webapp.triggers.steps import STEPS, action
from webapp.triggers.steps.base import Result

MOST = 64 * 1024
TICK = 17_000_000_000_000_000


def party(name: str = "ann", anonymous: bool = False, address: str = "192.0.2.1", **extras: Any) -> Party:
    sender = {"socketId": f"s-{name}", "extras": extras, "permissions": {"dbo_id": 0, "row_id": 0}}
    return Party(f"s-{name}", msgspec.json.encode(sender), None if anonymous else name, not anonymous, address)


ANN = party()


def occasion(on: str = "message", channel: str = "chat/a", client: Party | None = ANN, **fields: Any) -> Occasion:
    return Occasion(TriggerEvent(on), channel, fields.pop("params", ("a",)), TICK, client, **fields)


def moment(payload: Any = None, host: Noting | None = None, trigger: str = "guard", **fields: Any) -> Moment:
    """An event with a payload, which is bytes where it is JSON already."""
    written = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return Moment(occasion(**fields), written, trigger, host or Noting("w"))


def step(kind: str, **values: Any) -> TriggerStep:
    return TriggerStep.of(StepKind(kind), values)


def run(kind: str, values: dict[str, Any], at: Moment) -> Result:
    """What a step comes to, whose settings have to be in order."""
    made = step(kind, **values)
    assert problems(kind, **values) == {}
    return action(made)(at)


def problems(kind: str, **values: Any) -> dict[str, str]:
    """What is wrong with a step's settings, by field."""
    return {problem.path: problem.message for problem in STEPS[StepKind(kind)].problems(values)}


def ran(
    *steps: TriggerStep,
    payload: Any = None,
    on: str = "message",
    on_failure: str = "block",
    most: int = MOST,
    host: Noting | None = None,
    is_test: bool = False,
    name: str = "guard",
) -> tuple[Run, Any, Objection | None]:
    """Run a trigger of these steps; the record, the payload that it leaves, and what it has against the event."""
    trigger = Trigger(name, frozenset({TriggerEvent(on)}), steps, on_failure=OnFailure(on_failure))
    rule = Rule(Target("chat/*", nested=True), triggers=(trigger,))
    given = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    record, left, objection = run_trigger(
        "w", rule, trigger, occasion(on), given, host or Noting("w"), most, is_test=is_test
    )
    return record, json.loads(left), objection


def call(
    code: str, payload: Any = None, host: Noting | None = None, seconds: float = 0.5, mebibytes: int = 16
) -> sandbox.Answer:
    """Run a function with an event."""
    return sandbox.call(sandbox.Script.function(code, seconds, mebibytes << 20), moment(payload, host))


def returned(code: str, payload: Any = None, host: Noting | None = None) -> Any:
    """The payload that a function made."""
    answer = call(code, payload, host)
    assert (answer.error, answer.blocks) == (None, False)
    assert answer.payload is not None, "it changed nothing"
    return json.loads(answer.payload)
