"""Recorded traffic, decided again by two rule sets: what would come out differently under the second one.

It asks the judge of live traffic, with what was true when each thing was asked for, and changes nothing. Only decisions
are made: nothing is sent, stored or run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import merge
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent

from ..core.ruleset import RuleSet
from ..realtime.channel import KINDS_MOST
from ..triggers.turns import PAUSE
from .records import MessageRecord, Record
from .trial import Pair, Tried

if TYPE_CHECKING:
    from .tap import Tap

GROUPS_MOST = 200
"""Groups of flips that are shown with their explanations; the counts are of all."""
SLICE = 0.004
"""Seconds of deciding before others get a turn of the loop."""


@dataclass(frozen=True, slots=True)
class Flips:
    """Flips that are the same: one operation of one kind of client on one channel, with the same two outcomes.

    ``newest`` is the newest of them, ``record`` the one that it was decided of. ``count`` is of decisions, ``records``
    of messages or joins. ``clients`` is how many clients they concern; of recipients how many at most at once, for who
    they were is not kept. ``deliveries`` counts messages by recipients, 0 where the flip is of who asked.
    """

    newest: Tried
    record: Record
    count: int
    records: int
    clients: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of it.

    ``records`` were tried, with ``decisions``, of which ``flips`` come out otherwise; ``oldest`` is the id of the first
    one tried, 0 for none. ``passed`` counts records that no rule decides about (connections, limits). ``partly`` counts
    messages to more kinds of clients than a record names. ``groups`` are at most ``GROUPS_MOST`` of all there are, what
    is lost first.
    """

    records: int
    passed: int
    decisions: int
    flips: int
    oldest: int
    partly: int
    groups: tuple[Flips, ...]
    left_out: int


def replay(tap: "Tap", takes: Callable[[Record], bool], since: int, before: RuleSet, after: RuleSet) -> Replay:
    """Decide what was recorded once more by two rule sets.

    Others get their turn of the loop in between; what is recorded meanwhile is not looked at.

    Args:
        tap: where it was recorded.
        takes: says of a record whether it is wanted.
        since: only what is not older than this tick (100 ns since 1970).
        before: the rules that are in force.
        after: the rules that are tried.
    """
    rings: tuple[Any, ...] = (tap.kept, tap.refusals, tap.happenings)
    kept = [list(ring.records) for ring in rings]
    newest_first = merge(*map(reversed, kept), key=lambda record: -record.seq)
    looking = _Replaying(before, after)
    slice_ends = monotonic() + SLICE
    for record in newest_first:
        if record.id >= since and takes(record):
            looking.take(record)
        if monotonic() > slice_ends:
            gevent.sleep(PAUSE)
            slice_ends = monotonic() + SLICE
    return looking.result()


class _Group:
    """Gathers flips that are the same. Explanations are made of the newest, and only of those that are shown."""

    __slots__ = ("count", "deliveries", "most", "place", "record", "records", "senders", "seq", "together")

    def __init__(self, record: Record, place: int) -> None:
        self.record, self.place = record, place
        self.count = self.records = self.deliveries = self.most = self.together = 0
        self.seq = -1
        self.senders: set[str] = set()

    def add(self, record: Record, tried: Tried) -> None:
        self.count += 1
        if record.seq != self.seq:
            self.seq, self.together = record.seq, 0
            self.records += 1
        if tried.receives:
            self.deliveries += tried.count
            self.together += tried.count
            self.most = max(self.most, self.together)
        else:
            socket_id = record.message.socket_id if type(record) is MessageRecord else record.socket_id  # type: ignore[union-attr]
            self.senders.add(socket_id or "")


class _Replaying:
    def __init__(self, before: RuleSet, after: RuleSet) -> None:
        self._pair = Pair(before, after)
        self._groups: dict[tuple[Any, ...], _Group] = {}
        self._records = self._passed = self._decisions = self._flips = self._oldest = self._partly = 0

    def take(self, record: Record) -> None:
        asked = 0
        for place, tried in enumerate(self._pair.tried(record)):
            asked += 1
            if tried.flips:
                self._flips += 1
                self._group(tried, record, place).add(record, tried)
        self._decisions += asked
        if not asked:
            self._passed += 1
            return
        self._records += 1
        self._oldest = record.id  # the newest come first
        self._partly += type(record) is MessageRecord and len(record.members or ()) == KINDS_MOST

    def _group(self, tried: Tried, record: Record, place: int) -> _Group:
        before, after = tried.before, tried.after
        key = (tried.operation, tried.who, before.channel, before.allowed, before.code, after.code)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(record, place)
        return group

    def result(self) -> Replay:
        order = sorted(self._groups.items(), key=lambda item: (not item[0][3], -item[1].count))
        shown = tuple(self._shown(group) for _, group in order[:GROUPS_MOST])
        return Replay(
            self._records,
            self._passed,
            self._decisions,
            self._flips,
            self._oldest,
            self._partly,
            shown,
            len(order) - len(shown),
        )

    def _shown(self, group: _Group) -> Flips:
        newest = list(self._pair.tried(group.record))[group.place]
        clients = group.most or len(group.senders)
        return Flips(newest, group.record, group.count, group.records, clients, group.deliveries)
