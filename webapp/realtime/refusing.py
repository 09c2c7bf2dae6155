"""Refusing: the client is told in short, the inspector keeps the whole story under the number that it is told."""

import time
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from ..core.codes import Code
from ..core.decision import Decision
from ..core.permissions import Operation
from ..core.policy import NOT_JOINED, Facts, decide
from ..core.targets import CHANNEL_MAX_LENGTH
from ..triggers.runs import Run
from .connection import Connection
from .events import Command, ReadHistory, Refusal, Send, Ticks
from .turn import Turn

if TYPE_CHECKING:
    from ..inspector.tap import Tap

SOCKET_ID_MOST = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asked for when it was refused: the command, the frame it came in, the admin who sent it again, and
    what triggers did about it."""

    command: Command | None = None
    frame: bytes | None = None
    by: str = ""
    runs: tuple[Run, ...] = ()


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

    def removed_by_rules(self, connection: Connection, channel: str) -> None:
        """Tell a client that a rule change took it out of a channel."""
        self.decide(connection, Operation.JOIN, channel, NOT_JOINED)

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
        self._turn.send(connection, connection.face.error(channel, code, told, ref))

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
            )
        )
        return ref


def _without_payload(command: Command | None) -> Command | None:
    """What was asked for, kept no longer than a channel's name can be."""
    if command is None or len(command.channel) > CHANNEL_MAX_LENGTH:
        return None
    if isinstance(command, Send):
        return Send(command.channel, b"null", command.authenticated, _kept(command.socket_id))
    if isinstance(command, ReadHistory):
        return ReadHistory(command.channel, _kept(command.socket_id))
    return command


def _kept(socket_id: str | None) -> str | None:
    """What somebody wrote for a socketId, kept no longer than one can be."""
    return (socket_id or "")[:SOCKET_ID_MOST] or None
