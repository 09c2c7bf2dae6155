"""A record's whole way, made when somebody looks: the stages with their times, the decision, whom it reached.

Every verdict in it is asked of the judge, with the rules of the version that was in force; who the recipients were is
put together from who is there now and who has left since.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import TYPE_CHECKING

from ..core.actors import Actor, Kind
from ..core.codes import Code
from ..core.decision import Decision
from ..core.policy import JOINED, WITHOUT_CONNECTION, Facts, Peer, decide
from ..core.ruleset import RuleSet
from ..realtime.engine import SENDING
from ..realtime.events import Face, Join, Refusal, Send
from ..realtime.events import Kind as MessageKind
from ..realtime.framing import text_of
from ..realtime.hub import RECEIVING
from ..triggers.runs import Run
from .capture import redacted
from .lines import Scribe, closed, milliseconds
from .records import Happening, MessageRecord, Record, What
from .route import (
    FrameOut,
    Reached,
    Recipient,
    Recipients,
    Route,
    Stage,
    client_of,
    steps_of,
    triggers_of,
)

if TYPE_CHECKING:
    from .tap import Tap

NAMED_MOST = 200
"""Recipients that are named one by one; the counts are of all."""
NOT_CAPTURED = "Payloads were not captured when this passed."
NOT_FOR_THIS_ROLE = "Payloads are shown to developers, editors and owners."
HAS_NONE = "There is no payload."
NO_LONGER_KNOWN = "The rules of version {} are no longer at hand, so this can't be decided again."


class Tracer:
    """Makes routes for one reader. ``faces`` are the protocols by name."""

    def __init__(self, scribe: Scribe, tap: "Tap", faces: Mapping[str, Face]) -> None:
        self._scribe = scribe
        self._tap = tap
        self._faces = faces

    def route(self, record: Record, rules: RuleSet | None) -> Route:
        """Make a record's route. ``rules`` are those of the version that decided, None where they are gone."""
        if type(record) is MessageRecord:
            return self._message(record, rules)
        if type(record) is Refusal:
            return self._refusal(record)
        return self._happening(record)  # type: ignore[arg-type]

    # A message

    def _message(self, record: MessageRecord, rules: RuleSet | None) -> Route:
        message = record.message
        decision = sending(record, rules) if rules is not None else None
        recipients = self._recipients(record, rules)
        return Route(
            line=self._scribe.line(record),
            sentence=_came_of(record),
            stages=_stages(record),
            client=client_of(message.socket_id or "", record.actor) if record.actor is not None else None,
            operation=decision.operation.value if decision is not None else None,
            steps=steps_of(decision),
            unknown=_why_no_steps(record, rules),
            recipients=recipients,
            payload=(payload := self._payload(record)),
            hidden=self._hidden(record, payload),
            marked=message.authenticated,
            frames=list(self._frames(record)),
            triggers=triggers_of(record.runs),
        )

    def _recipients(self, record: MessageRecord, rules: RuleSet | None) -> Recipients:
        groups = list(receiving(record, rules)) if rules is not None else []
        verdicts = {kind: decision for kind, _, decision in groups}
        reached = [
            Reached(
                who=words_for(kind, count),
                count=count,
                allowed=decision.allowed,
                code=decision.code.value if decision.code is not None else None,
                sentence=decision.steps[-1].sentence if decision.code is not None else "",
                steps=steps_of(decision),
            )
            for kind, count, decision in groups
        ]
        cut = self._cut(record)
        named: list[Recipient] = []
        more = 0
        for socket_id, actor in self._members_then(record):
            if len(named) == NAMED_MOST:
                more += 1
                continue
            found = verdicts.get(actor.kind)
            code = found.code if found is not None else None
            state = "refused" if code is not None else "cut" if socket_id in cut else "delivered"
            named.append(
                Recipient(socket_id, state, actor.user_id, actor.is_test, code.value if code is not None else None)
            )
        return Recipients(record.recipients or 0, reached, named, more, self._knows_who_left(record))

    def _members_then(self, record: MessageRecord) -> Iterator[tuple[str, Actor]]:
        """Go through who was in the channel at that moment: who is there still, and who has left since."""
        message = record.message
        if record.recipients is None:
            return
        only, user = message.target_id, record.to_user
        itself = message.socket_id if message.unechoed else None  # who does not want its own messages gets none
        channel = self._scribe.workspace.channels.get(message.channel)
        for membership in channel.members.values() if channel is not None else ():
            connection = membership.connection
            if (
                membership.since <= record.moment
                and only in (None, connection.id)
                and user in ("", connection.actor.user_id)
                and connection.id != itself
            ):
                yield connection.id, connection.actor
        for gone in self._gone(record):
            was_in = gone.channel == message.channel and gone.since <= record.moment
            if (
                was_in
                and only in (None, gone.socket_id)
                and user in ("", gone.actor.user_id)
                and gone.socket_id != itself
            ):
                yield gone.socket_id, gone.actor

    def _gone(self, record: MessageRecord) -> Iterator[Happening]:
        """Go through who left a channel of this workspace after a message."""
        for happening in self._after(record):
            if happening.what is What.LEAVE and happening.workspace == record.workspace:
                yield happening

    def _knows_who_left(self, record: MessageRecord) -> bool:
        ring = self._tap.happenings
        return len(ring.records) == ring.noted or (bool(ring.records) and ring.records[0].id < record.moment)

    def _cut(self, record: MessageRecord) -> set[str]:
        """Collect the clients that were members and had by then stopped getting anything, for they read too slowly."""
        ended = (happening for happening in self._after(record) if happening.what is What.CLOSE)
        return {happening.socket_id for happening in ended if 0 < happening.cut <= record.published}

    def _after(self, record: MessageRecord) -> Iterator[Happening]:
        """Go back through what happened to connections, as far as to a message."""
        return takewhile(lambda happening: happening.id >= record.moment, reversed(self._tap.happenings.records))

    def _frames(self, record: MessageRecord) -> Iterator[FrameOut]:
        if not self._shows(record):
            return
        frame = record.detail.frame if record.detail is not None else None
        if frame is not None:
            yield FrameOut("received", "", "the server", self._text(frame))
        if record.recipients is None:
            return
        message = record.message
        heard, own = self._spoken(record)
        for name, face in self._faces.items():
            if name in heard:
                yield FrameOut("sent", name, "each recipient", self._text(text_of(face.message(message))))
            if message.kind is MessageKind.PRIVATE and name in own:
                echo = face.message(message, to_sender=True)
                yield FrameOut("sent", name, "its sender", self._text(text_of(echo)))

    def _spoken(self, record: MessageRecord) -> tuple[set[str], set[str]]:
        """Collect the protocols of those whom a message was for, and that of its sender, as far as they were there."""
        message, only, user = record.message, record.message.target_id, record.to_user
        channel = self._scribe.workspace.channels.get(message.channel)
        members = channel.members.values() if channel is not None else ()
        there = [(m.connection.id, m.connection.actor, m.encoder.name) for m in members if m.since <= record.moment]
        there += [
            (gone.socket_id, gone.actor, gone.protocol)
            for gone in self._gone(record)
            if gone.channel == message.channel and gone.since <= record.moment
        ]
        meant = {
            name
            for socket_id, actor, name in there
            if only in (None, socket_id)
            and user in ("", actor.user_id)
            and not (socket_id == message.socket_id and (message.unechoed or message.kind is MessageKind.PRIVATE))
        }
        return meant, {name for socket_id, _, name in there if socket_id == message.socket_id}

    # Whatever else

    def _refusal(self, refusal: Refusal) -> Route:
        decision, command = refusal.decision, refusal.command
        stages = [Stage("received", 0.0)] if refusal.received and command is not None else []
        if refusal.runs:
            stages.append(_triggers_stage(refusal.runs))
        at = milliseconds(refusal.refused - refusal.received) if stages else None
        stages.append(Stage("decided" if decision is not None else "refused", at, refusal.code.value))
        return Route(
            line=self._scribe.line(refusal),
            sentence=decision.steps[-1].sentence if decision is not None else refusal.detail or refusal.text,
            stages=stages,
            client=client_of(refusal.socket_id, refusal.actor, refusal.address, refusal.protocol),
            operation=decision.operation.value if decision is not None else None,
            steps=steps_of(decision),
            unknown="" if decision is not None else "No rule was asked: this is refused before, or whatever they say.",
            payload=(payload := self._payload(refusal)),
            hidden=self._hidden(refusal, payload),
            marked=isinstance(command, Send) and command.authenticated,
            frames=list(self._refused_frames(refusal)),
            before=self._refused_join(refusal),
            told=refusal.told,
            detail=refusal.detail,
            triggers=triggers_of(refusal.runs),
        )

    def _refused_join(self, refusal: Refusal) -> str:
        """Find why a client that has not joined had not: its own join of that channel, refused before."""
        if refusal.code is not Code.NOT_JOINED:
            return ""
        for earlier in reversed(self._tap.refusals.records):
            if (
                earlier.seq < refusal.seq
                and earlier.socket_id == refusal.socket_id
                and earlier.channel == refusal.channel
                and isinstance(earlier.command, Join)
            ):
                return earlier.ref
        return ""

    def _refused_frames(self, refusal: Refusal) -> Iterator[FrameOut]:
        if refusal.frame is not None and self._shows(refusal):
            yield FrameOut("received", refusal.protocol, "the server", self._text(refusal.frame))
        face = self._faces.get(refusal.protocol)
        if refusal.told and face is not None:
            told = refusal.channel, refusal.code, refusal.told, refusal.ref
            # Who is taken out by a change of the rules has asked for nothing.
            taken_out = refusal.channel is not None and refusal.facts is not None and refusal.command is None
            error = face.removed(*told) if taken_out else face.error(*told, refusal.reply)  # type: ignore[arg-type]
            yield FrameOut("sent", face.name, "the client", text_of(error).decode())

    def _happening(self, happening: Happening) -> Route:
        ended = happening.what is What.CLOSE
        return Route(
            line=self._scribe.line(happening),
            sentence=f"The connection ended: {closed(happening)}." if ended else "",
            stages=[],
            client=client_of(
                happening.socket_id, happening.actor, happening.address, happening.protocol, happening.user_agent
            ),
            hidden=HAS_NONE,
            triggers=triggers_of(happening.runs),
        )

    # Payloads

    def _shows(self, record: Record) -> bool:
        return self._scribe.sees_payloads and self._scribe.workspace.captured.shows(record.id)

    def _payload(self, record: Record) -> str | None:
        payload = self._scribe.payload(record)
        return payload.decode("utf-8", "replace") if payload is not None else None

    def _hidden(self, record: Record, payload: str | None) -> str:
        if payload is not None:
            return ""
        if not self._scribe.sees_payloads:
            return NOT_FOR_THIS_ROLE
        return HAS_NONE if self._shows(record) else NOT_CAPTURED

    def _text(self, frame: bytes) -> str:
        names = self._scribe.workspace.captured.capture.redacted
        return redacted(frame, names).decode("utf-8", "replace")


