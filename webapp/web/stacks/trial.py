"""The test run: the stack as it is typed in the form, on a sample event or a captured message. Nothing is sent."""

import json
import time
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import msgspec
from wtforms import Form, SelectChoice, SelectField, StringField, TextAreaField
from wtforms.validators import ValidationError

from ...core.actors import Actor
from ...core.permissions import Operation
from ...core.ruleset import Rule
from ...core.targets import Target, channel_problem
from ...core.triggers import StepKind, Trigger, TriggerEvent
from ...inspector.capture import redacted
from ...inspector.simulate import example_channel
from ...realtime.events import Sender, new_socket_id
from ...realtime.workspace import Workspace as LiveWorkspace
from ...services import decisions, drafts, resending
from ...services.errors import ServiceError
from ...services.live import running
from ...triggers.moment import Occasion, Party
from ...triggers.steps import STEPS
from ..access import current_workspace
from ..channels.views import find_rule
from ..forms import PLAIN, example
from ..wording import printable
from .forms import EVENTS, TriggerForm

PAYLOAD = '{"text": "hello"}'
TICKS_PER_SECOND = 10_000_000


class TrialForm(Form):
    """A sample event. Its fields stand beside the trigger's, under names of their own."""

    event = SelectField("Event", choices=[SelectChoice(event.value, label) for event, label in EVENTS.items()])
    channel = StringField(
        "Channel", render_kw=PLAIN | {"maxlength": "400"}, filters=[lambda text: (text or "").strip()]
    )
    claims = TextAreaField(
        "Who",
        description="The claims of a token. Empty: an anonymous client.",
        render_kw=example('{"sub": "42", "extras": {"role": "agent"}}'),
    )
    payload = TextAreaField("Payload", render_kw={"rows": "3", "spellcheck": "false", "autocomplete": "off"})
    message = StringField(
        "Or a message of the inspector", description="Its id. Its payload is there if it was captured.", render_kw=PLAIN
    )

    actor: Actor

    @classmethod
    def fitting(cls, target: Target) -> "TrialForm":
        """Begin with an event on a channel for which a rule with this target decides."""
        form = cls(prefix="trial-")
        form.event.data = TriggerEvent.MESSAGE.value
        form.channel.data = example_channel(drafts.working_rules(current_workspace()), target)
        form.claims.data, form.payload.data = '{"sub": "42"}', PAYLOAD
        return form

    def validate_channel(self, field: StringField) -> None:
        problem = channel_problem(field.data)
        if problem is not None:
            raise ValidationError(problem)

    def validate_claims(self, field: TextAreaField) -> None:
        try:
            self.actor = decisions.actor_of(current_workspace(), field.data or "")
        except ServiceError as error:
            raise ValidationError(next(iter(error.problems.values()))) from None

    def validate_payload(self, field: TextAreaField) -> None:
        try:
            self.json = msgspec.json.format((field.data or "null").encode(), indent=-1)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            raise ValidationError("This is not JSON.") from None

    json: bytes = b"null"

    def take(self, message_id: str) -> None:
        """Fill it from a message that the inspector keeps, with what may be shown of that."""
        realtime = running()
        live = realtime.workspace(current_workspace().canonical) if realtime is not None else None
        wanted = int(message_id) if message_id.isascii() and message_id.isdigit() and len(message_id) <= 20 else 0
        record = realtime.tap.find(live.canonical, wanted) if realtime is not None and live is not None else None
        given = resending.before_triggers(live, record) if live is not None and record is not None else None
        if live is None or given is None:
            self.message.errors = [*self.message.errors, "The inspector keeps no message with this id."]
            return
        self.event.data = (TriggerEvent.EVENT if given.is_event else TriggerEvent.MESSAGE).value
        self.channel.data = given.channel
        self.claims.data = _claims(given.actor) if given.actor is not None else ""
        if given.payload is None:
            self.message.errors = [*self.message.errors, "Its payload was not captured: type one."]
        else:
            self.payload.data = _shown(redacted(given.payload, _hidden(live)))


@dataclass(frozen=True, slots=True)
class Line:
    """A step of a test run. ``before`` and ``after`` are payloads to be read, None where it changed nothing."""

    label: str
    state: str
    took: float
    note: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a test run came to, or why there was none (``problem``)."""

    problem: str = ""
    run: Any = None
    lines: list[Line] = field(default_factory=list)
    code: str | None = None
    told: str = ""
    payload: str = ""
    effects: tuple[str, ...] = ()


def tried(form: TriggerForm, trial: TrialForm, target: Target) -> tuple[Outcome | None, int]:
    """Run the stack as it is typed on the sample event; returns what came of it, and the status to answer with."""
    if not trial.validate():
        return None, 422
    rule = find_rule(drafts.working_rules(current_workspace()), target) or Rule(target)
    if not target.matches(trial.channel.data):
        trial.channel.errors = [*trial.channel.errors, f"`{target}` does not cover this channel."]
        return None, 422
    steps = form.steps()
    if steps is None:
        return Outcome("The stack can't run as it is: see what is said beside its steps."), 422
    realtime = running()
    if realtime is None:
        return Outcome("No server runs in this process, so nothing can be run."), 503
    on = TriggerEvent(trial.event.data)
    trigger = Trigger(form.name.data or "test", frozenset({on}), steps, on_failure=form.failure)
    done = realtime.triggers.try_out(
        current_workspace().canonical, rule, trigger, _occasion(on, trial, target), trial.json
    )
    left = zip_longest(steps, done.run.steps)
    lines = [_line(step.kind, one) for step, one in left if step is not None]
    return Outcome(
        run=done.run,
        lines=lines,
        code=done.code.value if done.code is not None else None,
        told=done.told,
        payload=_shown(done.payload),
        effects=done.effects,
    ), 200


def _line(kind: StepKind, done: Any) -> Line:
    label = STEPS[kind].label
    if done is None:
        return Line(label, "not run", 0.0, "")
    changed = done.after is not None and done.before is not None and done.after != done.before
    return Line(
        label,
        done.state.value,
        done.took,
        done.note,
        _shown(done.before) if changed else None,
        _shown(done.after) if changed else None,
    )


def _occasion(on: TriggerEvent, trial: TrialForm, target: Target) -> Occasion:
    actor = trial.actor
    socket_id = new_socket_id()
    sender = Sender(socket_id, actor.extras, actor.dbo_id, actor.row_id, actor.user_id)
    client = Party(socket_id, sender.json, actor.user_id, actor.authenticated, "127.0.0.1")
    return Occasion(
        on,
        trial.channel.data,
        target.params(trial.channel.data),
        int(time.time() * TICKS_PER_SECOND),
        client if on is not TriggerEvent.EVENT else None,
        authorized=on is not TriggerEvent.JOIN or _may_join(trial),
    )


def _may_join(trial: TrialForm) -> bool:
    workspace = current_workspace()
    working = drafts.working_rules(workspace)
    return decisions.decide(workspace, trial.channel.data, Operation.JOIN.value, trial.actor, working).allowed


def _claims(actor: Actor) -> str:
    if not actor.authenticated:
        return ""
    claims: dict[str, Any] = {"sub": actor.user_id} if actor.user_id is not None else {}
    if actor.extras:
        claims["extras"] = dict(actor.extras)
    return printable(json.dumps(claims, ensure_ascii=False, indent=2))


def _hidden(live: LiveWorkspace) -> frozenset[str]:
    return live.captured.capture.redacted


def _shown(payload: bytes) -> str:
    return msgspec.json.format(payload, indent=2).decode("utf-8", "replace")
