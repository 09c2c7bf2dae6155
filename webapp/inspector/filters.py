"""Which of what passes somebody wants to see: the inspector's filter, as it stands in an address."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from ..core.codes import Code
from ..core.targets import Target, TargetError, parse_authorized_channel
from ..realtime.events import Join, Leave, ReadHistory, Refusal, Send
from .records import Happening, MessageRecord, Record


class Action(StrEnum):
    """What a client (or the server) did."""

    MESSAGE = "message"
    EVENT = "event"
    JOIN = "join"
    LEAVE = "leave"
    HISTORY = "history"
    CONNECT = "connect"
    CLOSE = "close"
    CONNECTION = "connection"
    """A refusal that concerns a connection as a whole."""


class Verdict(StrEnum):
    """What it came to: allowed, denied, or silent (allowed, but nobody was there to receive it)."""

    ALLOWED = "allowed"
    DENIED = "denied"
    SILENT = "silent"


class FilterError(ValueError):
    """A filter that can't be read. ``field`` is the part of it that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Filter:
    """What somebody wants to see; what is left out excludes nothing.

    ``channel`` is a name or a pattern with ``*``, ``client`` a socketId, ``text`` a part of a payload (only of payloads
    that were captured), in any case. A private message belongs to both its ends, also one that was refused.
    """

    channel: str = ""
    client: str = ""
    user: str = ""
    verdict: Verdict | None = None
    code: Code | None = None
    action: Action | None = None
    text: str = ""

    @property
    def is_empty(self) -> bool:
        return self == _EVERYTHING

    def arguments(self) -> dict[str, str]:
        """Return the parts that are set, as they stand in an address."""
        return {f.name: str(value) for f in fields(self) if (value := getattr(self, f.name))}

    def matcher(self) -> "Matcher":
        """Compile it, for holding many records against it."""
        return Matcher(self)


_EVERYTHING = Filter()


class Matcher:
    """A filter that is ready to be used. The text in payloads is for who may see them (`lines`)."""

    __slots__ = ("_channel", "_filter", "is_empty", "text")

    def __init__(self, wanted: Filter) -> None:
        self._filter = wanted
        self._channel: Target | None = parse_authorized_channel(wanted.channel) if wanted.channel else None
        self.text = wanted.text.casefold()
        self.is_empty = wanted.is_empty

    def takes(self, record: Record) -> bool:
        """Whether a record is wanted, but for its payload."""
        if self.is_empty:
            return True
        wanted = self._filter
        if self._channel is not None:
            channel = channel_of(record)
            if channel is None or not self._channel.matches(channel):
                return False
        if wanted.client and not _is_of_client(record, wanted.client):
            return False
        return (
            (not wanted.user or user_of(record) == wanted.user)
            and (wanted.verdict is None or verdict_of(record) is wanted.verdict)
            and (wanted.code is None or code_of(record) is wanted.code)
            and (wanted.action is None or action_of(record) is wanted.action)
        )


def read_filter(arguments: Mapping[str, str]) -> Filter:
    """Read a filter as it stands in an address; other arguments are none of its business.

    Raises:
        FilterError: a part that can't be read.
    """
    given: dict[str, Any] = {
        name: arguments.get(name, "").strip()[:300] for name in ("channel", "client", "user", "text")
    }
    for name, choices in (("verdict", Verdict), ("code", Code), ("action", Action)):
        value = arguments.get(name, "")
        try:
            given[name] = choices(value) if value else None
        except ValueError:
            known = ", ".join(choice.value for choice in choices)
            raise FilterError(name, f"`{value[:40]}` is none of {known}.") from None
    if given["channel"]:
        try:
            parse_authorized_channel(given["channel"])
        except TargetError as error:
            raise FilterError("channel", str(error)) from None
    return Filter(**given)


def channel_of(record: Record) -> str | None:
    return record.message.channel if type(record) is MessageRecord else record.channel  # type: ignore[union-attr]


def user_of(record: Record) -> str | None:
    if type(record) is MessageRecord:
        return record.message.user_id
    return record.actor.user_id if record.actor is not None else None


def verdict_of(record: Record) -> Verdict:
    if type(record) is MessageRecord:
        if record.recipients is None or record.blocked is not None:
            return Verdict.DENIED
        return Verdict.ALLOWED if record.recipients else Verdict.SILENT
    return Verdict.DENIED if type(record) is Refusal else Verdict.ALLOWED


def code_of(record: Record) -> Code | None:
    if type(record) is Refusal:
        return record.code
    if type(record) is MessageRecord:
        return Code.STORAGE_UNAVAILABLE if record.recipients is None else record.blocked
    return None


def action_of(record: Record) -> Action:
    if type(record) is MessageRecord:
        return Action.EVENT if record.actor is None else Action.MESSAGE
    if type(record) is Happening:
        return _HAPPENED[record.what.value]
    return refused_action(record)  # type: ignore[arg-type]


_HAPPENED = {what: Action(what) for what in ("connect", "join", "leave", "close")}


def refused_action(refusal: Refusal) -> Action:
    """Say what a client was refused."""
    command = refusal.command
    if command is None:
        if refusal.decision is not None:
            return Action.JOIN if refusal.decision.operation.value == "join" else Action.MESSAGE
        return Action.CONNECTION
    if isinstance(command, Join):
        return Action.JOIN
    if isinstance(command, Leave):
        return Action.LEAVE
    return Action.HISTORY if isinstance(command, ReadHistory) else Action.MESSAGE


def _is_of_client(record: Record, socket_id: str) -> bool:
    if type(record) is MessageRecord:
        return socket_id in (record.message.socket_id, record.message.target_id)
    if type(record) is Refusal and type(record.command) is Send and record.command.socket_id == socket_id:
        return True
    return record.socket_id == socket_id  # type: ignore[union-attr]
