"""One reader of the stream: what it has seen, and what it gets next.

It asks the tap a few times a second and is sent a sample of what it wants; what is left out, and what was gone before
it could be read, is counted. Nothing is ever waited for on its account.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import gevent
import msgspec

from ..realtime.events import Refusal
from ..triggers.turns import PAUSE
from .filters import Matcher
from .lines import Line, Scribe
from .records import Happening, Record

if TYPE_CHECKING:
    from .tap import Tap

INTERVAL = 0.2
"""Seconds between two looks."""
LINES_AT_ONCE = 40
"""Lines that one look brings at most; the rest is counted."""
DENIED_AT_ONCE = 25
"""How many of them may be refusals, which are shown before others."""
BACKLOG = 200
"""Lines that a reader begins with."""
SLICE = 0.005
"""Seconds of looking after which others get a turn: searching or hiding fields in large payloads takes long."""

T = TypeVar("T")


class Numbers(msgspec.Struct, frozen=True):
    """The workspace's own counts since the server started, which no filter and no sampling touches."""

    messages: int
    deliveries: int
    denials: int
    clients: int
    channels: int


class Batch(msgspec.Struct, tag_field="type", tag="lines"):
    """What passed since the last look.

    ``matched`` counts what the filter takes; of these ``left_out`` are not among the ``lines``. ``missed`` counts what
    the server had already let go when this reader got to it, whatever it was. ``changed`` says that clients came or
    went. ``begins`` marks the backlog that a page begins with.
    """

    lines: list[Line]
    matched: int
    left_out: int
    missed: int
    changed: bool
    numbers: Numbers
    begins: bool = False


class Viewer:
    """A reader of one workspace's stream. ``matcher`` says what it wants, ``scribe`` what it may see."""

    def __init__(self, tap: "Tap", scribe: Scribe, matcher: Matcher) -> None:
        self._tap = tap
        self._scribe = scribe
        self._matcher = matcher
        self._seq = tap.noted
        self._told: Numbers | None = None

    def begin(self) -> Batch:
        """Return the newest lines that are kept, as a page that opens shows them."""
        # Read at the same moment: what comes while this looks is in the next batch and in its numbers.
        self._seq, self._told = self._tap.noted, self._numbers()
        numbers = self._told
        found = list(islice(self._wanted(self._tap.backwards()), BACKLOG))
        found.reverse()
        lines = self._written(found)
        return Batch(lines, len(lines), 0, 0, False, numbers, begins=True)

    def next(self) -> Batch | None:
        """Return what came since the last look; None if there is nothing to tell."""
        noted = self._tap.noted
        numbers = self._numbers()
        other, self._told = numbers != self._told, numbers
        if noted == self._seq:
            return Batch([], 0, 0, 0, False, numbers) if other else None
        records = self._tap.since(self._seq)
        missed = noted - self._seq - len(records)
        self._seq = noted
        wanted = list(self._wanted(records))
        chosen = sample(wanted)
        canonical = self._scribe.workspace.canonical
        changed = any(type(r) is Happening and r.workspace == canonical for r in records)
        lines = self._written(chosen)
        if not (lines or missed or changed or other):
            return None
        return Batch(lines, len(wanted), len(wanted) - len(chosen), missed, changed, numbers)

    def _wanted(self, records: Iterable[Record]) -> Iterator[Record]:
        takes, matcher = self._scribe.takes, self._matcher
        return (record for record in in_turns(records) if takes(record, matcher))

    def _written(self, records: list[Record]) -> list[Line]:
        return [self._scribe.line(record) for record in in_turns(records)]

    def _numbers(self) -> Numbers:
        workspace = self._scribe.workspace
        return Numbers(
            workspace.messages,
            workspace.deliveries,
            workspace.refusals,
            len(workspace.connections),
            len(workspace.channels),
        )


def in_turns(items: Iterable[T]) -> Iterator[T]:
    """Go through items and let others run whenever that has taken a few milliseconds."""
    ends = monotonic() + SLICE
    for item in items:
        yield item
        if monotonic() > ends:
            gevent.sleep(PAUSE)
            ends = monotonic() + SLICE


def sample(records: list[Record]) -> list[Record]:
    """Choose at most ``LINES_AT_ONCE``: refusals first, the rest evenly spread; in their order."""
    if len(records) <= LINES_AT_ONCE:
        return records
    refused = spread([i for i, record in enumerate(records) if type(record) is Refusal], DENIED_AT_ONCE)
    others = [i for i, record in enumerate(records) if type(record) is not Refusal]
    chosen = sorted([*refused, *spread(others, LINES_AT_ONCE - len(refused))])
    return [records[i] for i in chosen]


def spread(indices: list[int], most: int) -> list[int]:
    """Choose at most ``most``, evenly spread, the last one among them."""
    if len(indices) <= most:
        return indices
    step = len(indices) / most
    return [indices[int((n + 1) * step) - 1] for n in range(most)]
