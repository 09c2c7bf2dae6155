"""Sending something recorded once more: as its client while that is connected, else as an event of the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ..core.actors import Actor
from ..core.codes import Code
from ..core.targets import channel_problem
from ..inspector.capture import hides
from ..inspector.records import MessageRecord, Record
from ..inspector.trial import command_of
from ..models import Action, Source, Workspace
from ..protocols import FACES
from ..realtime.events import Face, FrameError, Json, Refusal, Send
from ..realtime.server import Realtime
from ..realtime.server_events import StorageUnavailable
from ..realtime.workspace import Workspace as LiveWorkspace
from ..triggers.steps.base import State
from . import audit
from .errors import InvalidInput, NotFound

REACHED_NOBODY = "Allowed, but nobody was there who could receive it."


@dataclass(frozen=True, slots=True)
class Original:
    """What was sent, or refused, as far as it can be sent again.

    ``payload`` is None where it was not captured. ``marked`` says whether its sender marked it authenticated, ``to``
    the socketId that it was for, ``to_user`` the user, and ``event`` the name that it had. ``actor`` and ``socket_id``
    are its client's, None for an event of the server, which has ``client`` as :meth:`Realtime.publish_event` takes it.
    """

    id: int
    channel: str
    payload: Json | None
    marked: bool = False
    to: str | None = None
    actor: Actor | None = None
    socket_id: str | None = None
    event: str | None = None
    client: Json | None = None
    to_user: str | None = None

    @property
    def is_event(self) -> bool:
        return self.actor is None

    def command(self, channel: str, payload: Json, marked: bool, to: str | None) -> Send:
        """Write it as a client sends it, to the same user unless it is for a client."""
        user = self.to_user if to is None and not self.is_event else None
        return Send(channel, payload, marked, to, user, self.event)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of it. ``id`` is its line's and a refusal's reference number, None where nothing is captured.

    ``code`` is None if it was let through. ``refused`` counts the members that an event did not reach, by code.
    """

    id: str | None
    sentence: str
    code: Code | None = None
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Who:
    """Who sends it again, and from where, for the audit log."""

    author: str
    source: Source | str
    address: str | None = None


def original(live: LiveWorkspace, record: Record) -> Original | None:
    """Return what a record holds of something that was sent; None if it was nothing of the kind."""
    captured = live.captured.shows(record.id)
    if type(record) is MessageRecord:
        message = record.message
        payload = message.payload if captured else None
        if record.actor is None:
            return Original(
                record.id,
                message.channel,
                payload,
                to=message.target_id,
                event=message.event,
                client=message.sender,
                to_user=record.to_user or None,
            )
        return _of_client(record.id, payload, command_of(record), record.actor, message.socket_id)
    if type(record) is not Refusal or not isinstance(record.command, Send):
        return None
    payload = _payload_of(record) if captured else None
    return _of_client(record.id, payload, record.command, record.actor, record.socket_id)


def _of_client(record_id: int, payload: Json | None, sent: Send, actor: Actor, socket_id: str | None) -> Original:
    return Original(
        record_id,
        sent.channel,
        payload,
        sent.authenticated,
        sent.socket_id,
        actor,
        socket_id,
        event=sent.event,
        to_user=sent.user,
    )


def before_triggers(live: LiveWorkspace, record: Record) -> Original | None:
    """Return the same with the payload that triggers saw, where its frame was kept and they changed it."""
    found = original(live, record)
    if found is None or found.payload is None or type(record) is not MessageRecord or record.detail is None:
        return found
    frame = record.detail.frame
    if frame is None or all(run.state is not State.CHANGED for run in record.runs):
        return found
    read = (_payload_in(frame, face) for face in FACES.values())
    return replace(found, payload=next((payload for payload in read if payload is not None), found.payload))


def checked(realtime: Realtime, channel: str, payload: str) -> tuple[str, Json]:
    """Return a channel and a payload as they can be sent; JSON without the blanks that make it legible.

    Raises:
        InvalidInput: no name of a channel, no JSON, or more than a message may hold.
    """
    problems: dict[str, str] = {}
    problem = channel_problem(channel)
    if problem is not None:
        problems["channel"] = problem
    try:
        written = payload.encode()
        msgspec.json.decode(written)
        data = msgspec.json.format(written, indent=-1)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        problems["payload"] = f"This is not JSON: {error}."
    else:
        most = realtime.limits.message_bytes
        if len(data) > most:
            problems["payload"] = f"{len(data):,} bytes; the server takes at most {most:,}."
    if problems:
        raise InvalidInput(problems)
    return channel, data


