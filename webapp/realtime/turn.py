"""What one turn of the event loop produced, written at its end.

A turn is everything the loop handles between two polls. Frames are collected in order; neighbouring ones to
the same recipients travel in one ``send``. One object serves the whole process.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .connection import Connection

Recipients = tuple["Connection", ...]

_log = logging.getLogger("tidegate.turn")


class Turn:
    """Collects frames and writes them when the turn ends. ``before`` runs first (storing what must be stored)."""

    __slots__ = ("_chunks", "_entries", "_recipients", "_run_callback", "_scheduled", "before")

    def __init__(self, run_callback: Callable[..., Any]) -> None:
        self._run_callback = run_callback
        self._entries: list[tuple[Recipients | Connection, list[bytes]]] = []
        self._recipients: Recipients | Connection | None = None
        self._chunks: list[bytes] = []
        self._scheduled = False
        self.before: Callable[[], None] | None = None

    def send(self, recipients: "Recipients | Connection", frame: bytes) -> None:
        """Have ``frame`` written to one connection, or to each of a tuple of them, when the turn ends."""
        if recipients is self._recipients:
            self._chunks.append(frame)
            return
        self._recipients = recipients
        self._chunks = [frame]
        self._entries.append((recipients, self._chunks))
        if not self._scheduled:
            self._scheduled = True
            self._run_callback(self.flush)

    def schedule(self) -> None:
        """Have :meth:`flush` run at the end of this turn although nothing was sent yet."""
        if not self._scheduled:
            self._scheduled = True
            self._run_callback(self.flush)

    def flush(self) -> None:
        """Write everything now. Never waits: what a socket does not take goes to its connection's outbox."""
        if self.before is not None:
            try:
                self.before()
            except Exception:  # a fault there must not keep back what others are waiting for
                _log.exception("storing this turn's messages failed")
        self._scheduled = False
        self._recipients = None
        entries, self._entries = self._entries, []
        for recipients, chunks in entries:
            data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            try:
                _write(recipients if type(recipients) is tuple else (recipients,), data)  # type: ignore[arg-type]
            except Exception:
                _log.exception("writing to %s failed", recipients)


def _write(recipients: Recipients, data: bytes) -> None:
    size = len(data)
    for connection in recipients:
        try:
            written = connection.write(data)
        except OSError as error:
            connection.write_failed(data, error)
        else:
            if written != size:
                connection.wrote_part(data, written)