def facts_of(record: MessageRecord) -> Facts:
    """Say what was true when a message of a client was accepted."""
    message = record.message
    standing = JOINED if message.socket_id else WITHOUT_CONNECTION
    if message.kind is not MessageKind.PRIVATE or not (record.members or message.target_user):
        return standing
    # Of a user nobody asks whether it is there.
    peer = Peer(True, record.members[0][0]) if record.members and message.target_user is None else None
    return replace(standing, marked_authenticated=message.authenticated, peer=peer)


def sending(record: MessageRecord, rules: RuleSet) -> Decision | None:
    """Decide once more whether the sender may send it; None for what the server sent."""
    message = record.message
    if record.actor is None:
        return None
    facts = facts_of(record)
    return decide(rules, record.actor, SENDING[message.kind], message.channel, facts)


def receiving(record: MessageRecord, rules: RuleSet) -> Iterator[tuple[Kind, int, Decision]]:
    """Decide once more for each kind of member whether it may receive it."""
    message = record.message
    facts = Facts(marked_authenticated=message.authenticated and message.kind is MessageKind.PRIVATE)
    for kind, count in record.members or ():
        yield kind, count, decide(rules, Actor(kind=kind), RECEIVING[message.kind], message.channel, facts)


def words_for(kind: Kind, count: int = 2) -> str:
    """Name a kind of client."""
    clients = "client" if count == 1 else "clients"
    if not kind.authenticated:
        return f"anonymous {clients}"
    return f"{clients} with a narrowed token" if kind.narrowed else f"authenticated {clients}"


