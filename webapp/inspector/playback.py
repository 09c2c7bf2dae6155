"""Reads recordings: a page of their lines from any place in a file, forwards or backwards, however large it is.

A place is a number of bytes from the beginning, where a line begins. Nothing is read whole: a page looks through a
bounded part of the file, in slices, and others get their turn in between.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import gevent
import msgspec

from ..core.targets import Target, parse_authorized_channel
from ..triggers.turns import PAUSE
from .filters import Filter
from .lines import SEARCHED_MOST, Line
from .recording import End, Entry, Head, NotALine, checked

READ_AT_ONCE = 256 * 1024
LINES_A_PAGE = 100
SLICE = 0.004
"""Seconds of checking before others get a turn of the loop."""
LOOKED_THROUGH = 64 * 1024 * 1024
"""Bytes that one page looks through at most for lines that a filter takes."""


class LineMatcher:
    """A filter for lines that were recorded. It takes what the filter of live traffic (``filters``) takes."""

    def __init__(self, wanted: Filter) -> None:
        self._filter = wanted
        self._channel: Target | None = parse_authorized_channel(wanted.channel) if wanted.channel else None
        self.text = wanted.text.casefold()
        self.is_empty = wanted.is_empty

    def takes(self, line: Line, payload: str | None) -> bool:
        """Whether a line is wanted; ``payload`` is the whole one, as its route holds it."""
        if self.is_empty:
            return True
        wanted = self._filter
        if self._channel is not None and (line.channel is None or not self._channel.matches(line.channel)):
            return False
        if self.text and (payload is None or self.text not in _searched(payload)):
            return False
        return (
            (not wanted.client or wanted.client in (line.socket, line.to))
            and (not wanted.user or line.user == wanted.user)
            and (wanted.verdict is None or line.verdict == wanted.verdict)
            and (wanted.code is None or line.code == wanted.code)
            and (wanted.action is None or line.action == wanted.action)
        )


def _searched(payload: str) -> str:
    return payload.encode()[:SEARCHED_MOST].decode("utf-8", "replace").casefold()


@dataclass(frozen=True, slots=True)
class Found:
    """A line, and where in the file it begins and ends."""

    line: Line
    at: int
    ends: int


@dataclass(frozen=True, slots=True)
class Page:
    """Lines of a file, in their order.

    ``begins`` and ``ends`` say which part of it was looked through, ``size`` where its last whole line ends.
    ``damaged`` counts lines in this part that can't be read.
    """

    found: tuple[Found, ...]
    begins: int
    ends: int
    size: int
    damaged: int = 0

    @property
    def has_earlier(self) -> bool:
        return self.begins > 0

    @property
    def has_later(self) -> bool:
        return self.ends < self.size


def page_from(file: BinaryIO, place: int, wanted: Filter, most: int = LINES_A_PAGE) -> Page:
    """Return the lines from a place on that a filter takes."""
    size = whole(file)
    begins = ends = _line_start(file, min(place, size), size)
    matcher = LineMatcher(wanted)
    found: list[Found] = []
    damaged = 0
    for at, raw in _forwards(file, begins, size):
        ends = at + len(raw) + 1
        line, is_damaged = _wanted(raw, matcher)
        damaged += is_damaged
        if line is not None:
            found.append(Found(line, at, ends))
        if len(found) == most or ends - begins >= LOOKED_THROUGH:
            break
    return Page(tuple(found), begins, ends, size, damaged)


def page_before(file: BinaryIO, place: int, wanted: Filter, most: int = LINES_A_PAGE) -> Page:
    """Return the lines before a place that a filter takes, the last ones."""
    size = whole(file)
    begins = ends = _line_start(file, min(place, size), size)
    matcher = LineMatcher(wanted)
    found: list[Found] = []
    damaged = 0
    for at, raw in _backwards(file, ends):
        begins = at
        line, is_damaged = _wanted(raw, matcher)
        damaged += is_damaged
        if line is not None:
            found.append(Found(line, at, at + len(raw) + 1))
        if len(found) == most or ends - begins >= LOOKED_THROUGH:
            break
    found.reverse()
    return Page(tuple(found), begins, ends, size, damaged)


def entry_at(file: BinaryIO, place: int) -> Entry | None:
    """Return what stands at a place; None if no line begins there, or it is none of a record."""
    size = whole(file)
    if not 0 <= place < size or _line_start(file, place, size) != place:
        return None
    for _, raw in _forwards(file, place, size):
        try:
            item = checked(raw)
        except NotALine:
            return None
        return item if isinstance(item, Entry) else None
    return None


def head_of(file: BinaryIO) -> Head | None:
    """Return what a file says that it is; None if it is no recording."""
    for _, raw in _forwards(file, 0, whole(file)):
        try:
            item = checked(raw)
        except NotALine:
            return None
        return item if isinstance(item, Head) else None
    return None


def whole(file: BinaryIO) -> int:
    """Return where the last whole line of a file ends: it may be being written, or have been cut off."""
    size = place = file.seek(0, os.SEEK_END)
    while place > 0:
        begins = max(place - READ_AT_ONCE, 0)
        file.seek(begins)
        cut = file.read(place - begins).rfind(b"\n")
        if cut >= 0:
            return min(begins + cut + 1, size)
        place = begins
    return 0


def count_entries(file: BinaryIO) -> int:
    """Count the whole lines of records, in slices."""
    return sum(raw.startswith(b'{"line":') for _, raw in _forwards(file, 0, whole(file)))


@dataclass(slots=True)
class CheckedPart:
    """A part of a file that somebody brings. Lines are counted from 1; ``taken`` is how many bytes were looked at.

    ``problem`` says what is wrong with the line after those that were looked at; where there is one, that is the end.
    """

    found: list[Found] = field(default_factory=list)
    lines: int = 0
    taken: int = 0
    head: Head | None = None
    end: End | None = None
    problem: str = ""


def check_part(data: bytes, place: int, first: int, wanted: Filter, most: int = LINES_A_PAGE) -> CheckedPart:
    """Check the lines of a part, which begins at a ``place`` of its file with line number ``first``, strictly.

    A line that is cut off at the end is left for the next part. Others get their turn in between.
    """
    part = CheckedPart()
    matcher = LineMatcher(wanted)
    slice_ends = time.monotonic() + SLICE
    while part.taken < len(data) and len(part.found) < most:
        if time.monotonic() > slice_ends:
            gevent.sleep(PAUSE)
            slice_ends = time.monotonic() + SLICE
        end = data.find(b"\n", part.taken)
        if end < 0:
            break
        try:
            item = checked(data[part.taken : end])
            if (first + part.lines == 1) is not isinstance(item, Head):
                raise NotALine("A recording begins with what it is, and says so once.")
        except NotALine as error:
            part.problem = f"Line {first + part.lines:,} is no line of a recording: {error}"
            break
        if isinstance(item, Head):
            part.head = item
        elif isinstance(item, End):
            part.end = item
        elif matcher.takes(item.line, item.route.payload):
            part.found.append(Found(item.line, place + part.taken, place + end + 1))
        part.lines += 1
        part.taken = end + 1
    return part


class _Payload(msgspec.Struct, frozen=True):
    payload: str | None = None


class _LineAlone(msgspec.Struct):
    """What a filter looks at; the rest of a line is passed over, which is several times as fast."""

    line: Line | None = None


class _LineAndPayload(_LineAlone):
    route: _Payload = _Payload()


_line_alone = msgspec.json.Decoder(_LineAlone)
_line_and_payload = msgspec.json.Decoder(_LineAndPayload)


def _wanted(raw: bytes, matcher: LineMatcher) -> tuple[Line | None, bool]:
    """Return a line if a filter takes it, and whether it can't be read."""
    try:
        if not matcher.text:
            line, payload = _line_alone.decode(raw).line, None
        else:
            read = _line_and_payload.decode(raw)
            line, payload = read.line, read.route.payload
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, True
    return (line if line is not None and matcher.takes(line, payload) else None), False


