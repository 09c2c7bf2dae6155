"""Messages that a channel keeps, and deliveries of webhooks: stored first, delivered then.

What a turn of the loop produced is committed as one transaction before any of it is sent, so what anyone has seen
is in the history, and webhooks will hear of it. Where a commit takes time (PostgreSQL), the next messages gather while
it is under way.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

import gevent
from gevent.event import Event

from .events import Kind, Message
from .hooks import Delivery

_log = logging.getLogger("tidegate.history")

BUSY_TIMEOUT = 5.0
"""Seconds to go on trying while another process holds the store."""
BUSY_PAUSE = 0.02


@dataclass(frozen=True, slots=True)
class Note:
    """A line that a trigger writes to the audit trail. ``about`` says what of; both go there as they are."""

    workspace_id: int
    trigger: str
    about: Mapping[str, Any]
    address: str = ""


@dataclass(frozen=True, slots=True)
class Prune:
    """Keep only the newest ``keep`` messages of a channel, or of one private thread in it."""

    workspace_id: int
    channel: str
    keep: int
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Which stored messages are asked for: the newest ``limit``, of these kinds; with ``thread`` a private one."""

    workspace_id: int
    channel: str
    limit: int
    kinds: tuple[Kind, ...] = ()
    thread: str | None = None
    before: int | None = None
    until: int | None = None
    """The highest id that counts."""


class StoreError(Exception):
    """The store could not be reached or refused; nothing was stored."""


class StoreBusy(StoreError):
    """Another process is writing just now; trying again soon will do."""


class StoreRejected(StoreError):
    """The store takes none of this because of what a message holds."""


class Store(Protocol):
    """Where messages are kept. The narrow interface through which the running server reaches the database."""

    commits_at_once: bool
    """Whether :meth:`append` returns within microseconds and never lets another greenlet run (SQLite)."""

    def append(
        self,
        messages: Sequence[tuple[int, Message]],
        prunes: Sequence[Prune],
        deliveries: Sequence[Delivery] = (),
        notes: Sequence[Note] = (),
    ) -> None:
        """Store messages (workspace id, message), deliveries of webhooks and lines of the audit trail in one
        transaction.

        Raises:
            StoreError: nothing was stored.
        """

    def read(self, query: Query) -> list[Message]:
        """Return stored messages, oldest first.

        Raises:
            StoreError: the store can't be read.
        """

    def delete(self, workspace_id: int, channel: str, message_id: int, private: bool = False) -> bool:
        """Delete a message and say whether it was there; a private one only if ``private`` says so."""

    def take_back(self, deliveries: Sequence[Delivery]) -> None:
        """Delete deliveries that were not made yet.

        Raises:
            StoreError: the store could not be reached.
        """

    def last_id(self) -> int:
        """Return the highest id that was ever stored, 0 if none."""


def thread_of(a: tuple[str | None, str], b: tuple[str | None, str]) -> str:
    """Name the private thread of two clients, each given as (user id, socketId).

    By user id for authenticated clients, so that it outlives a connection, and by ``socketId`` otherwise.
    """
    ends = sorted(f"u:{user}" if user is not None else f"s:{socket_id}" for user, socket_id in (a, b))
    return "\n".join(ends)


@dataclass(slots=True)
class _Pending:
    """A message among the newest ``keep`` of its channel (0: it is not kept), or none, with deliveries of webhooks."""

    workspace_id: int
    message: Message | None
    keep: int
    done: Callable[[bool], None]
    deliveries: Sequence[Delivery] = ()
    note: Note | None = None


