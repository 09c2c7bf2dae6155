"""Records as the inspector's stream shows them: one line each, the same live, in the backlog and in a recording."""

from typing import TYPE_CHECKING

import msgspec

from ..core.codes import CLOSE_MEANINGS
from ..realtime.events import Kind, Message, Refusal, Send
from .capture import TICKS_A_SECOND, mentions, redacted
from .filters import Matcher, action_of, channel_of, code_of, user_of, verdict_of
from .records import Happening, MessageRecord, Record, What

if TYPE_CHECKING:
    from ..realtime.workspace import Workspace

PREVIEW_MOST = 200
"""Characters of a payload that a line shows."""
SEARCHED_MOST = 64 * 1024


class Line(msgspec.Struct, omit_defaults=True):
    """A line of the stream. Names are as strangers chose them: whoever shows them writes text, never HTML.

    ``id`` names the record in addresses and is the reference number of a refusal; ``at`` is in milliseconds since 1970,
    ``took`` in milliseconds. ``verdict`` is allowed, denied or silent. ``what`` says in words what it was.
    """

    id: str
    at: float
    action: str
    verdict: str
    what: str
    channel: str | None = None
    socket: str | None = None
    user: str | None = None
    test: bool = False
    """Whether it is of a test client."""
    by: str = ""
    """The admin who had it done."""
    audience: str = ""
    """``public``, ``authenticated``, ``private`` or ``event``."""
    to: str | None = None
    """The socketId that a private message is for."""
    code: str | None = None
    rule: str | None = None
    version: int | None = None
    recipients: int | None = None
    took: float | None = None
    size: int | None = None
    payload: str | None = None
    """How the payload begins, where it was captured and may be seen."""


class Scribe:
    """Writes lines for one reader of one workspace. Whether the reader may see payloads is settled once."""

    def __init__(self, workspace: "Workspace", *, sees_payloads: bool) -> None:
        self.workspace = workspace
        self.sees_payloads = sees_payloads

    def takes(self, record: Record, matcher: Matcher) -> bool:
        """Whether a record is of this workspace and wanted, with its payload as far as this reader may see it."""
        if record.workspace != self.workspace.canonical or not matcher.takes(record):
            return False
        if not matcher.text:
            return True
        captured = self._captured(record)
        if captured is None or not self._may_hold(captured, matcher.text):
            return False
        payload = self.payload(record)
        return payload is not None and _holds(payload, matcher.text)

    def _may_hold(self, captured: bytes, text: str) -> bool:
        """Whether it is worth while to hide fields, which takes longer than searching and may write the rest anew."""
        return _holds(captured, text) or mentions(captured, self.workspace.captured.capture.redacted)

    def payload(self, record: Record) -> bytes | None:
        """Return the JSON of a record's payload, redacted; None where there is none that this reader may see."""
        captured = self._captured(record)
        return redacted(captured, self.workspace.captured.capture.redacted) if captured is not None else None

    def _captured(self, record: Record) -> bytes | None:
        if not self.sees_payloads or not self.workspace.captured.shows(record.id):
            return None
        if type(record) is MessageRecord:
            return record.message.payload
        return record.frame if type(record) is Refusal else None

    def line(self, record: Record) -> Line:
        """Write a record's line."""
        if type(record) is MessageRecord:
            return self._message(record)
        if type(record) is Refusal:
            return self._refusal(record)
        return _happening(record)  # type: ignore[arg-type]

    def rule(self, version: int, channel: str | None) -> str | None:
        """Return the target of the rule that decided, as far as that version is still at hand."""
        rules = self.workspace.rules_of(version)
        rule = rules.resolve(channel) if rules is not None and channel else None
        return rule.target.text if rule is not None else None

    def _message(self, record: MessageRecord) -> Line:
        message = record.message
        return Line(
            id=str(record.id),
            at=moment(record.id),
            action=action_of(record).value,
            verdict=verdict_of(record).value,
            what=_words(message, record),
            channel=message.channel,
            socket=message.socket_id,
            user=message.user_id,
            test=record.actor is not None and record.actor.is_test,
            by=record.by,
            audience=message.kind.value,
            to=message.target_id,
            code=code.value if (code := code_of(record)) is not None else None,
            rule=self.rule(record.version, message.channel),
            version=record.version,
            recipients=record.recipients,
            took=milliseconds(record.published - record.received),
            size=len(message.payload),
            payload=self._preview(record),
        )

    def _refusal(self, refusal: Refusal) -> Line:
        command, decision = refusal.command, refusal.decision
        private = isinstance(command, Send) and command.private
        return Line(
            id=refusal.ref,
            at=moment(refusal.id),
            action=action_of(refusal).value,
            verdict=verdict_of(refusal).value,
            what=refusal.told or refusal.text,
            channel=channel_of(refusal),
            socket=refusal.socket_id,
            user=user_of(refusal),
            test=refusal.actor.is_test,
            by=refusal.by,
            audience="private" if private else "",
            to=command.socket_id if isinstance(command, Send) else None,
            code=refusal.code.value,
            rule=decision.rule.target.text if decision is not None and decision.rule is not None else None,
            version=decision.version if decision is not None else None,
            took=milliseconds(refusal.refused - refusal.received) if refusal.received and refusal.command else None,
            payload=self._preview(refusal),
        )

    def _preview(self, record: Record) -> str | None:
        payload = self.payload(record)
        if payload is None:
            return None
        text = payload[: PREVIEW_MOST * 4].decode("utf-8", "replace")
        return text if len(text) <= PREVIEW_MOST else text[:PREVIEW_MOST] + "…"


def _holds(payload: bytes, text: str) -> bool:
    return text in payload[:SEARCHED_MOST].decode("utf-8", "replace").casefold()


def _happening(happening: Happening) -> Line:
    return Line(
        id=str(happening.id),
        at=moment(happening.id),
        action=happening.what.value,
        verdict=verdict_of(happening).value,
        what=_told(happening),
        channel=happening.channel,
        socket=happening.socket_id,
        user=happening.actor.user_id,
        test=happening.actor.is_test,
        by=happening.by,
    )


def _words(message: Message, record: MessageRecord) -> str:
    if record.recipients is None:
        return "could not be stored, so it was not sent"
    if record.blocked is not None:
        return "event of the server that a trigger kept back"
    if message.kind is Kind.EVENT:
        return f"event {message.event}" if message.event else "event of the server"
    return f"{message.kind.value} message {message.event or ''}".rstrip()


def _told(happening: Happening) -> str:
    match happening.what:
        case What.CONNECT:
            return f"connected over {happening.protocol}"
        case What.JOIN:
            return "joined"
        case What.LEAVE:
            return happening.why if happening.why == "left" else f"left: {happening.why}"
        case What.CLOSE:
            return f"connection ended: {closed(happening)}"


def closed(happening: Happening) -> str:
    """Say how a connection ended: the close code, and why."""
    meaning = next((meaning.sentence for code, meaning in CLOSE_MEANINGS.items() if code == happening.code), "")
    code = str(happening.code) if happening.code else "without a close frame"
    return ", ".join(part for part in (code, happening.why or meaning.rstrip(".")) if part)


def moment(tick: int) -> float:
    """Milliseconds since 1970 of an id."""
    return tick * 1000 / TICKS_A_SECOND


def milliseconds(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 3)
