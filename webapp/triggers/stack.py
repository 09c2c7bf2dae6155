"""Running stacks: every trigger of a rule that an event sets off, in order, each on what the one before left."""

import logging
from collections.abc import Sequence
from time import monotonic

import msgspec

from ..core.codes import Code
from ..core.policy import Objection
from ..core.ruleset import Rule
from ..core.triggers import OnFailure, StepKind, Trigger, TriggerEvent
from .moment import Host, Json, Moment, Occasion, StepFailed
from .runs import Run, StepRun
from .sandbox import Abandoned, on_one_thread
from .steps import STEPS, action
from .steps.base import Result, State
from .turns import Turns

_log = logging.getLogger("tidegate.triggers")
SCRIPTS = frozenset({StepKind.CONDITION, StepKind.JAVASCRIPT})
NEED_THE_LOOP = frozenset({StepKind.WEBHOOK, StepKind.PUBLISH, StepKind.LOG})
ENDS = frozenset({State.BLOCKED, State.FAILED, State.STOPPED})
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
        if runs:
            turns.pause()
        run, payload, objection = run_trigger(canonical, rule, trigger, occasion, payload, host, most)
        runs.append(run)
        if objection is not None:
            break
    return Outcome(payload, objection, tuple(runs))


class Walk:
    """One event's way through one stack. From a script on, steps go to a thread together, as far as they can."""

    def __init__(self, trigger: Trigger, moment: Moment, most: int, is_test: bool) -> None:
        self.steps: list[StepRun] = []
        self.fault: Exception | None = None
        """What went wrong on the server's side."""
        self._todo = trigger.steps
        self._moment = moment
        self._most = most
        self._is_test = is_test
        self._skip = 0
        self._came_to = Result()
        self._given_up: Result | None = None
        self._is_over = False

    @property
    def result(self) -> Result:
        """What the last step came to."""
        return self._given_up or self._came_to

    def go(self) -> None:
        """Run the steps."""
        turns = Turns()
        while not self._is_over and len(self.steps) < len(self._todo):
            kind = self._todo[len(self.steps)].kind
            if kind not in SCRIPTS:
                turns.pause()
                self._step()
                continue
            at = monotonic()
            try:
                on_one_thread(self._moment.trigger, self._go_on)
            except StepFailed as error:
                # The thread may still be at it: what it adds from now on is none of this walk's.
                self.steps = [*self.steps]
                self._given_up, self._is_over = Result(State.FAILED, str(error)), True
                kind = self._todo[len(self.steps)].kind
                self.steps.append(StepRun(kind, State.FAILED, (monotonic() - at) * 1000, str(error)))

    def _go_on(self) -> None:
        """Run steps as far as to one that needs the loop. Called on a thread."""
        todo = self._todo
        most = len(todo)
        while not self._is_over:
            done = len(self.steps)
            if done == most or todo[done].kind in NEED_THE_LOOP:
                return
            self._step()

    def _step(self) -> None:
        step, moment, steps = self._todo[len(self.steps)], self._moment, self.steps
        if self._skip:
            self._skip -= 1
            steps.append(StepRun(step.kind, State.SKIPPED))
            return
        before, at = moment.payload, monotonic()
        try:
            result = action(step)(moment)
        except StepFailed as error:
            result = Result(State.FAILED, str(error))
        except Abandoned:
            raise
        except Exception as error:
            result, self.fault = INTERNAL, error
        changed = result.payload
        if changed is not None and len(changed) > self._most:
            note = f"It made a payload of {len(changed):,} bytes; a message has at most {self._most:,}."
            result = Result(State.FAILED, note)
        elif changed is not None:
            moment.change(changed)
        self._came_to, self._skip = result, result.skip
        if result.state in ENDS:
            self._is_over = True
        took = (monotonic() - at) * 1000
        if self._is_test:
            steps.append(StepRun(step.kind, result.state, took, result.note, before, moment.payload))
        else:
            steps.append(StepRun(step.kind, result.state, took, result.note))


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
    walk = Walk(trigger, moment, most, is_test)
    began = monotonic()
    walk.go()
    steps, result = walk.steps, walk.result
    if walk.fault is not None:
        _log.error("step %d of trigger %s of %s failed", len(steps), trigger.name, rule.target, exc_info=walk.fault)
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
