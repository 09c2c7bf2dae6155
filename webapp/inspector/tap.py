"""The tap: a compact record of every message, refusals in full and what happened to connections, and the counts.

They stay in bounded rings. Nobody is told when something is noted: whoever watches asks, as often as it likes, for what
came since (`since`), so that a viewer costs a message nothing and a slow one misses lines, never slows them.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator
from heapq import merge
from itertools import chain, islice, takewhile
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ..core.actors import Actor
from ..core.codes import Code
from .records import Detail, Happening, Members, MessageRecord, Record, What

if TYPE_CHECKING:
    from ..realtime.channel import Membership
    from ..realtime.connection import Connection
    from ..realtime.events import Message, Refusal
    from ..realtime.workspace import Workspace
    from ..triggers.runs import Run

MESSAGES_KEPT = 10_000
BYTES_KEPT = 64 * 1024 * 1024
REFUSALS_KEPT = 5_000
HAPPENINGS_KEPT = 20_000

R = TypeVar("R", bound=Any)
_seq = attrgetter("seq")


class Ring(Generic[R]):
    """The newest records, at most so many, holding at most so many bytes. ``noted`` counts all that ever were."""

    __slots__ = ("_bytes", "_most_bytes", "most", "noted", "records")

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self.noted = 0
        self.records: deque[R] = deque()

    def add(self, record: R, size: int) -> None:
        self.noted += 1
        records = self.records
        records.append(record)
        self._bytes += size
        while len(records) > self.most or self._bytes > self._most_bytes:
            self._bytes -= records.popleft().size

    def since(self, seq: int) -> list[R]:
        """Return the records noted after ``seq``, oldest first."""
        newer = list(takewhile(lambda record: record.seq > seq, reversed(self.records)))
        newer.reverse()
        return newer

    def find(self, record_id: int) -> R | None:
        """Return a record by its id."""
        return next((record for record in reversed(self.records) if record.id == record_id), None)


class Tap:
    """Takes note of what passes. One object a process; it can be removed without changing what is delivered."""

    def __init__(self, messages_kept: int = MESSAGES_KEPT, bytes_kept: int = BYTES_KEPT) -> None:
        self.kept: Ring[MessageRecord] = Ring(messages_kept, bytes_kept)
        self.refusals: Ring[Refusal] = Ring(REFUSALS_KEPT, bytes_kept // 4)
        self.happenings: Ring[Happening] = Ring(HAPPENINGS_KEPT, bytes_kept // 4)
        self.noted = 0
        """Counts what was noted; the ``seq`` of the newest record."""
        self.watching = 0
        """How many viewers there are: with any, steps of a message's way are timed."""
        self.messages = 0
        self.refused: Counter[Code] = Counter()
        self.closed: Counter[int] = Counter()
        self.connections = 0
        self.joins = 0
        self.started_at = time.time()
        self._unwritten: list[Detail] = []

    # Noting

    def delivered(
        self,
        workspace: "Workspace",
        message: "Message",
        version: int,
        actor: Actor | None,
        members: Members | None,
        recipients: int | None,
        received: float,
        now: float,
        detail: Detail | None = None,
        by: str = "",
        to_user: str = "",
        handed: int = 0,
        runs: "tuple[Run, ...]" = (),
        blocked: Code | None = None,
    ) -> None:
        """Note a message that was accepted; see :class:`MessageRecord`."""
        self.messages += 1
        if not workspace.is_recorded or not self.kept.most:
            return
        self.noted += 1
        size = len(message.payload)
        if detail is not None:
            size += len(detail.frame or b"")
            if self.watching:
                self._unwritten.append(detail)
        record = MessageRecord(
            self.noted,
            workspace.canonical,
            message,
            version,
            actor,
            members,
            recipients,
            received,
            now,
            detail,
            by,
            to_user,
            handed,
            runs,
            blocked,
        )
        self.kept.add(record, size)

    def written(self) -> None:
        """Note that what was noted so far is on its way to the sockets. Called at the end of a turn."""
        unwritten = self._unwritten
        if unwritten:
            now = monotonic()
            for detail in unwritten:
                detail.written = now
            unwritten.clear()

    def refusal(self, refusal: "Refusal") -> None:
        """Note a refusal, with its decision where there is one."""
        self.refused[refusal.code] += 1
        self.noted += 1
        refusal.seq = self.noted
        self.refusals.add(refusal, refusal.size)

    def connected(self, connection: "Connection", tick: int) -> None:
        """Note a client that was let in."""
        self._happened(
            connection,
            tick,
            What.CONNECT,
            address=connection.address,
            protocol=connection.face.name,
            user_agent=connection.user_agent,
        )

    def joined(self, membership: "Membership", runs: "tuple[Run, ...]" = ()) -> None:
        """Note a join; the membership says since when it is."""
        self.joins += 1
        self._happened(membership.connection, membership.since, What.JOIN, channel=membership.channel.name, runs=runs)

    def left(self, membership: "Membership", tick: int, why: str, by: str = "") -> None:
        """Note that a client is no longer in a channel."""
        self._happened(
            membership.connection,
            tick,
            What.LEAVE,
            channel=membership.channel.name,
            protocol=membership.encoder.name,
            since=membership.since,
            why=why,
            by=by,
        )

    def disconnected(self, connection: "Connection", tick: int) -> None:
        """Note the end of a connection that was let in."""
        error = connection.last_error
        self._happened(
            connection,
            tick,
            What.CLOSE,
            address=connection.address,
            protocol=connection.face.name,
            since=connection.since,
            why=connection.ended_why or (error.value if error is not None and connection.close_code > 1001 else ""),
            by=connection.ended_by,
            code=connection.close_code,
            cut=connection.cut_at,
        )

    def _happened(self, connection: "Connection", tick: int, what: What, **more: Any) -> None:
        workspace = connection.workspace
        if not workspace.is_recorded:
            return
        self.noted += 1
        happening = Happening(self.noted, tick, workspace.canonical, what, connection.id, connection.actor, **more)
        self.happenings.add(happening, 0)

    # Looking

    def since(self, seq: int) -> list[Record]:
        """Return what was noted after ``seq`` and is still kept, in order."""
        newer = (self.kept.since(seq), self.refusals.since(seq), self.happenings.since(seq))
        some = [records for records in newer if records]
        return list(some[0]) if len(some) == 1 else list(merge(*some, key=_seq))

    def backwards(self) -> Iterator[Record]:
        """Go through all that is kept when this begins, newest first."""
        rings: tuple[tuple[Any, ...], ...] = (
            tuple(self.kept.records),
            tuple(self.refusals.records),
            tuple(self.happenings.records),
        )
        return merge(*(reversed(ring) for ring in rings), key=lambda record: -record.seq)

    def find(self, workspace: str, record_id: int) -> Record | None:
        """Return what a workspace's record with this id says; None if there is none, or no longer."""
        rings: tuple[Ring[Any], ...] = (self.kept, self.refusals, self.happenings)
        for ring in rings:
            found: Record | None = ring.find(record_id)
            if found is not None and found.workspace == workspace:
                return found
        return self._seen_by_triggers(workspace, record_id)

    def _seen_by_triggers(self, workspace: str, message_id: int) -> Record | None:
        """Return the record of a message by the id that triggers saw: a refusal has a number of its own, and so has a
        message that another one has overtaken."""
        rings: tuple[Ring[Any], ...] = (self.refusals, self.kept)
        for record in chain.from_iterable(reversed(ring.records) for ring in rings):
            if record.runs and record.runs[0].message == message_id != 0 and record.workspace == workspace:
                found: Record = record
                return found
        return None

    @property
    def is_full(self) -> bool:
        """Whether older messages than those known have been let go."""
        return len(self.kept.records) < self.kept.noted

    def refusals_of(self, workspace: str, most: int) -> "list[Refusal]":
        """Return a workspace's last refusals, newest first."""
        mine = (refusal for refusal in reversed(self.refusals.records) if refusal.workspace == workspace)
        return list(islice(mine, most))

    def find_refusal(self, ref: str) -> "Refusal | None":
        """Return the refusal that a client was told by this reference number."""
        return next((r for r in reversed(self.refusals.records) if r.ref == ref), None)