def _line_start(file: BinaryIO, place: int, size: int) -> int:
    """Return the first place from here on where a line begins."""
    if place <= 0:
        return 0
    file.seek(place - 1)
    if file.read(1) == b"\n":
        return place
    return next((at + len(raw) + 1 for at, raw in _forwards(file, place, size)), size)


def _forwards(file: BinaryIO, place: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Go through the lines up to ``size``, which is the end of one, from the beginning of one."""
    begun: list[bytes] = []
    at = place
    while place < size:
        file.seek(place)
        data = file.read(min(READ_AT_ONCE, size - place))
        if not data:
            return
        place += len(data)
        first, *others = data.split(b"\n")
        begun.append(first)
        if others:
            *lines, rest = [b"".join(begun), *others]
            begun = [rest]
            for line in lines:
                yield at, line
                at += len(line) + 1
        time.sleep(PAUSE)


def _backwards(file: BinaryIO, place: int) -> Iterator[tuple[int, bytes]]:
    """Go backwards through the lines before a place, which is the end of one."""
    end = place - 1
    begun: list[bytes] = []
    """The end of the line whose beginning is still to be read, from its last piece to its first."""
    place = end
    while place > 0:
        begins = max(place - READ_AT_ONCE, 0)
        file.seek(begins)
        *others, last = file.read(place - begins).split(b"\n")
        place = begins
        begun.append(last)
        if others:
            rest, *lines = [*others, b"".join(reversed(begun))]
            begun = [rest]
            for line in reversed(lines):
                yield end - len(line), line
                end -= len(line) + 1
        time.sleep(PAUSE)
    if end >= 0:
        yield 0, b"".join(reversed(begun))