class HistoryWriter:
    """Collects messages to be stored and calls each one's ``done`` in order once its commit is through.

    ``posted`` is told of the deliveries of a batch, and whether they were stored.
    """

    def __init__(self, store: Store, schedule: Callable[[], Any]) -> None:
        self._store = store
        self._schedule = schedule
        self._pending: list[_Pending] = []
        self._gathering = Event()
        """Set once what is pending now is stored and delivered."""
        self._committing: Event | None = None
        """The same for what is being stored, while that takes time."""
        self.posted: Callable[[Sequence[Delivery], bool], None] = lambda _deliveries, _stored: None
        self.horizon = store.last_id()
        """The id of the last message that was stored and handed on: who joins now is sent all later ones live."""

    def add(
        self,
        workspace_id: int,
        message: Message,
        keep: int,
        done: Callable[[bool], None],
        deliveries: Sequence[Delivery] = (),
    ) -> None:
        """Have ``message`` and its deliveries stored with this turn; ``done(stored)`` is called afterwards, in order.

        With ``keep`` 0 the deliveries alone are.
        """
        self._pending.append(_Pending(workspace_id, message, keep, done, deliveries))
        self._schedule()

    def add_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Have deliveries stored with this turn."""
        self._pending.append(_Pending(0, None, 0, _nothing_more, deliveries))
        self._schedule()

    def add_note(self, note: Note) -> None:
        """Have a line of the audit trail stored with this turn."""
        self._pending.append(_Pending(0, None, 0, _nothing_more, note=note))
        self._schedule()

    def withdraw(self, workspace_id: int, message: Message, deliveries: Sequence[Delivery] = ()) -> None:
        """Take a message back out that nobody was sent: its sender lost the right while it was being stored."""
        try:
            if deliveries:
                self._store.take_back(deliveries)
            if message.stored:
                self._store.delete(workspace_id, message.channel, message.id, private=True)
        except StoreError as error:
            _log.warning("a message that was not sent stays in the history: %s", error)

    def commit(self) -> None:
        """Store what is pending. Called at the end of a turn, and wherever what was said must be readable."""
        if not self._pending or self._committing is not None:
            return
        if self._store.commits_at_once:
            batch, event = self._take()
            try:
                self._append(batch)
            except StoreBusy:
                self._committing = event
                gevent.spawn(self._commit_until_empty, batch)
            else:
                event.set()
        else:
            batch, self._committing = self._take()
            gevent.spawn(self._commit_until_empty, batch)

    def settle(self, timeout: float | None = None) -> None:
        """Return when what was accepted until now is stored and delivered, or after ``timeout`` seconds.

        May switch greenlets where storing takes time. What is accepted meanwhile is not waited for.
        """
        self.commit()
        event = self._gathering if self._pending else self._committing
        if event is not None:
            event.wait(timeout)

    def settle_if_slow(self) -> None:
        """Settle where storing takes time and this greenlet may wait; elsewhere the end of the turn will do."""
        if not self._store.commits_at_once and gevent.getcurrent() is not gevent.get_hub():
            self.settle()

    def _take(self) -> tuple[list[_Pending], Event]:
        batch, self._pending = self._pending, []
        event, self._gathering = self._gathering, Event()
        return batch, event

    def _commit_until_empty(self, batch: list[_Pending]) -> None:
        """Store a batch, then what gathered meanwhile, until nothing has."""
        try:
            while batch:
                self._append_patiently(batch)
                assert self._committing is not None
                self._committing.set()
                batch, self._committing = self._take() if self._pending else ([], None)
        finally:
            self._committing = None

    def _append_patiently(self, batch: list[_Pending]) -> None:
        gives_up = monotonic() + BUSY_TIMEOUT
        while True:
            try:
                self._append(batch)
                return
            except StoreBusy as error:
                if monotonic() > gives_up:
                    _log.warning("%d messages could not be stored: %s", len(batch), error)
                    self._finish(batch, stored=False)
                    return
                gevent.sleep(BUSY_PAUSE)

    def _append(self, batch: list[_Pending]) -> None:
        """Store a batch and hand it on. One message that the store refuses does not take the others with it."""
        messages = [(p.workspace_id, p.message) for p in batch if p.message is not None and p.keep]
        deliveries = [delivery for p in batch for delivery in p.deliveries]
        notes = [p.note for p in batch if p.note is not None]
        try:
            if messages or deliveries or notes:
                self._store.append(messages, _prunes(batch), deliveries, notes)
        except StoreBusy:
            raise
        except StoreRejected as error:
            if len(batch) == 1:
                _log.warning("a message could not be stored: %s", error)
                self._finish(batch, stored=False)
                return
            for pending in batch:
                self._append([pending])
        except StoreError as error:
            _log.warning("%d messages could not be stored: %s", len(batch), error)
            self._finish(batch, stored=False)
        else:
            self._finish(batch, stored=True)

    def _finish(self, batch: list[_Pending], stored: bool) -> None:
        for pending in batch:
            if pending.message is not None:
                self.horizon = max(self.horizon, pending.message.id)
            try:
                pending.done(stored)
                if pending.deliveries:
                    self.posted(pending.deliveries, stored)
            except Exception:
                _log.exception("what was stored could not be handed on")


def _nothing_more(_stored: bool) -> None:
    """Deliveries alone: nobody waits for them."""


def _prunes(batch: Sequence[_Pending]) -> list[Prune]:
    """Cut channels (and private threads in them) back to their depth now and then.

    An id is a clock reading, so its remainder picks about one message in a quarter of the depth, without a
    counter for every channel that ever was.
    """
    due = {
        (p.workspace_id, p.message.channel, p.message.thread): p.keep
        for p in batch
        if p.message is not None and p.keep and p.message.id % max(25, p.keep // 4) == 0
    }
    return [Prune(workspace_id, channel, keep, thread) for (workspace_id, channel, thread), keep in due.items()]
