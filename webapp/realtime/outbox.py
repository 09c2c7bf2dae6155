"""What a socket did not take at once: bounded, drained when the kernel has room again."""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any


class Outbox:
    """The queue of a connection that is blocked. ``size`` counts waiting bytes.

    ``write`` is the socket's own non-blocking write. The head is tried again with the very same bytes, which TLS
    demands of a write that could not be made.
    """

    __slots__ = ("_chunks", "_times", "_watcher", "size")

    def __init__(self, loop: Any, fileno: int, writable: Callable[[], None]) -> None:
        self._chunks: deque[bytes] = deque()
        self._times: deque[float] = deque()
        self.size = 0
        self._watcher = loop.io(fileno, 2)
        self._watcher.start(writable)

    def append(self, data: bytes) -> None:
        self._chunks.append(data)
        self._times.append(monotonic())
        self.size += len(data)

    def keep_head_only(self) -> float:
        """Drop all but the first chunk, of which a part may be on its way; returns since when all is dropped.

        That is the monotonic time at which the first dropped chunk came, or now if there was none.
        """
        dropped_since = monotonic()
        while len(self._chunks) > 1:
            self.size -= len(self._chunks.pop())
            dropped_since = self._times.pop()
        return dropped_since

    def drain(self, write: Callable[[bytes], int]) -> bool:
        """Write as much as the socket takes and return whether everything is out.

        Raises:
            OSError: other than "would block": the connection is broken.
        """
        while self._chunks:
            head = self._chunks[0]
            written = write(head)
            self.size -= written
            if written == len(head):
                self._chunks.popleft()
                self._times.popleft()
            else:
                self._chunks[0] = head[written:]
        return True

    def close(self) -> None:
        """Stop watching. To be called before the descriptor is closed."""
        self._watcher.stop()
        self._watcher.close()
        self._chunks.clear()
        self._times.clear()
        self.size = 0
