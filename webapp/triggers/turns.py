"""Taking turns: what computes in the loop for long lets others run now and then."""

from time import monotonic

import gevent

TURN = 0.005
"""Seconds to go on before others get their turn."""
PAUSE = 0.0001
"""Seconds to let them have it. With none at all gevent comes back up to fifty times before it looks at any socket."""


class Turns:
    """The turns that something long takes, whoever has begun it."""

    __slots__ = ("_began",)

    def __init__(self) -> None:
        self._began = monotonic()

    def pause(self) -> None:
        """Let others run, if it has been a while."""
        if monotonic() - self._began > TURN:
            gevent.sleep(PAUSE)
            self._began = monotonic()
