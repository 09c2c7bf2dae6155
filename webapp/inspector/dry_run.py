"""A message's whole way without sending it: what would be decided, and whom it would reach.

What the engine and the hub would note of it is put together from the same judge and the same groups, and given to the
same tracer. Nothing is delivered, stored or counted, and the tap knows nothing of it.
"""

import time
from collections import Counter
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..core.actors import Actor
from ..core.decision import Decision
from ..core.permissions import Operation
from ..core.policy import JOINED, NOT_JOINED, Facts, Peer, decide, message_operation
from ..core.triggers import TriggerEvent
from ..realtime.channel import Channel
from ..realtime.events import Json, Kind, Message, Refusal, Send, Sender, Ticks
from ..realtime.hub import RECEIVING, Hub
from ..realtime.triggering import NOT_RUN, Triggering, party
from ..realtime.workspace import Workspace
from ..triggers.moment import Occasion, Party
from ..triggers.runs import Run
from .records import Members, MessageRecord
from .route import Route, Stage

if TYPE_CHECKING:
    from ..realtime.connection import Connection

NOTHING_DONE = "Nothing was delivered, stored or counted."


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose message it would be. ``connection`` is None for somebody who is not connected: then a client that joins the
    channel first is meant, if it may; ``blocked`` says that its user is kept out."""

    actor: Actor
    connection: "Connection | None" = None
    blocked: bool = False


class DryRun:
    """Goes the way of one workspace's messages, up to where something would be done."""

    def __init__(self, workspace: Workspace, hub: Hub, ticks: Ticks, triggering: Triggering) -> None:
        self._triggering = triggering
        self._workspace = workspace
        self._hub = hub
        self._ticks = ticks

    def message(self, asker: Asker, command: Send) -> MessageRecord | Refusal:
        """Return what would be noted of a client's message."""
        channel = self._channel(command.channel)
        decision = self._decide(asker, command, channel)
        joins: tuple[Run, ...] = ()
        if asker.connection is None and (decision.allowed or decision.operation is not Operation.JOIN):
            refused, joins = self._joining(asker, command.channel)
            decision = refused or decision
        if not decision.allowed:
            return self._refused(asker, command, decision, joins)
        target = _target(channel, command)
        decision, payload, runs = self._triggered(asker, command, decision, target)
        runs = joins + runs
        if not decision.allowed:
            return self._refused(asker, command, decision, runs)
        kind = _KINDS[decision.operation]
        message = self._new(command.channel, kind, payload)
        message.sender = _sender(asker)
        message.socket_id = asker.connection.id if asker.connection is not None else ""
        message.user_id = asker.actor.user_id
        message.authenticated = command.authenticated or kind is Kind.AUTHENTICATED
        message.target_id = target.id if target is not None else None
        if target is not None:
            members: Members = ((target.actor.kind, 1),)
            return self._accepted(message, asker.actor, members, 1, runs=runs)
        members = channel.kinds() if channel is not None else ()
        return self._accepted(message, asker.actor, members, _heard(channel, kind), runs=runs)

    def _joining(self, asker: Asker, name: str) -> tuple[Decision | None, tuple[Run, ...]]:
        """Run the triggers of the join without which it could send nothing, without any effect; returns what the judge
        says of it where they object."""
        rules = self._workspace.rules
        rule = rules.resolve(name)
        triggers = rule.triggers_on(TriggerEvent.JOIN) if rule is not None else ()
        if rule is None or not triggers:
            return None, ()
        occasion = Occasion(TriggerEvent.JOIN, name, rule.target.params(name), self._ticks.next(), _party(asker))
        wants = b'{"history":false,"presence":false}'
        outcome = self._triggering.trace(self._workspace, rule, triggers, occasion, wants)
        if outcome.objection is None:
            return None, outcome.runs
        facts = Facts(joined=False, objection=outcome.objection)
        return decide(rules, asker.actor, Operation.JOIN, name, facts), outcome.runs

    def _triggered(
        self, asker: Asker, command: Send, decision: Decision, target: "Connection | None"
    ) -> tuple[Decision, Json, tuple[Run, ...]]:
        """Run the triggers of a message that is allowed, without any effect; returns what the judge says then."""
        rule = decision.rule
        triggers = rule.triggers_on(TriggerEvent.MESSAGE) if rule is not None else ()
        if rule is None or not triggers:
            return decision, command.payload, ()
        name, actor = command.channel, asker.actor
        occasion = Occasion(
            TriggerEvent.MESSAGE,
            name,
            rule.target.params(name),
            self._ticks.next(),
            _party(asker),
            party(target) if target is not None else None,
            command.authenticated or decision.operation is Operation.SEND_AUTHENTICATED,
            event=command.event,
        )
        outcome = self._triggering.trace(self._workspace, rule, triggers, occasion, command.payload)
        if outcome.objection is not None:
            facts = Facts(objection=outcome.objection)
            decision = decide(self._workspace.rules, actor, decision.operation, name, facts)
        return decision, outcome.payload, outcome.runs

    def event(
        self, name: str, data: Json, *, event: str | None, socket_id: str | None, user: str | None, by: str
    ) -> MessageRecord:
        """Return what would be noted of an event of the server, to a channel or to one client or user in it."""
        ran = self._triggering.on_event(self._workspace, name, data, event, only_traced=True)
        channel = self._channel(name)
        message = self._new(name, Kind.EVENT, data if ran is NOT_RUN else ran.payload)
        message.event, message.target_id = event, socket_id
        if ran.objection is not None:
            kept_back = self._accepted(message, None, (), 0, by, user, ran.runs)
            return replace(kept_back, blocked=ran.objection.code)
        if channel is None:
            return self._accepted(message, None, (), 0, by, user, ran.runs)
        if socket_id is None and user is None:
            heard = _heard(channel, Kind.EVENT)
            return self._accepted(message, None, channel.kinds(), heard, by, runs=ran.runs)
        meant = [
            member
            for member in channel.members.values()
            if socket_id in (None, member.connection.id) and user in (None, member.connection.actor.user_id)
        ]
        members = tuple(Counter(member.connection.actor.kind for member in meant).items())
        heard = sum(member.rights.receive_event for member in meant)
        return self._accepted(message, None, members, heard, by, user, ran.runs)

    def _channel(self, name: str) -> Channel | None:
        """Return a channel with the members that the rules of this moment leave in it."""
        channel = self._workspace.channels.get(name)
        if channel is not None:
            self._hub.current(self._workspace, channel)
        return self._workspace.channels.get(name)

    def _decide(self, asker: Asker, command: Send, channel: Channel | None) -> Decision:
        """Ask what the engine asks of this message, in its order."""
        rules, actor, name = self._workspace.rules, asker.actor, command.channel
        facts = JOINED
        if asker.connection is None:
            join = decide(rules, actor, Operation.JOIN, name, Facts(joined=False, blocked=asker.blocked))
            if not join.allowed:
                return join
        elif channel is None or asker.connection.id not in channel.members:
            facts = NOT_JOINED
        if command.socket_id is None:
            operation = message_operation(rules, actor, name, command.authenticated)
            return decide(rules, actor, operation, name, facts)
        if facts is JOINED:
            target = _target(channel, command)
            peer = Peer(present=False) if target is None else Peer(True, target.actor.kind)
            facts = Facts(marked_authenticated=command.authenticated, peer=peer)
        return decide(rules, actor, Operation.SEND_PRIVATE, name, facts)

    def _new(self, channel: str, kind: Kind, payload: Json) -> Message:
        rule = self._workspace.rules.resolve(channel)
        keeps = rule is not None and rule.history > 0 and (kind is not Kind.EVENT or rule.history_events)
        return Message(self._ticks.next(), channel, kind, payload, stored=keeps)

    def _accepted(
        self,
        message: Message,
        actor: Actor | None,
        members: Members,
        recipients: int,
        by: str = "",
        to_user: str | None = None,
        runs: tuple[Run, ...] = (),
    ) -> MessageRecord:
        now = monotonic()
        canonical, version = self._workspace.canonical, self._workspace.rules.version
        return MessageRecord(
            0, canonical, message, version, actor, members, recipients, now, now, None, by, to_user or "", runs=runs
        )

    def _refused(self, asker: Asker, command: Send, decision: Decision, runs: tuple[Run, ...] = ()) -> Refusal:
        assert decision.code is not None
        connection = asker.connection
        return Refusal(
            ref=str(self._ticks.next()),
            at=time.time(),
            workspace=self._workspace.canonical,
            code=decision.code,
            text=decision.code.sentence,
            channel=decision.channel,
            socket_id=connection.id if connection is not None else "",
            user_id=asker.actor.user_id,
            decision=decision,
            told=decision.message,
            actor=asker.actor,
            protocol=connection.face.name if connection is not None else "",
            version=self._workspace.rules.version,
            command=Send(command.channel, b"null", command.authenticated, command.socket_id),
            runs=runs,
        )


