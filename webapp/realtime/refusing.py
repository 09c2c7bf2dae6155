"""Refusing: the client is told in short, the inspector keeps the whole story under the number that it is told."""

import time
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..core.codes import Code
from ..core.decision import Decision
from ..core.permissions import Operation
from ..core.policy import NOT_JOINED, Facts, decide
from ..core.targets import CHANNEL_MAX_LENGTH
from ..triggers.runs import Run
from .channel import Membership
from .connection import Connection
from .events import Join, Leave, Question, ReadHistory, Refusal, Send, Ticks
from .turn import Turn

if TYPE_CHECKING:
    from ..inspector.tap import Tap
    from .callers import Caller
    from .workspace import Workspace

SOCKET_ID_MOST = 64
USER_MOST = 255


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asked for when it was refused: the command, the frame it came in, the admin who sent it again, and
    what triggers did about it. ``reply`` is what its face needs to answer where there is no command."""

    command: Question | None = None
    frame: bytes | None = None
    by: str = ""
    runs: tuple[Run, ...] = ()
    reply: Any = None

    @property
    def answers(self) -> Any:
        """What the face needs to answer."""
        return self.reply if self.command is None else self.command.reply


NOTHING = Asked()


class Refuser:
    """Tells clients why something was not done, and notes it for the inspector."""

    def __init__(self, turn: Turn, tap: "Tap", ticks: Ticks) -> None:
        self._turn = turn
        self._tap = tap
        self._ticks = ticks

    def decide(
        self, connection: Connection, operation: Operation, channel: str, facts: Facts, asked: Asked = NOTHING
    ) -> None:
        """Ask the judge once more for the whole explanation, and tell the client its short form."""
        decision = decide(connection.workspace.rules, connection.actor, operation, channel, facts)
        self.decided(connection, decision, facts, asked)

    def decided(self, connection: Connection, decision: Decision, facts: Facts, asked: Asked) -> None:
        """Tell a client what the judge said."""
        assert decision.code is not None
        self.refuse(
            connection,
            decision.code,
            decision.channel,
            text=decision.message,
            decision=decision,
            facts=facts,
            asked=asked,
        )

    def removed(self, membership: Membership, facts: Facts = NOT_JOINED, asked: Asked = NOTHING) -> None:
        """Tell a client that it may no longer be in a channel, and was taken out."""
        connection, channel = membership.connection, membership.channel.name
        decision = decide(connection.workspace.rules, connection.actor, Operation.JOIN, channel, facts)
        code, told = decision.code or Code.NOT_JOINED, decision.message
        ref = self.note(connection, code, "", channel=channel, told=told, decision=decision, facts=facts, asked=asked)
        self._turn.send(connection, membership.encoder.removed(channel, code, told, ref))

    def refuse(
        self,
        connection: Connection,
        code: Code,
        channel: str | None,
        *,
        text: str | None = None,
        detail: str = "",
        decision: Decision | None = None,
        facts: Facts | None = None,
        asked: Asked = NOTHING,
    ) -> None:
        """Tell a client why something was not done, and keep the whole story under the number it is told."""
        told = text or code.sentence
        ref = self.note(
            connection, code, detail, channel=channel, told=told, decision=decision, facts=facts, asked=asked
        )
        self._turn.send(connection, connection.face.error(channel, code, told, ref, asked.answers))

    def turned_away(self, caller: "Caller", workspace: "Workspace", code: Code, detail: str) -> str:
        """Keep for the inspector that a client was not let in; returns the reference number."""
        ref = str(self._ticks.next())
        actor, now = caller.identity[0], monotonic()
        workspace.refusals += 1
        workspace.refused[code] += 1
        self._tap.refusal(
            Refusal(
                ref=ref,
                at=time.time(),
                workspace=workspace.canonical,
                code=code,
                text=code.sentence,
                user_id=actor.user_id,
                address=caller.address,
                detail=detail,
                actor=actor,
                protocol=caller.face.name,
                version=workspace.rules.version,
                received=now,
                refused=now,
            )
        )
        return ref

    def note(
        self,
        connection: Connection,
        code: Code,
        detail: str,
        *,
        channel: str | None = None,
        told: str = "",
        decision: Decision | None = None,
        facts: Facts | None = None,
        asked: Asked = NOTHING,
    ) -> str:
        """Keep a refusal for the inspector without telling the client; returns its reference number."""
        workspace = connection.workspace
        connection.last_error = code
        workspace.refusals += 1
        workspace.refused[code] += 1
        if channel is not None and len(channel) > CHANNEL_MAX_LENGTH:
            # A name that no channel can have is kept no longer than one: it may be as long as a frame.
            channel = channel[:CHANNEL_MAX_LENGTH] + "…"
            decision = replace(decision, channel=channel) if decision is not None else None
        ref, now = str(self._ticks.next()), monotonic()
        self._tap.refusal(
            Refusal(
                ref=ref,
                at=time.time(),
                workspace=workspace.canonical,
                code=code,
                text=code.sentence,
                channel=channel,
                socket_id=connection.id,
                user_id=connection.actor.user_id,
                address=connection.address,
                decision=decision,
                detail=detail,
                told=told,
                actor=connection.actor,
                protocol=connection.face.name,
                version=workspace.rules.version,
                command=_without_payload(asked.command),
                frame=asked.frame if workspace.keeps_frames else None,
                received=connection.heard_at if not asked.by else now,
                refused=now,
                facts=facts,
                by=asked.by,
                runs=asked.runs,
                reply=asked.answers if told and (channel is None or len(channel) <= CHANNEL_MAX_LENGTH) else None,
            )
        )
        return ref


def _without_payload(command: Question | None) -> Question | None:
    """What was asked for, kept no longer than a channel's name can be, and without secrets."""
    if command is None or len(command.channel) > CHANNEL_MAX_LENGTH:
        return None
    match command:
        case Send(channel, _, authenticated, socket_id, user, event):
            return Send(channel, b"null", authenticated, _kept(socket_id), _kept(user, USER_MOST), event)
        case ReadHistory(channel, socket_id):
            return ReadHistory(channel, _kept(socket_id))
        case Join(channel, wants_history, wants_presence):
            return Join(channel, wants_history, wants_presence)
        case Leave(channel):
            return Leave(channel)
    return None


def _kept(name: str | None, most: int = SOCKET_ID_MOST) -> str | None:
    """What somebody wrote for a socketId or a user, kept no longer than one can be."""
    return (name or "")[:most] or None
