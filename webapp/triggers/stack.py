"""Running stacks: every trigger of a rule that an event sets off, in order, each on what the one before left."""

import logging
from collections.abc import Sequence
from time import monotonic

import msgspec

from ..core.codes import Code
from ..core.policy import Objection
from ..core.ruleset import Rule
from ..core.triggers import OnFailure, Trigger, TriggerEvent
from .moment import Host, Json, Moment, Occasion, StepFailed
from .runs import Run, StepRun
from .steps import STEPS, action
from .steps.base import Result, State
from .turns import Turns

_log = logging.getLogger("tidegate.triggers")
INTERNAL = Result(State.FAILED, "Something went wrong on the server; its log says more.")


class Tried(msgspec.Struct, frozen=True):
    """What a test run came to: ``payload`` comes out, ``code`` is None where it goes on, ``told`` is what the client
    would be told, ``effects`` says what would have been done outside."""

    run: Run
    payload: Json
    code: Code | None
    told: str
    effects: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True):
    """What the triggers of a rule made of an event: the payload that goes on, and what they have against it."""

    payload: Json
    objection: Objection | None
    runs: tuple[Run, ...]


def run_triggers(
    canonical: str, rule: Rule, triggers: Sequence[Trigger], occasion: Occasion, payload: Json, host: Host, most: int
) -> Outcome:
    """Run triggers one after the other until one objects.

    Args:
        canonical: the workspace.
        rule: whose triggers they are.
        triggers: those that the event sets off.
        occasion: the event.
        payload: the JSON that it carries.
        host: does what has an effect outside.
        most: bytes that a payload may have.
    """
    runs: list[Run] = []
    objection = None
    turns = Turns()
    for trigger in triggers:
        turns.pause()
        run, payload, objection = run_trigger(canonical, rule, trigger, occasion, payload, host, most)
        runs.append(run)
        if objection is not None:
            break
    return Outcome(payload, objection, tuple(runs))


def run_trigger(
    canonical: str,
    rule: Rule,
    trigger: Trigger,
    occasion: Occasion,
    payload: Json,
    host: Host,
    most: int,
    is_test: bool = False,
) -> tuple[Run, Json, Objection | None]:
    """Run one trigger; returns the record of it, the payload that it leaves and what it has against the event.

    With ``is_test`` the record keeps the payload before and after each step.
    """
    moment = Moment(occasion, payload, "\n".join((canonical, rule.target.text, trigger.name)), host)
    steps: list[StepRun] = []
    began = monotonic()
    result = Result()
    skip = 0
    turns = Turns()
    for step in trigger.steps:
        turns.pause()
        if skip:
            skip -= 1
            steps.append(StepRun(step.kind, State.SKIPPED))
            continue
        before, at = moment.payload, monotonic()
        try:
            result = action(step)(moment)
        except StepFailed as error:
            result = Result(State.FAILED, str(error))
        except Exception:
            _log.exception("step %d of trigger %s of %s failed", len(steps) + 1, trigger.name, rule.target)
            result = INTERNAL
        if result.payload is not None:
            result = _changed(moment, result, most)
        kept = (before, moment.payload) if is_test else (None, None)
        steps.append(StepRun(step.kind, result.state, (monotonic() - at) * 1000, result.note, *kept))
        if result.state in (State.BLOCKED, State.FAILED, State.STOPPED):
            break
        skip = result.skip
    state = _came_to(result, moment, payload)
    client = occasion.client
    run = Run(
        id=occasion.id,
        workspace=canonical,
        target=rule.target.text,
        trigger=trigger.name,
        on=occasion.on,
        channel=occasion.channel,
        state=state,
        took=(monotonic() - began) * 1000,
        steps=tuple(steps),
        socket_id=client.socket_id if client is not None else "",
        user_id=client.user_id if client is not None else None,
        message=occasion.id if occasion.on in (TriggerEvent.MESSAGE, TriggerEvent.EVENT) else 0,
        note=_where(trigger, steps, result) if state in (State.BLOCKED, State.FAILED) else "",
        test=is_test,
    )
    objection = _objection(trigger, run, result)
    failed = state is State.FAILED
    return run, payload if failed else moment.payload, objection


def _changed(moment: Moment, result: Result, most: int) -> Result:
    assert result.payload is not None
    size = len(result.payload)
    if size > most:
        return Result(State.FAILED, f"It made a payload of {size:,} bytes; a message has at most {most:,}.")
    moment.change(result.payload)
    return result


def _came_to(result: Result, moment: Moment, payload: Json) -> State:
    if result.state in (State.BLOCKED, State.FAILED):
        return result.state
    return State.PASSED if moment.payload == payload else State.CHANGED


def _where(trigger: Trigger, steps: list[StepRun], result: Result) -> str:
    kind = trigger.steps[len(steps) - 1].kind
    return f"Step {len(steps)}, {STEPS[kind].label.lower()}: {result.note}"


def _objection(trigger: Trigger, run: Run, result: Result) -> Objection | None:
    if run.on is TriggerEvent.LEAVE:
        return None  # who is gone is gone
    if run.state is State.BLOCKED:
        return Objection(result.code, trigger.name, f"Trigger `{trigger.name}`: {run.note}", result.told)
    if run.state is State.FAILED and trigger.on_failure is OnFailure.BLOCK:
        return Objection(Code.TRIGGER_FAILED, trigger.name, f"Trigger `{trigger.name}`: {run.note}")
    return None
