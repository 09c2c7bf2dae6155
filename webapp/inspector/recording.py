"""What a recording's file holds: JSON lines.

The first says what it is, then comes a line of the stream with its route for each record, the last says how it ended.
A file that was cut off (the server was killed) lacks the last and is good up to its last whole line.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from ..core.codes import Code
from .filters import Action, Verdict
from .lines import Line
from .route import Route

FORMAT = 1
DEPTH_MOST = 40
LATEST = 253_402_300_799_000
"""The last moment that a calendar knows, in milliseconds since 1970."""
PARTS_MOST = 2_000
"""Steps, stages, recipients and frames of one record: far more than any has, and no more than a page can show."""
FILTER_MOST = 20
SAID_MOST = 64 * 1024
"""Bytes that a client's token can have said: more than a token holds."""
RECIPIENT_STATES = frozenset(("delivered", "refused", "cut"))


class EndedBy(StrEnum):
    """Why a recording ended."""

    STOPPED = "stopped"
    TIME = "time"
    SIZE = "size"
    DISK = "disk"
    """It could not be written any more."""
    SHUTDOWN = "shutdown"
    RESTART = "restart"
    """The server was killed while it ran."""
    FAULT = "fault"


class Head(msgspec.Struct):
    """What a recording is of. ``filter`` is the inspector's, as in its address; ``started_at`` an ISO moment."""

    format: int
    name: str
    workspace: str
    filter: dict[str, str]
    started_by: str
    started_at: str


class Entry(msgspec.Struct):
    """One record: its line in the stream, and its whole way."""

    line: Line
    route: Route


class End(msgspec.Struct):
    """How it ended. ``missed`` counts what passed too fast to be read, whatever the filter says of it."""

    by: EndedBy
    at: str
    lines: int
    missed: int


class HeadLine(msgspec.Struct):
    recording: Head


class EndLine(msgspec.Struct):
    ended: End


class NotALine(ValueError):
    """A line that no recording holds; the message says what is wrong with it."""


class _Any(msgspec.Struct, forbid_unknown_fields=True):
    recording: Head | UnsetType = UNSET
    line: Line | UnsetType = UNSET
    route: Route | UnsetType = UNSET
    ended: End | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Any)


def written(item: HeadLine | Entry | EndLine) -> bytes:
    """Write a line of the file.

    What a stranger's token says may hold halves of surrogate pairs, which no file can: they become escapes.
    """
    try:
        return msgspec.json.encode(item) + b"\n"
    except (UnicodeEncodeError, RecursionError):
        return msgspec.json.encode(_writable(msgspec.structs.asdict(item), 0)) + b"\n"


def _writable(value: Any, depth: int) -> Any:
    if depth > DEPTH_MOST:
        return "…"
    if isinstance(value, msgspec.Struct):
        return _writable(msgspec.structs.asdict(value), depth)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(_writable(key, depth + 1)): _writable(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(inner, depth + 1) for inner in value]
    return value


def checked(raw: bytes) -> Head | Entry | End:
    """Read a line of a file that somebody brings, strictly.

    Raises:
        NotALine: it is none, and why.
    """
    try:
        read = _decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise NotALine(f"{error}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotALine("This is not JSON.") from None
    given = [item for item in (read.recording, read.line, read.ended) if item is not UNSET]
    if len(given) != 1 or (read.line is UNSET) is not (read.route is UNSET):
        raise NotALine("Expected `recording`, or `line` and `route`, or `ended`.")
    if not isinstance(read.line, UnsetType) and not isinstance(read.route, UnsetType):
        return _checked_entry(Entry(read.line, read.route))
    if not isinstance(read.recording, UnsetType):
        if read.recording.format != FORMAT:
            raise NotALine(f"It is of format {read.recording.format}; this version reads format {FORMAT}.")
        if len(read.recording.filter) > FILTER_MOST:
            raise NotALine("`recording.filter` has parts that no filter has.")
        return read.recording
    assert not isinstance(read.ended, UnsetType)
    return read.ended


def _checked_entry(entry: Entry) -> Entry:
    line = entry.line
    if not (line.id.isascii() and line.id.isdigit() and len(line.id) <= 20):
        raise NotALine("`line.id` is no number of a record.")
    if not 0 <= line.at <= LATEST:
        raise NotALine("`line.at` is no moment.")
    if line.verdict not in list(Verdict):
        raise NotALine("`line.verdict` is none of allowed, denied, silent.")
    if line.action not in list(Action):
        raise NotALine("`line.action` is nothing that a client does.")
    if line.code is not None and line.code not in list(Code):
        raise NotALine("`line.code` is none that this version knows.")
    if entry.route.line != line:
        raise NotALine("`route` is of another line.")
    if _parts(entry.route) > PARTS_MOST:
        raise NotALine(f"`route` holds more than {PARTS_MOST:,} steps, stages, triggers, recipients and frames.")
    client = entry.route.client
    if client is not None and len(msgspec.json.encode((client.extras, client.identity))) > SAID_MOST:
        raise NotALine("`client` says more than a token can.")
    recipients = entry.route.recipients
    if recipients is not None and any(one.state not in RECIPIENT_STATES for one in recipients.named):
        raise NotALine("A recipient's `state` is none of delivered, refused, cut.")
    return entry


def _parts(route: Route) -> int:
    parts = len(route.steps) + len(route.stages) + len(route.frames) + len(route.triggers)
    parts += sum(len(trigger.steps) for trigger in route.triggers)
    if route.recipients is not None:
        groups = route.recipients.groups
        parts += len(route.recipients.named) + len(groups) + sum(len(group.steps) for group in groups)
    return parts
