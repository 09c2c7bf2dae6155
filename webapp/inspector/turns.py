"""Going through much without keeping the loop for oneself: messages of clients wait for the same one."""

from collections.abc import Iterable, Iterator
from time import monotonic
from typing import TypeVar

import gevent

from ..triggers.turns import PAUSE

SLICE = 0.004
"""Seconds of looking before others get a turn of the loop."""
T = TypeVar("T")


def in_turns(items: Iterable[T], seconds: float = SLICE) -> Iterator[T]:
    """Go through what there is at this moment, letting others run in between; some of it may be gone by its turn."""
    ends = monotonic() + seconds
    for item in list(items):
        if monotonic() > ends:
            gevent.sleep(PAUSE)
            ends = monotonic() + seconds
        yield item
