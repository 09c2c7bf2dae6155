"""Writes what passes in a workspace to a file, until told to stop or a bound is reached.

It asks the tap a few times a second for what came since, so that recording costs a message nothing. It takes a bounded
share of the process's time, and its file is written by another thread: where more passes than it can write, it misses
some and counts them, and nobody waits for it.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

import gevent
from gevent.event import Event

from ..core.ruleset import RuleSet
from .filters import Matcher
from .lines import Scribe
from .recording import End, EndedBy, EndLine, Entry, written
from .records import Happening, Record
from .traces import Tracer

if TYPE_CHECKING:
    from .tap import Tap

_log = logging.getLogger("tidegate.recorder")

INTERVAL = 0.25
"""Seconds between two looks at the tap."""
SLICE = 0.004
"""Seconds of work before others get a turn of the loop."""
SHARE = 0.25
"""The part of the process's time that all recorders together take at most; after each slice they rest accordingly."""
READ_AT_ONCE = 1_000
"""Records that it holds beyond the tap at most."""
WRITE_AT_ONCE = 256 * 1024
ROOM_FOR_END = 512
"""Bytes that are kept free for the line that says how it ended."""
LAST_LOOK = 2.0
"""Seconds for what is still to be read when it is told to stop; the rest counts as missed."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a recording ends by itself: bytes of its file, and seconds."""

    bytes: int
    seconds: float


class Out:
    """The file of a recording, which is open for writing at its end. After an error it ends with a whole line."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.size = size

    def write(self, data: bytes) -> int:
        """Write whole lines; others run meanwhile. Returns how many lines.

        Raises:
            OSError: not all could be written. As many whole lines as could are in the file.
        """
        done, error = gevent.get_hub().threadpool.apply(_write, (self._descriptor, data))
        kept = data.rfind(b"\n", 0, done) + 1
        self.size += kept
        if error is not None:
            os.ftruncate(self._descriptor, self.size)
            raise _Unwritten(data.count(b"\n", 0, kept), error)
        return data.count(b"\n")

    def close(self) -> None:
        os.close(self._descriptor)


class _Unwritten(OSError):
    """A write that failed after some whole ``lines``."""

    def __init__(self, lines: int, error: OSError) -> None:
        super().__init__(error.errno, error.strerror)
        self.lines = lines


class Recorder:
    """One recording while it runs; its counts can be read at any time.

    ``rules_of`` returns the rules of a version, None where they are gone. ``size`` is in bytes; ``missed`` counts what
    the tap had already let go, of whatever workspace.
    """

    at_work: ClassVar[int] = 0
    """How many run in this process."""

    def __init__(
        self,
        tap: "Tap",
        scribe: Scribe,
        tracer: Tracer,
        matcher: Matcher,
        rules_of: Callable[[int], RuleSet | None],
        out: Out,
        bounds: Bounds,
    ) -> None:
        self._tap = tap
        self._scribe = scribe
        self._tracer = tracer
        self._matcher = matcher
        self._rules_of = rules_of
        self._out = out
        self._bounds = bounds
        self._began = monotonic()
        self._seq = tap.noted
        self._told = Event()
        self._why: EndedBy | None = None
        self.lines = 0
        self.missed = 0
        self.problem = ""
        """What the system said when it could not be written."""

    @property
    def size(self) -> int:
        return self._out.size

    @property
    def seconds_left(self) -> float:
        return max(self._bounds.seconds - (monotonic() - self._began), 0.0)

    def stop(self, why: EndedBy) -> None:
        """Have it end once it has written what passed so far."""
        self._why = self._why or why
        self._told.set()

    def run(self) -> EndedBy:
        """Write until it ends, and return why it did. Runs as a greenlet; nothing that goes wrong leaves it."""
        Recorder.at_work += 1
        try:
            ended_by = self._until_the_end()
        except OSError as error:
            ended_by = self._failed(error)
        except Exception:
            _log.exception("a recording ended with a fault")
            ended_by = EndedBy.FAULT
        finally:
            Recorder.at_work -= 1
        try:
            end = End(ended_by, datetime.now(UTC).isoformat(), self.lines, self.missed)
            self._out.write(written(EndLine(end)))
        except OSError as error:
            _log.warning("the end of a recording could not be written: %s", error)
        self._out.close()
        return ended_by

    def _until_the_end(self) -> EndedBy:
        while True:
            self._told.wait(min(INTERVAL, self.seconds_left))
            ended_by = self._why or (EndedBy.TIME if not self.seconds_left else None)
            if not self.read(last=ended_by is not None):
                return EndedBy.SIZE
            if ended_by is not None:
                return ended_by

    def _failed(self, error: OSError) -> EndedBy:
        self.problem = error.strerror or str(error)
        _log.warning("a recording ended: %s", self.problem)
        return EndedBy.DISK

    def read(self, *, last: bool = False) -> bool:
        """Write what came since the last look; False if the file is full. The ``last`` look takes no rests.

        Raises:
            OSError: it can't be written.
        """
        until = self._tap.noted
        gives_up = monotonic() + LAST_LOOK
        gevent.sleep(0)  # the turn in which the newest came ends: now it is known when they were written
        while self._seq < until:
            newer = [record for record in self._tap.since(self._seq) if record.seq <= until]
            some = newer[:READ_AT_ONCE]
            reached = some[-1].seq if len(some) < len(newer) else until
            self.missed += reached - self._seq - len(some)
            self._seq = reached
            if not self._take(some, last):
                return False
            if last and monotonic() > gives_up:
                self.missed += until - self._seq
                self._seq = until
        return True

    def _take(self, records: list[Record], last: bool) -> bool:
        """Write those that are wanted, in slices; False if the file is full."""
        began = monotonic()
        waiting: list[bytes] = []
        size = 0
        for record in records:
            if self._scribe.takes(record, self._matcher):
                line = self._line(record)
                if self._out.size + size + len(line) > self._bounds.bytes - ROOM_FOR_END:
                    self._flush(waiting)
                    return False
                waiting.append(line)
                size += len(line)
            worked = monotonic() - began
            if worked > SLICE or size > WRITE_AT_ONCE:
                self._flush(waiting)
                waiting, size = [], 0
                gevent.sleep(0 if last else worked * (max(Recorder.at_work, 1) / SHARE - 1))
                began = monotonic()
        self._flush(waiting)
        return True

    def _line(self, record: Record) -> bytes:
        version = None if isinstance(record, Happening) else record.version
        rules = self._rules_of(version) if version is not None else None
        route = self._tracer.route(record, rules)
        return written(Entry(route.line, route))

    def _flush(self, lines: list[bytes]) -> None:
        if not lines:
            return
        try:
            self.lines += self._out.write(b"".join(lines))
        except _Unwritten as error:
            self.lines += error.lines
            raise


def _write(descriptor: int, data: bytes) -> tuple[int, OSError | None]:
    """Write all of it, in whatever thread; returns how many bytes were written, and why not all."""
    done = 0
    try:
        while done < len(data):
            done += os.write(descriptor, memoryview(data)[done:])
    except OSError as error:
        return done, error
    return done, None
