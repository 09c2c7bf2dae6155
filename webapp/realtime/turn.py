"""What one turn of the event loop produced, written at its end.

A turn is everything the loop handles between two polls. Frames are collected in order; neighbouring ones to
the same recipients travel in one ``send``, and those to the parts of one audience (a channel's clients of several
protocols) are neighbours for each part. One object serves the whole process.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from operator import length_hint
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .connection import Connection

_log = logging.getLogger("tidegate.turn")


class Recipients:
    """Some connections, and beside them how each is written to just now.

    Iterating over the bound ``send`` of each socket instead of over connections spares two cache misses a delivery.
    ``stale`` is set when that is no longer true (a socket is full, or someone is gone): then each is asked anew.
    """

    __slots__ = ("connections", "stale", "writes")

    def __init__(self, connections: "Iterable[Connection]") -> None:
        self.connections = tuple(connections)
        self.writes = tuple(connection.write for connection in self.connections)
        self.stale = False

    def __len__(self) -> int:
        return len(self.connections)


class Turn:
    """Collects frames and writes them when the turn ends. ``before`` runs first (storing what must be stored).

    ``after``, where it is set, runs last (who watches wants to know when).

    The end is a callback of the loop, made when the first frame comes. What a watcher's callback produces does without
    where it can (``stepping``, :meth:`end_step`): for a single message that callback costs more than handling it.
    """

    __slots__ = (
        "_among",
        "_answers",
        "_chunks",
        "_due",
        "_entries",
        "_loop",
        "_parts",
        "_recipients",
        "_scheduled",
        "after",
        "before",
        "stepping",
    )

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._entries: list[tuple[Recipients | Connection, list[bytes]]] = []
        self._recipients: Recipients | Connection | None = None
        self._chunks: list[bytes] = []
        self._among: object = None
        self._parts: dict[Recipients | Connection, list[bytes]] = {}  # the last entries, whose recipients are disjoint
        self._answers: dict[Recipients | Connection, list[bytes]] = {}
        self._due = False  # there is something to flush
        self._scheduled = False  # a callback that flushes is on its way
        self.stepping = False
        """Set by a watcher's callback that will call :meth:`end_step` without waiting for anything in between."""
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None

    def send(self, recipients: "Recipients | Connection", frame: bytes, among: object = None) -> None:
        """Have ``frame`` written to one connection, or to each of several, when the turn ends.

        ``among`` is the audience that these are a part of. Its parts have nobody in common, so what goes to one of
        them may pass what goes to the others.
        """
        if recipients is self._recipients:
            self._chunks.append(frame)
            return
        if among is None or among is not self._among:
            self._among, self._parts = among, {}
        chunks = self._parts.get(recipients)
        if chunks is not None:
            chunks.append(frame)
        else:
            chunks = self._parts[recipients] = [*self._answers.pop(recipients, ()), frame]
            self._entries.append((recipients, chunks))
            if not self._due:
                self.schedule()
        self._recipients, self._chunks = recipients, chunks

    def acknowledge(self, connection: "Connection", frame: bytes) -> None:
        """Have one connection told that what it sent was accepted: before whatever else goes to it alone.

        What goes to many may pass that. Else a client that sends 64 messages at once, each of them acknowledged, would
        have them written to all others one by one.
        """
        if connection is self._recipients:
            self._chunks.append(frame)
            return
        self._answers.setdefault(connection, []).append(frame)
        if not self._due:
            self.schedule()

    def schedule(self) -> None:
        """Have :meth:`flush` run at the end of this turn although nothing was sent yet."""
        self._due = True
        if not self.stepping and not self._scheduled:
            self._scheduled = True
            self._loop.run_callback(self._end)

    def end_step(self) -> None:
        """End what ``stepping`` began: flush if this was the last event that the loop's poll brought, else later."""
        self.stepping = False
        if self._due:
            if self._loop.pendingcnt:
                self.schedule()
            else:
                self.flush()

    def _end(self) -> None:
        self._scheduled = False
        if self._due:
            self.flush()

    def flush(self) -> None:
        """Write everything now. Never waits: what a socket does not take goes to its connection's outbox."""
        if self.before is not None:
            try:
                self.before()
            except Exception:  # a fault there must not keep back what others are waiting for
                _log.exception("storing this turn's messages failed")
        self._due = False
        self._recipients = self._among = None
        self._parts = {}
        entries, self._entries = self._entries, []
        if self._answers:
            entries.extend(self._answers.items())
            self._answers = {}
        for recipients, chunks in entries:
            data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            try:
                if not isinstance(recipients, Recipients):
                    write_to(recipients, data)
                elif not recipients.stale:
                    _write_to_all(recipients, data)
                else:
                    for connection in recipients.connections:
                        write_to(connection, data)
            except Exception:
                _log.exception("writing to %s failed", recipients)
        if self.after is not None:
            self.after()


def _write_to_all(recipients: Recipients, data: bytes) -> None:
    """The innermost loop: one ``send`` a recipient, and nothing else as long as all goes well."""
    size = len(data)
    remaining = iter(recipients.writes)
    while True:
        try:
            for write in remaining:
                written = write(data)
                if written != size:
                    _current(recipients, remaining).wrote_part(data, written)
            return
        except OSError as error:
            _current(recipients, remaining).write_failed(data, error)


def _current(recipients: Recipients, remaining: Iterator[Any]) -> "Connection":
    return recipients.connections[len(recipients) - length_hint(remaining) - 1]


def write_to(connection: "Connection", data: bytes) -> None:
    """Write to one connection at once, behind whatever waits for it."""
    try:
        written = connection.write(data)
    except OSError as error:
        connection.write_failed(data, error)
    else:
        if written != len(data):
            connection.wrote_part(data, written)
