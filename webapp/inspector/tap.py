"""The tap: a compact record of every message and every refusal in full, in bounded rings, and the counts.

A record is a tuple that refers to what exists anyway; pages and explanations are made from it when someone looks.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from ..core.codes import Code

if TYPE_CHECKING:
    from ..realtime.events import Message, Refusal

MESSAGES_KEPT = 10_000
BYTES_KEPT = 64 * 1024 * 1024
REFUSALS_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Trace:
    """What is known of one message. Times are monotonic seconds."""

    workspace: str
    message: "Message"
    version: int
    recipients: int | None
    received: float
    published: float


class Tap:
    """Takes note of what passes. One object a process; ``enabled`` off changes nothing that is delivered."""

    def __init__(self) -> None:
        self._messages: deque[tuple[str, Message, int, int | None, float, float]] = deque()
        self._bytes = 0
        self.refusals: deque[Refusal] = deque(maxlen=REFUSALS_KEPT)
        self.messages = 0
        self.refused: Counter[Code] = Counter()
        self.closed: Counter[int] = Counter()
        self.connections = 0
        self.joins = 0
        self.started_at = time.time()

    def delivered(
        self, workspace: str, message: "Message", version: int, recipients: int | None, received: float, now: float
    ) -> None:
        """Note a message that was accepted; ``recipients`` is None where it could not be stored."""
        self.messages += 1
        kept = self._messages
        kept.append((workspace, message, version, recipients, received, now))
        self._bytes += len(message.payload)
        while len(kept) > MESSAGES_KEPT or self._bytes > BYTES_KEPT:
            self._bytes -= len(kept.popleft()[1].payload)

    def refusal(self, refusal: "Refusal") -> None:
        """Note a refusal, with its decision where there is one."""
        self.refused[refusal.code] += 1
        self.refusals.append(refusal)

    def recent(self) -> list[Trace]:
        """Return what is known of the last messages, oldest first."""
        return [Trace(*record) for record in self._messages]

    @property
    def is_full(self) -> bool:
        """Whether older messages than those known have been let go."""
        return len(self._messages) < self.messages

    def newest(self) -> Iterator[tuple[str, "Message", float, float]]:
        """Go through what is known of the last messages, newest first: workspace, message, received, published.

        Nothing may be noted meanwhile, so whoever goes through it must not wait.
        """
        return (
            (workspace, message, received, now) for workspace, message, _, _, received, now in reversed(self._messages)
        )

    def refusals_of(self, workspace: str, most: int) -> "list[Refusal]":
        """Return a workspace's last refusals, newest first."""
        mine = (refusal for refusal in reversed(self.refusals) if refusal.workspace == workspace)
        return list(islice(mine, most))

    def find_refusal(self, ref: str) -> "Refusal | None":
        """Return the refusal that a client was told by this reference number."""
        return next((r for r in reversed(self.refusals) if r.ref == ref), None)
