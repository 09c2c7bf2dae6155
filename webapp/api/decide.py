"""The simulator: what would be decided for whom, and why. It asks the judge of real traffic."""

import json
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..core.actors import ANONYMOUS, Actor
from ..core.permissions import Operation
from ..core.policy import Facts, Peer, decide, message_operation
from ..core.ruleset import RuleSet
from ..models import Scope, Workspace
from ..services import blocks, decisions
from ..services.errors import InvalidInput
from .errors import ApiError, ErrorCode
from .routes import Call, Nothing, route

SEND = "send"
OPERATIONS = (*(operation.value for operation in Operation), SEND)
CONSIDERED_MOST = 200

Identity = Annotated[
    str | dict[str, Any] | None,
    Meta(
        description="Who: `anonymous` (also without this field), a token, or claims; as an object "
        '`{"anonymous": true}`, `{"token": "…"}`, `{"claims": {…}}` or the claims themselves.'
    ),
]


class PeerIn(msgspec.Struct, forbid_unknown_fields=True, rename={"identity": "as"}):
    """The other end of a private message."""

    present: Annotated[bool, Meta(description="Whether it is a member of the channel.")] = True
    identity: Identity = None


class FactsIn(msgspec.Struct, forbid_unknown_fields=True):
    """What is true at the moment of asking."""

    joined: Annotated[bool | None, Meta(description="`null`: a request without a connection.")] = True
    asked_for_presence: bool = True
    peer: PeerIn | None = None
    blocked: Annotated[bool | None, Meta(description="Without it: whether a block on this user is in force.")] = None
    banned: bool = False
    muted: bool = False


class DecideIn(msgspec.Struct, forbid_unknown_fields=True, rename={"identity": "as"}):
    channel: str
    operation: Annotated[
        str,
        Meta(
            description="What is asked for. `send` is a message as a client sends it: the rules and its mark say "
            "whether it is a public or an authenticated one; with `facts.peer` it is private.",
            extra_json_schema={"enum": list(OPERATIONS)},
        ),
    ]
    identity: Identity = None
    authenticated: Annotated[bool, Meta(description="Whether its sender marked the message `authenticated`.")] = False
    facts: FactsIn = msgspec.field(default_factory=FactsIn)


class StepOut(msgspec.Struct):
    subject: str
    state: str
    sentence: str


class ConsideredOut(msgspec.Struct):
    """A rule, and why it decides or does not."""

    pattern: str
    wildcard: bool
    outcome: str
    sentence: str


class DecisionOut(msgspec.Struct):
    """A decision with everything that led to it."""

    operation: str
    channel: str
    allowed: bool
    code: str | None
    message: Annotated[str, Meta(description="What the client would be told.")]
    rule: Annotated[str | None, Meta(description="The target of the rule that decides.")]
    version: int
    steps: list[StepOut]
    considered: Annotated[
        list[ConsideredOut], Meta(description=f"The rules: those that match first, at most {CONSIDERED_MOST}.")
    ]


@route("POST", "/decide", Scope.READ, summary="Ask what would be decided", answer=DecisionOut, body=DecideIn)
def simulate(call: Call[DecideIn, Nothing]) -> DecisionOut:
    """The same function decides for real traffic. Nothing is sent and nobody is told."""
    body = call.body
    live = call.realtime.workspace(call.canonical)
    rules = live.rules if live is not None else RuleSet()
    actor = _actor(call.workspace, body.identity, "as")
    operation = _operation(rules, actor, body)
    decision = decide(rules, actor, operation, body.channel, _facts(call.workspace, body, actor))
    considered = [
        ConsideredOut(c.rule.target.text, c.rule.target.nested, c.outcome.value, c.sentence)
        for c in rules.consider(body.channel)[:CONSIDERED_MOST]
    ]
    return msgspec.convert(decisions.decision_document(decision) | {"considered": considered}, DecisionOut)


def _operation(rules: RuleSet, actor: Actor, body: DecideIn) -> Operation:
    if body.operation not in OPERATIONS:
        raise ApiError(ErrorCode.INVALID_INPUT, problems={"operation": f"Expected one of {', '.join(OPERATIONS)}."})
    if body.operation != SEND:
        return Operation(body.operation)
    if body.facts.peer is not None:
        return Operation.SEND_PRIVATE
    return message_operation(rules, actor, body.channel, body.authenticated)


def _facts(workspace: Workspace, body: DecideIn, actor: Actor) -> Facts:
    facts = body.facts
    blocked = facts.blocked
    if blocked is None:
        blocked = blocks.of_user(workspace, actor.user_id) is not None
    peer = None
    if facts.peer is not None:
        peer = Peer(facts.peer.present, _actor(workspace, facts.peer.identity, "facts.peer.as").kind)
    return Facts(
        joined=facts.joined,
        asked_for_presence=facts.asked_for_presence,
        marked_authenticated=body.authenticated,
        peer=peer,
        blocked=blocked,
        banned=facts.banned,
        muted=facts.muted,
    )


def _actor(workspace: Workspace, identity: str | dict[str, Any] | None, path: str) -> Actor:
    try:
        return ANONYMOUS if identity is None else decisions.actor_of(workspace, _identity_text(identity))
    except InvalidInput as error:
        raise ApiError(ErrorCode.INVALID_INPUT, problems={path: str(error.problems.get("as", error))}) from None
    except (OverflowError, RecursionError):
        raise ApiError(ErrorCode.INVALID_INPUT, problems={path: "These claims can't be read."}) from None


def _identity_text(identity: str | dict[str, Any]) -> str:
    """Write who asks as the one text that the service reads."""
    if isinstance(identity, str):
        return identity
    if not identity.keys() & {"anonymous", "token", "claims"}:
        return json.dumps(identity)  # the claims themselves
    if len(identity) == 1:
        ((kind, value),) = identity.items()
        if kind == "anonymous" and value is True:
            return decisions.ANONYMOUS_WORD
        if kind == "token" and isinstance(value, str):
            return value
        if kind == "claims" and isinstance(value, dict):
            return json.dumps(value)
    raise InvalidInput({"as": "Expected `anonymous`, a token, or the claims of one."})