def _stages(record: MessageRecord) -> list[Stage]:
    detail, start = record.detail, record.received

    def at(moment: float) -> float | None:
        return milliseconds(moment - start) if moment else None

    stages = [Stage("received", 0.0)]
    if detail is not None and detail.parsed:
        stages.append(Stage("parsed", at(detail.parsed)))
    if record.runs:
        stages.append(_triggers_stage(record.runs))
    if record.blocked is not None:
        return stages
    stages.append(Stage("decided", at(detail.decided) if detail is not None else None))
    if record.message.stored:
        note = "could not be stored" if record.recipients is None else ""
        stages.append(Stage("stored", at(detail.stored) if detail is not None else None, note))
    if record.recipients is not None:
        stages.append(Stage("published", at(record.published), f"to {record.recipients}"))
        stages.append(Stage("written", at(detail.written) if detail is not None else None))
    return stages


def _triggers_stage(runs: Sequence[Run]) -> Stage:
    took = sum(run.took for run in runs)
    count = f"{len(runs)} trigger{'s' if len(runs) != 1 else ''}"
    return Stage("triggers", note=f"{count}, {took:.2f} ms: {runs[-1].state.value}")


def _came_of(record: MessageRecord) -> str:
    if record.recipients is None:
        return f"{Code.STORAGE_UNAVAILABLE.sentence}"
    if record.blocked is not None:
        return f"Not sent: trigger `{record.runs[-1].trigger}` kept it back. {record.runs[-1].note}"
    if not record.recipients:
        return "Allowed, but nobody was there who could receive it."
    return f"Delivered to {record.recipients:,} client{'s' if record.recipients != 1 else ''}."


def _why_no_steps(record: MessageRecord, rules: RuleSet | None) -> str:
    if record.actor is None:
        return "The server's own messages ignore what clients may send; who may hear events receives them."
    return NO_LONGER_KNOWN.format(record.version) if rules is None else ""