def hides_something(live: LiveWorkspace, payload: Json) -> bool:
    """Whether fields of a payload are shown to nobody."""
    return hides(payload, live.captured.capture.redacted)


def as_client(
    workspace: Workspace, realtime: Realtime, given: Original, command: Send, who: Who, *, edited: bool = False
) -> Sent:
    """Send a message as the client that sent it before, decided by the rules of this moment.

    Raises:
        NotFound: the client is not connected any more.
    """
    socket_id, tap = given.socket_id or "", realtime.tap
    seq = tap.noted
    if not realtime.send_again(workspace.canonical, socket_id, command, who.author):
        raise NotFound("The client is not connected any more, so nothing can be sent as it.")
    realtime.broker.settle()
    realtime.turn.flush()
    sent = _became(tap.since(seq), socket_id, command.channel, who.author)
    after: dict[str, Any] = {"socket_id": socket_id, "user": given.actor.user_id if given.actor is not None else None}
    after |= {"to": command.socket_id, "marked": command.authenticated, "bytes": len(command.payload)}
    _audit(workspace, Action.MESSAGE_RESEND, given, command.channel, after, sent, who, edited)
    return sent


def as_event(
    workspace: Workspace,
    realtime: Realtime,
    given: Original,
    command: Send,
    who: Who,
    *,
    edited: bool = False,
) -> Sent:
    """Send a payload to a channel, or one client in it, as an event of the server."""
    try:
        published = realtime.publish_event(
            workspace.canonical,
            command.channel,
            command.payload,
            event=given.event,
            client=given.client,
            target_socket=command.socket_id,
            target_user=given.to_user,
            by=who.author,
        )
    except StorageUnavailable:
        sent = Sent(None, Code.STORAGE_UNAVAILABLE.sentence, Code.STORAGE_UNAVAILABLE)
    else:
        is_kept = realtime.workspaces[workspace.canonical].is_recorded
        sentence = _delivered(published.recipients)
        sent = Sent(published.id if is_kept else None, sentence, None, published.refused)
    after = {"event": given.event, "to": command.socket_id, "user": given.to_user, "bytes": len(command.payload)}
    _audit(workspace, Action.EVENT_SEND, given, command.channel, after, sent, who, edited)
    return sent


def _payload_of(refusal: Refusal) -> Json | None:
    """Read the payload out of the frame that was refused."""
    face = FACES.get(refusal.protocol)
    return _payload_in(refusal.frame, face) if face is not None and refusal.frame else None


def _payload_in(frame: bytes, face: Face) -> Json | None:
    try:
        command = face.decode(frame)
    except FrameError:
        return None
    return command.payload if isinstance(command, Send) else None


def _became(records: list[Record], socket_id: str, channel: str, by: str) -> Sent:
    """Find what the tap noted of a message that was sent again."""
    for record in records:
        if type(record) is MessageRecord:
            message = record.message
            if (record.by, message.socket_id, message.channel) == (by, socket_id, channel):
                if record.recipients is None:
                    return Sent(str(record.id), Code.STORAGE_UNAVAILABLE.sentence, Code.STORAGE_UNAVAILABLE)
                return Sent(str(record.id), _delivered(record.recipients))
        elif type(record) is Refusal and (record.by, record.socket_id) == (by, socket_id):
            return Sent(record.ref, record.told or record.text, record.code)
    return Sent(None, "Let through; the inspector captures nothing here, so there is no line of it.")


def _delivered(recipients: int) -> str:
    if not recipients:
        return REACHED_NOBODY
    return f"Delivered to {recipients:,} client{'s' if recipients != 1 else ''}."


def _audit(
    workspace: Workspace,
    action: Action,
    given: Original,
    channel: str,
    after: dict[str, Any],
    sent: Sent,
    who: Who,
    edited: bool,
) -> None:
    after |= {"channel": channel, "again": str(given.id), "edited": edited, "id": sent.id}
    after["refused"] = sent.code.value if sent.code is not None else None
    audit.write(
        action, actor=who.author, source=who.source, workspace_id=workspace.id, after=after, address=who.address
    )
