"""The way of a message: decode, decide, publish. Everything a client sends passes here, in order."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from ..core.codes import CloseCode, Code
from ..core.permissions import Operation
from ..core.policy import JOINED, NOT_JOINED, Facts, Peer, decide, message_operation
from ..inspector.records import Detail, Members
from .broker import Broker
from .channel import Channel, Membership
from .connection import Connection
from .events import (
    AUTHENTICATED,
    PRIVATE,
    PUBLIC,
    Answered,
    Command,
    FrameError,
    Join,
    Kind,
    Leave,
    Message,
    ReadHistory,
    Renew,
    Send,
    Show,
    Ticks,
)
from .gate import Gate
from .guests import Guest
from .history import StoreError, thread_of
from .hooks import Delivery
from .hub import Hub
from .limits import Limits
from .presence import announce, send_roster
from .reading import HistoryReader
from .refusing import Asked, Refuser
from .renewing import Renewing
from .triggering import NOT_RUN, Ran, Triggering
from .turn import Turn
from .webhooks import Webhooks

if TYPE_CHECKING:
    from ..inspector.tap import Tap

_log = logging.getLogger("tidegate.engine")
RATE_WINDOW = 60.0
"""Seconds in which a client may send as many frames as the setting says."""
FLOOD = 20
"""How many times the limit makes a flood, for which a client is closed."""

WITH_TOKENS = frozenset({Join, Renew})
"""The commands that may bring a token."""
SENDING = {
    Kind.PUBLIC: Operation.SEND_PUBLIC,
    Kind.AUTHENTICATED: Operation.SEND_AUTHENTICATED,
    Kind.PRIVATE: Operation.SEND_PRIVATE,
}


class Engine:
    """Handles the commands of clients. Knows rules through ``core.policy`` alone, sockets not at all."""

    def __init__(
        self,
        turn: Turn,
        hub: Hub,
        broker: Broker,
        history: HistoryReader,
        refuser: Refuser,
        tap: "Tap",
        limits: Limits,
        ticks: Ticks,
        webhooks: Webhooks,
        triggering: Triggering,
    ) -> None:
        self._gate = Gate(hub, refuser, triggering)
        self._renewing = Renewing(hub, broker, refuser, self._gate, limits, webhooks)
        self._webhooks = webhooks
        self._turn = turn
        self._hub = hub
        self._broker = broker
        self._history = history
        self._refuser = refuser
        self._tap = tap
        self._limits = limits
        self._parsed_at = 0.0
        self._decoded: tuple[bytes | None, Command] = (None, Leave(""))
        self.ticks = ticks

    def receive_at_once(self, connection: Connection, frame: bytes) -> bool:
        """Take a frame in the loop itself if it is a message, which never has to wait; say whether it was.

        Nearly all frames are messages, and waking the connection's greenlet for one costs more than handling it.
        """
        if connection.closing_since:
            return True
        try:
            command = connection.face.decode(frame)
        except Exception:
            return False  # the greenlet decodes it again, and answers for whatever is wrong with it
        if type(command) is not Send:
            return False
        if self._tap.watching:
            self._parsed_at = monotonic()
        try:
            if self.within_rate(connection):
                if self._send(connection, command, frame, at_once=True):
                    connection.received -= 1  # the greenlet counts it
                    connection.window_count -= 1
                    self._decoded = frame, command
                    return False
            else:
                self._refuser.refuse(connection, Code.RATE_LIMITED, None, asked=Asked(command, frame))
        except Exception as error:
            self._fault(connection, error, frame)
        return True

    def receive(self, connection: Connection, frame: bytes, is_binary: bool = False) -> None:
        """Take a frame of a client: count it, decode it, do what it says, and answer for whatever goes wrong."""
        if connection.closing_since:
            return
        within_rate = self.within_rate(connection)
        command: Command | None = None
        try:
            # What the loop could not do at once comes here next, as the same object.
            if self._decoded[0] is frame:
                command = self._decoded[1]
            else:
                if is_binary:
                    frame = connection.face.unpacked(frame)
                command = connection.face.decode(frame)
            if type(command) in WITH_TOKENS:
                frame = connection.face.blanked(frame)
            if type(command) is Answered:
                self._turn.send(connection, command.frame)
            elif within_rate:
                self._parsed_at = monotonic()
                self._handle(connection, command, frame)
            else:
                self._refuse(connection, Code.RATE_LIMITED, command, frame)
        except FrameError as error:
            if not within_rate:
                asked = Asked(frame=self._kept(connection, frame), reply=error.reply)
                self._refuser.refuse(connection, Code.RATE_LIMITED, None, asked=asked)
                return
            text = f"{Code.INVALID_FRAME.sentence} {error.detail}"
            asked = Asked(frame=self._kept(connection, frame), reply=error.reply)
            self._refuser.refuse(
                connection, Code.INVALID_FRAME, error.channel, text=text, detail=error.detail, asked=asked
            )
        except StoreError as error:
            self._refuse(connection, Code.STORAGE_UNAVAILABLE, command, frame, str(error))
        except Exception as error:
            self._fault(connection, error, frame, command)

    def _fault(self, connection: Connection, error: Exception, frame: bytes, command: Command | None = None) -> None:
        _log.exception("a frame of connection %s failed", connection.id)
        self._refuse(connection, Code.INTERNAL_ERROR, command, frame, repr(error))

    def _refuse(
        self, connection: Connection, code: Code, command: Command | None, frame: bytes, detail: str = ""
    ) -> None:
        """Refuse what a frame asks for, whatever it is, for a reason that has to do with no channel."""
        reply = None if command is None or isinstance(command, Answered) else command.reply
        asked = Asked(frame=self._kept(connection, frame), reply=reply)
        self._refuser.refuse(connection, code, None, detail=detail, asked=asked)

    def _kept(self, connection: Connection, frame: bytes) -> bytes | None:
        """Return a frame as it may be kept, which one that holds a token may not."""
        return connection.face.blanked(frame) if connection.workspace.keeps_frames else None

    def _handle(self, connection: Connection, command: Command, frame: bytes) -> None:
        match command:
            case Send():
                self._send(connection, command, frame)
            case Join():
                self._join(connection, command, frame)
            case Leave():
                self._leave(connection, command, frame)
            case ReadHistory():
                self._read_history(connection, command, frame)
            case Show():
                self._show(connection, command, frame)
            case Renew():
                self._renew(connection, command, command.token, frame)

    # A message

    def send_as(self, guest: Guest, command: Send) -> None:
        """Handle the message of a guest; what its ``reply`` says of it is so when it is stored."""
        self._send(guest, command, b"")

    def send_again(self, connection: Connection, command: Send, by: str) -> None:
        """Handle a message as if its client had sent it just now, on behalf of the admin ``by``."""
        self._send(connection, msgspec.structs.replace(command, reply=None), b"", by)

    def _send(self, connection: Connection, command: Send, frame: bytes, by: str = "", at_once: bool = False) -> bool:
        """Handle a message; with ``at_once`` only if that takes no time. Says whether it has to be handled later."""
        membership = self._hub.membership(connection, command.channel)
        if membership is None:
            operation = _operation(connection, command)
            self._refuser.decide(connection, operation, command.channel, NOT_JOINED, Asked(command, frame, by))
            return False
        rights = membership.group.rights
        if at_once and rights.triggers:
            return True
        if command.socket_id is not None or command.user is not None:
            self._send_privately(connection, command, membership, frame, by)
            return False
        authenticated = command.authenticated or rights.plain_is_authenticated
        if not (rights.send_authenticated if authenticated else rights.send_public):
            operation = _operation(connection, command)
            self._refuser.decide(connection, operation, command.channel, connection.standing, Asked(command, frame, by))
            return False
        payload, ran = command.payload, NOT_RUN
        if rights.triggers:
            parsed_at = self._parsed_at
            passed = self._gate.message(connection, membership, command, authenticated, Asked(command, frame, by))
            if passed is None:
                return False
            membership, ran = passed
            payload, rights, self._parsed_at = ran.payload, membership.rights, parsed_at
        message = Message(
            id=self.ticks.next() if ran is NOT_RUN else ran.id_in(membership.channel, self.ticks),
            channel=membership.channel.name,  # which all messages share, in the ring of the tap too
            kind=AUTHENTICATED if authenticated else PUBLIC,
            payload=payload,
            sender=connection.sender.json,
            socket_id=connection.id,
            user_id=connection.actor.user_id,
            authenticated=authenticated,
            event=command.event,
        )
        if authenticated and not command.authenticated:
            message.unmarked = True
        if not membership.terms.echoes:
            message.unechoed = True
        self._publish(connection, membership, command, message, membership.channel.kinds(), frame, by, ran)
        return False

    def _send_privately(
        self, connection: Connection, command: Send, membership: Membership, frame: bytes, by: str
    ) -> None:
        target = membership.channel.members.get(command.socket_id) if command.socket_id is not None else None
        # Of a user nobody is to learn whether it is there.
        peer = None if command.user is not None else peer_of(target)
        facts = replace(connection.standing, marked_authenticated=command.authenticated, peer=peer)
        decision = decide(connection.workspace.rules, connection.actor, Operation.SEND_PRIVATE, command.channel, facts)
        if not decision.allowed:
            self._refuser.decided(connection, decision, facts, Asked(command, frame, by))
            return
        theirs = target.connection if target is not None else None
        payload, ran = command.payload, NOT_RUN
        if membership.rights.triggers:
            parsed_at, asked = self._parsed_at, Asked(command, frame, by)
            passed = self._gate.message(connection, membership, command, command.authenticated, asked, theirs)
            if passed is None:
                return
            membership, ran = passed
            payload, self._parsed_at = ran.payload, parsed_at
        other = (theirs.actor.user_id, theirs.id) if theirs is not None else (command.user, "")
        message = Message(
            id=self.ticks.next() if ran is NOT_RUN else ran.id_in(membership.channel, self.ticks),
            channel=command.channel,
            kind=Kind.PRIVATE,
            payload=payload,
            sender=connection.sender.json,
            socket_id=connection.id,
            user_id=connection.actor.user_id,
            target_id=theirs.id if theirs is not None else None,
            target_user=command.user,
            authenticated=command.authenticated,
            event=command.event,
            thread=thread_of((connection.actor.user_id, connection.id), other),
        )
        if not membership.terms.echoes:
            message.unechoed = True
        meant = [theirs] if theirs is not None else self._clients_of(command.user, membership.channel)
        members = tuple(Counter(client.actor.kind for client in meant).items())
        self._publish(connection, membership, command, message, members, frame, by, ran)

    def _clients_of(self, user: str | None, channel: Channel) -> list[Connection]:
        return [client for client in channel.clients() if client.actor.user_id == user]

    def _publish(
        self,
        connection: Connection,
        membership: Membership,
        command: Send,
        message: Message,
        members: Members,
        frame: bytes,
        by: str,
        ran: Ran,
    ) -> None:
        """Hand an accepted message on: stored first where the channel keeps history."""
        workspace, tap, rights = connection.workspace, self._tap, membership.group.rights
        detail: Detail | None = None
        if tap.watching or workspace.keeps_frames:
            frame_kept = frame if frame and workspace.keeps_frames else None
            detail = Detail(self._parsed_at if not by else 0.0, monotonic(), frame=frame_kept)
        received = connection.heard_at if not by else monotonic()
        told = None if workspace.hooks is None else self._webhooks.of_message(workspace, message, connection)
        if ran.notices:
            told = (*(told or ()), *self._webhooks.of_notices(workspace, ran.notices, message.id))
        if rights.history or told is not None:
            self._store_and_publish(
                connection, membership, command, message, members, received, detail, by, told or (), ran
            )
            return
        recipients = self._broker.publish(workspace, message)
        if command.reply is not None:
            self._acknowledge(connection, membership, command)
        workspace.messages += 1
        tap.delivered(
            workspace,
            message,
            rights.version,
            connection.actor,
            members,
            recipients,
            received,
            monotonic(),
            detail,
            by,
            message.target_user or "",
            runs=ran.runs,
        )

    def _store_and_publish(
        self,
        connection: Connection,
        membership: Membership,
        command: Send,
        message: Message,
        members: Members,
        received: float,
        detail: Detail | None,
        by: str,
        told: Sequence[Delivery],
        ran: Ran,
    ) -> None:
        workspace, actor, rights = connection.workspace, connection.actor, membership.rights

        def delivered(recipients: int | None) -> None:
            workspace.messages += 1
            version, now = rights.version, monotonic()
            channel = workspace.channels.get(message.channel)
            there = members if message.kind is PRIVATE else channel.kinds() if channel is not None else ()
            self._tap.delivered(
                workspace,
                message,
                version,
                actor,
                there,
                recipients,
                received,
                now,
                detail,
                by,
                message.target_user or "",
                handed=self.ticks.next(),
                runs=ran.runs,
            )
            if recipients is None:
                asked = Asked(by=by, reply=command.reply)
                self._refuser.refuse(connection, Code.STORAGE_UNAVAILABLE, message.channel, asked=asked)
            elif command.reply is not None and not was_refused:
                self._acknowledge(connection, membership, command)

        was_refused: list[bool] = []

        def still_allowed() -> bool:
            """Look at the sender's right again after a commit that took time."""
            if detail is not None:
                detail.stored = monotonic()
            if connection.closing_since or workspace.rules.version == rights.version:
                return True
            operation = SENDING[message.kind]
            now_in = self._hub.membership(connection, message.channel)
            if now_in is not None and getattr(now_in.rights, operation.value):
                return True
            facts = Facts(joined=now_in is not None)
            self._refuser.decide(connection, operation, message.channel, facts, Asked(by=by, reply=command.reply))
            was_refused.append(True)
            return False

        self._broker.store_and_publish(workspace, message, rights.history, delivered, still_allowed, told)

    def _acknowledge(self, connection: Connection, membership: Membership, command: Send) -> None:
        if membership.terms.acknowledges:
            self._turn.acknowledge(connection, connection.face.done(command.channel, command.reply))

    # Joining and leaving

    def join(self, connection: Connection, channel: str) -> None:
        """Put a client into a channel on behalf of the server, as far as it may be there."""
        self._join(connection, Join(channel), b"")

    def _join(self, connection: Connection, command: Join, frame: bytes) -> None:
        workspace, name = connection.workspace, command.channel
        if command.token is not None and not self._renewing.goes_on_as(connection, command, command.token, frame):
            return
        if command.key is not None and command.key != connection.id and command.key in workspace.connections:
            detail = "Presence would list it under the socketId of another client."
            self._refuser.refuse(connection, Code.INVALID_FRAME, name, detail=detail, asked=Asked(command, frame))
            return
        membership = self._hub.membership(connection, name)
        if membership is not None:
            self._join_again(connection, membership, command)
            return
        rights = workspace.rights(connection.actor.kind, name)
        ran = self._gate.join(connection, command, rights) if workspace.has_triggers else NOT_RUN
        if ran is not NOT_RUN:
            # They may have taken time: everything is looked at again.
            if connection.closing_since:
                return
            membership = self._hub.membership(connection, name)
            if membership is not None:
                self._join_again(connection, membership, command)
                return
            rights = workspace.rights(connection.actor.kind, name)
        if not rights.join or ran.objection is not None:
            facts = replace(NOT_JOINED, objection=ran.objection)
            self._refuser.decide(connection, Operation.JOIN, name, facts, Asked(command, frame, runs=ran.runs))
            return
        if 0 < self._limits.channels_per_client <= len(connection.memberships):
            self._refuser.refuse(connection, Code.TOO_MANY_CHANNELS, name, asked=Asked(command, frame))
            return
        membership = self._hub.join(workspace, connection, command)
        self._tap.joined(membership, ran.runs)
        if ran.notices:
            self._webhooks.enqueue(workspace, ran.notices)
        answer = connection.face.joined(command)
        if answer:  # what the server joins a client to has no answer in some protocols
            self._turn.send(connection, answer)
        send_roster(self._turn, membership)
        if membership.is_listed and len(membership.channel.members) > 1:
            announce(self._turn, membership.channel, None, membership.present, connection)
        if command.wants_history:
            self._history.send_history(connection, membership, name)

    def _join_again(self, connection: Connection, membership: Membership, command: Join) -> None:
        """A doubled join is normal (two channel objects of one SDK): it only adds what was not asked for before.

        Where joins are answered, it takes the place of the earlier one.
        """
        before, encoder = membership.terms, membership.encoder
        listed = membership.present if membership.is_listed else None
        membership.agree(command)
        if membership.encoder is not encoder or (command.wants_presence and not membership.wants_presence):
            membership.wants_presence |= command.wants_presence
            membership.channel.audience_changed()
        self._turn.send(connection, connection.face.joined(command, before))
        send_roster(self._turn, membership)
        now_listed = membership.present if membership.is_listed else None
        if now_listed != listed:
            announce(self._turn, membership.channel, listed, now_listed, connection)
        if command.wants_history and (command.reply is not None or not membership.wanted_history):
            membership.wanted_history = True
            self._history.send_history(connection, membership, command.channel)

    def _leave(self, connection: Connection, command: Leave, frame: bytes) -> None:
        membership = self._hub.membership(connection, command.channel)
        if membership is None:
            if command.reply is not None:  # what is to be so is so: a client gives up after a join that was refused
                self._turn.send(connection, connection.face.left(command))
            else:
                self._refuser.refuse(connection, Code.NOT_JOINED, command.channel, asked=Asked(command, frame))
            return
        if connection.face.is_outdated(command, membership.terms):
            self._turn.send(connection, connection.face.left(command))
            return
        if membership.rights.history or connection.workspace.hooks is not None:
            # What it said before is stored first: it comes back to it, and reaches the others before its leaving.
            self._broker.settle()
            membership = connection.memberships.get(command.channel)
            if membership is None:
                if command.reply is not None:
                    self._turn.send(connection, connection.face.left(command))
                return  # a rule change took it out meanwhile, and told it so
        self._hub.leave(connection.workspace, membership)
        self._turn.send(connection, connection.face.left(command))

    # Presence

    def _show(self, connection: Connection, command: Show, frame: bytes) -> None:
        membership = self._hub.membership(connection, command.channel)
        if membership is None or not (membership.rights.in_presence and membership.rights.sees_presence):
            # Who is silent is listed, but says nothing of itself either.
            silent = membership is not None and membership.rights.in_presence
            operation = Operation.SEES_PRESENCE if silent else Operation.IN_PRESENCE
            facts = JOINED if membership is not None else NOT_JOINED
            self._refuser.decide(connection, operation, command.channel, facts, Asked(command, frame))
            return
        self._turn.send(connection, connection.face.done(command.channel, command.reply))
        if not membership.wants_presence:
            membership.wants_presence = True
            membership.channel.audience_changed()
            send_roster(self._turn, membership)
        self._hub.show(membership, command.state)

    # Who a client is

    def _renew(self, connection: Connection, command: Renew, token: str | None, frame: bytes) -> None:
        if self._renewing.goes_on_as(connection, command, token, frame):
            self._turn.send(connection, connection.face.done(command.channel, command.reply))

    # History

    def _read_history(self, connection: Connection, command: ReadHistory, frame: bytes) -> None:
        membership = self._hub.membership(connection, command.channel)
        if membership is None:
            operation = Operation.READ_HISTORY
            self._refuser.decide(connection, operation, command.channel, NOT_JOINED, Asked(command, frame))
            return
        self._broker.settle()  # what the client said itself is part of the answer
        membership = self._hub.membership(connection, command.channel)
        if membership is None:
            self._taken_out_meanwhile(connection, command, frame)
        elif command.socket_id is None:
            if not self._history.send_history(connection, membership, command.channel, command.reply):
                self._taken_out_meanwhile(connection, command, frame)
        elif not self._history.send_thread(connection, membership, command.channel, command.socket_id, command.reply):
            self._taken_out_meanwhile(connection, command, frame)

    def _taken_out_meanwhile(self, connection: Connection, command: ReadHistory, frame: bytes) -> None:
        """A rule change took the client out, and told it so; what it asked is still to be answered, where it can be."""
        if command.reply is not None and not connection.closing_since:
            self._refuser.refuse(connection, Code.NOT_JOINED, command.channel, asked=Asked(command, frame))

    # Limits

    def within_rate(self, connection: Connection) -> bool:
        """Count a frame of any kind. Far above the limit the client is closed: refusing costs time as well."""
        connection.received += 1
        limit = self._limits.messages_per_minute
        if not limit:
            return True
        now = connection.heard_at
        if now - connection.window >= RATE_WINDOW:
            connection.window = now
            connection.window_count = 0
        connection.window_count += 1
        if connection.window_count > limit * FLOOD:
            self._refuser.note(connection, Code.RATE_LIMITED, f"More than {limit * FLOOD} frames within a minute.")
            self._turn.flush()
            connection.close(CloseCode.TRY_AGAIN_LATER, Code.RATE_LIMITED.value)
        return connection.window_count <= limit


def peer_of(target: Membership | None) -> Peer:
    """Say of the recipient of a private message what the judge asks."""
    return Peer(present=False) if target is None else Peer(True, target.connection.actor.kind)


def _operation(connection: Connection, command: Send) -> Operation:
    if command.private:
        return Operation.SEND_PRIVATE
    return message_operation(connection.workspace.rules, connection.actor, command.channel, command.authenticated)