def only_traced(route: Route, payload: Json) -> Route:
    """Put the route of a dry run into the words of what has not happened; its maker may see the payload."""
    done = route.recipients.delivered if route.recipients is not None else None
    if done is None:
        sentence = route.sentence
    elif done:
        sentence = f"Allowed; it would reach {done:,} client{'s' if done != 1 else ''}."
    else:
        sentence = "Allowed, but nobody is there who could receive it."
    stages = [stage for stage in route.stages if stage.name == "triggers"] + [Stage("decided")]
    if done is not None:
        if any(stage.name == "stored" for stage in route.stages):
            stages.append(Stage("stored", note="left out: only traced"))
        stages.append(Stage("published", note="left out: only traced"))
    text = payload.decode("utf-8", "replace")
    return replace(route, sentence=sentence, stages=stages, payload=text, hidden="", detail=NOTHING_DONE)


_KINDS = {
    Operation.SEND_PUBLIC: Kind.PUBLIC,
    Operation.SEND_AUTHENTICATED: Kind.AUTHENTICATED,
    Operation.SEND_PRIVATE: Kind.PRIVATE,
}


def _target(channel: Channel | None, command: Send) -> "Connection | None":
    if channel is None or command.socket_id is None:
        return None
    membership = channel.members.get(command.socket_id)
    return membership.connection if membership is not None else None


def _heard(channel: Channel | None, kind: Kind) -> int:
    """Count the members who would receive a message of this kind."""
    if channel is None:
        return 0
    return sum(len(recipients) for _, recipients in channel.audience(RECEIVING[kind]))


def _party(asker: Asker) -> Party:
    if asker.connection is not None:
        return party(asker.connection)
    return Party("", _sender(asker), asker.actor.user_id, asker.actor.authenticated)


def _sender(asker: Asker) -> Json:
    if asker.connection is not None:
        return asker.connection.sender.json
    actor = asker.actor
    return Sender("", actor.extras, actor.dbo_id, actor.row_id, actor.user_id).json
