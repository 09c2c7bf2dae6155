"""A record's whole way as the right pane shows it and a recording keeps it: structures that can be written as JSON."""

from collections.abc import Iterable
from typing import Any

import msgspec

from ..core.actors import Actor
from ..core.decision import Decision
from ..core.grants import grants_document
from ..triggers.runs import Run
from .lines import Line


class StepOut(msgspec.Struct):
    """A step of a decision."""

    subject: str
    state: str
    sentence: str


class TriggerStepOut(msgspec.Struct, omit_defaults=True):
    """What a step of a trigger came to. ``took`` is in milliseconds."""

    kind: str
    state: str
    took: float = 0.0
    note: str = ""


class TriggerOut(msgspec.Struct, omit_defaults=True):
    """What a trigger did about it. ``run`` is the number under which the log of runs keeps it."""

    name: str
    rule: str
    state: str
    took: float
    steps: list[TriggerStepOut]
    run: str = ""
    note: str = ""


class Stage(msgspec.Struct, omit_defaults=True):
    """A stage of the way. ``at`` is in milliseconds since it was received; None where nobody watched closely enough."""

    name: str
    at: float | None = None
    note: str = ""


class Reached(msgspec.Struct, omit_defaults=True):
    """Members of one kind, and whether they could receive it. ``who`` says in words which kind."""

    who: str
    count: int
    allowed: bool
    code: str | None = None
    sentence: str = ""
    steps: list[StepOut] = []


class Recipient(msgspec.Struct, omit_defaults=True):
    """One member. ``state`` is ``delivered``, ``refused`` or ``cut`` (it read too slowly and never got it)."""

    socket: str
    state: str
    user: str | None = None
    test: bool = False
    code: str | None = None


class Recipients(msgspec.Struct):
    """Whom it reached. ``more`` counts members that are not named; ``complete`` is false where those who left since are
    no longer all known."""

    delivered: int
    groups: list[Reached]
    named: list[Recipient]
    more: int
    complete: bool


class FrameOut(msgspec.Struct):
    """What went over the wire. ``direction`` is ``received`` or ``sent``, ``to`` says to whom."""

    direction: str
    protocol: str
    to: str
    text: str


class Client(msgspec.Struct):
    """Who it is of, with what its token said. ``identity`` holds claims as a saved test takes them, None: anonymous."""

    socket: str
    user: str | None
    authenticated: bool
    test: bool
    extras: dict[str, Any]
    identity: dict[str, Any] | None
    address: str = ""
    protocol: str = ""
    user_agent: str = ""


class Route(msgspec.Struct, omit_defaults=True):
    """The whole way of one record."""

    line: Line
    sentence: str
    stages: list[Stage]
    client: Client | None = None
    operation: str | None = None
    steps: list[StepOut] = []
    unknown: str = ""
    """Why there are no steps, where there are none."""
    recipients: Recipients | None = None
    payload: str | None = None
    hidden: str = ""
    """Why there is no payload, where there is none."""
    marked: bool = False
    """Whether its sender marked it authenticated."""
    frames: list[FrameOut] = []
    before: str = ""
    """The refusal of the join without which this was refused, where that is known."""
    told: str = ""
    """What the client was told when it was refused something."""
    detail: str = ""
    triggers: list[TriggerOut] = []
    """What triggers did about it, in order."""


def triggers_of(runs: Iterable[Run]) -> list[TriggerOut]:
    return [
        TriggerOut(
            name=run.trigger,
            rule=run.target,
            state=run.state.value,
            took=round(run.took, 3),
            steps=[
                TriggerStepOut(step.kind.value, step.state.value, round(step.took, 3), step.note) for step in run.steps
            ],
            run=str(run.id),
            note=run.note,
        )
        for run in runs
    ]


def steps_of(decision: Decision | None) -> list[StepOut]:
    if decision is None:
        return []
    return [StepOut(step.subject, step.state.value, step.sentence) for step in decision.steps]


def client_of(socket_id: str, actor: Actor, address: str = "", protocol: str = "", user_agent: str = "") -> Client:
    """Describe a client with what its token said."""
    return Client(
        socket=socket_id,
        user=actor.user_id,
        authenticated=actor.authenticated,
        test=actor.is_test,
        extras=dict(actor.extras),
        identity=identity_of(actor),
        address=address,
        protocol=protocol,
        user_agent=user_agent,
    )


def identity_of(actor: Actor) -> dict[str, Any] | None:
    """Write what decides of an actor as the claims of a token; None for an anonymous client."""
    if not actor.authenticated:
        return None
    claims: dict[str, Any] = {}
    if actor.user_id is not None:
        claims["sub"] = actor.user_id
    if actor.extras:
        claims["extras"] = dict(actor.extras)
    if actor.kind.authorized_channels is not None:
        claims["authorized_channels"] = [target.text for target in actor.kind.authorized_channels]
    if actor.kind.grants is not None:
        claims["grants"] = grants_document(actor.kind.grants)
    return claims
