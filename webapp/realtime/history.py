"""Messages that a channel keeps: stored first, delivered then.

What a turn of the loop produced is committed as one transaction before any of it is sent, so what anyone has seen
is in the history. Where a commit takes time (PostgreSQL), the next messages gather while it is under way.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import gevent
from gevent.event import Event

from .events import Kind, Message

_log = logging.getLogger("tidegate.history")


@dataclass(frozen=True, slots=True)
class Prune:
    """Keep only the newest ``keep`` messages of a channel."""

    workspace_id: int
    channel: str
    keep: int


@dataclass(frozen=True, slots=True)
class Query:
    """Which stored messages are asked for: the newest ``limit``, of these kinds; with ``thread`` a private one."""

    workspace_id: int
    channel: str
    limit: int
    kinds: tuple[Kind, ...] = ()
    thread: str | None = None
    before: int | None = None


class StoreError(Exception):
    """The store could not be reached or refused; nothing was stored."""


class Store(Protocol):
    """Where messages are kept. The narrow interface through which the running server reaches the database."""

    commits_at_once: bool
    """Whether :meth:`append` returns within microseconds and never lets another greenlet run (SQLite)."""

    def append(self, messages: Sequence[tuple[int, Message]], prunes: Sequence[Prune]) -> None:
        """Store messages (workspace id, message) in one transaction.

        Raises:
            StoreError: nothing was stored.
        """

    def read(self, query: Query) -> list[Message]:
        """Return stored messages, oldest first.

        Raises:
            StoreError: the store can't be read.
        """

    def delete(self, workspace_id: int, channel: str, message_id: int) -> bool:
        """Delete a message and say whether it was there."""

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
    workspace_id: int
    message: Message
    keep: int
    done: Callable[[bool], None]


class HistoryWriter:
    """Collects messages to be stored and calls each one's ``done`` in order once its commit is through."""

    def __init__(self, store: Store, schedule: Callable[[], Any]) -> None:
        self._store = store
        self._schedule = schedule
        self._pending: list[_Pending] = []
        self._idle = Event()
        self._idle.set()

    def add(self, workspace_id: int, message: Message, keep: int, done: Callable[[bool], None]) -> None:
        """Have ``message`` stored with this turn; ``done(stored)`` is called afterwards, in order."""
        self._pending.append(_Pending(workspace_id, message, keep, done))
        self._schedule()

    def withdraw(self, workspace_id: int, message: Message) -> None:
        """Take a message back out that nobody was sent: its sender lost the right while it was being stored."""
        self._store.delete(workspace_id, message.channel, message.id)

    def commit(self) -> None:
        """Store what is pending. Called at the end of a turn, and wherever what was said must be readable."""
        if not self._pending:
            return
        if self._store.commits_at_once:
            self._commit_pending()
        elif self._idle.is_set():
            self._idle.clear()
            gevent.spawn(self._commit_until_empty)

    def settle(self) -> None:
        """Return when everything accepted so far is stored and delivered. May switch greenlets (PostgreSQL)."""
        self.commit()
        self._idle.wait()

    def _commit_until_empty(self) -> None:
        try:
            while self._pending:
                self._commit_pending()
        finally:
            self._idle.set()

    def _commit_pending(self) -> None:
        batch, self._pending = self._pending, []
        try:
            self._store.append([(p.workspace_id, p.message) for p in batch], _prunes(batch))
            stored = True
        except StoreError:
            _log.exception("%d messages could not be stored", len(batch))
            stored = False
        for pending in batch:
            pending.done(stored)


def _prunes(batch: Sequence[_Pending]) -> list[Prune]:
    """Cut channels back to their depth now and then.

    An id is a clock reading, so its remainder picks about one message in a quarter of the depth, without a
    counter for every channel that ever was.
    """
    due = {(p.workspace_id, p.message.channel): p.keep for p in batch if p.message.id % max(25, p.keep // 4) == 0}
    return [Prune(workspace_id, channel, keep) for (workspace_id, channel), keep in due.items()]
