"""The numbers of the last quarter of an hour, of each workspace and of the whole process.

They are made from counters that grow anyway and from the tap's ring: nothing is done for them when a message passes.
"""

import logging
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import gevent

if TYPE_CHECKING:
    from ..realtime.server import Realtime
    from .tap import Tap

_log = logging.getLogger("tidegate.meter")

INTERVAL = 5.0
"""Seconds between samples."""
SPAN = 15 * 60
"""Seconds that samples are kept."""
SAMPLES_KEPT = int(SPAN / INTERVAL)
TIMES_LOOKED_AT = 2_000
"""Messages that a sample takes its delivery times from at most, the newest of all workspaces."""
BUSY_SPAN = 5 * 60.0
"""Seconds over which channels are compared."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The numbers of a moment. ``at`` is in seconds since 1970, rates are per second since the sample before.

    ``median`` and ``p99`` are the seconds from a message's receipt to its delivery; None where no message passed.
    """

    at: float
    clients: int
    channels: int
    messages: float
    deliveries: float
    denials: float
    median: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Busy:
    """A channel in which much was said lately. ``rate`` is in messages a minute."""

    channel: str
    rate: float


@dataclass(frozen=True, slots=True)
class _Counts:
    """Counters as they stood at a moment of the monotonic clock."""

    at: float
    messages: int = 0
    deliveries: int = 0
    denials: int = 0


class Meter:
    """Takes samples and keeps them. Time is passed in: ``now`` is monotonic, ``wall`` in seconds since 1970."""

    def __init__(self) -> None:
        self._samples: dict[str | None, deque[Sample]] = {}
        self._before: dict[str | None, _Counts] = {}
        self._looked_at = -1.0

    def series(self, canonical: str | None = None) -> list[Sample]:
        """Return the samples of a workspace, or of the process, oldest first."""
        return list(self._samples.get(canonical, ()))

    def sample(self, realtime: "Realtime", now: float, wall: float) -> None:
        """Take a sample of every workspace and of the process."""
        times = _times_since(realtime.tap, self._looked_at)
        self._looked_at = now
        for canonical in self._samples.keys() - realtime.workspaces.keys() - {None}:
            del self._samples[canonical], self._before[canonical]
        for canonical, workspace in realtime.workspaces.items():
            counts = _Counts(now, workspace.messages, workspace.deliveries, workspace.refusals)
            clients, channels = len(workspace.connections), len(workspace.channels)
            self._take(canonical, counts, wall, clients, channels, times.get(canonical, []))
        tap = realtime.tap
        counts = _Counts(now, tap.messages, realtime.hub.deliveries, tap.refused.total())
        channels = sum(len(workspace.channels) for workspace in realtime.workspaces.values())
        everyone = [seconds for some in times.values() for seconds in some]
        self._take(None, counts, wall, len(realtime.connections), channels, everyone)

    def _take(
        self, canonical: str | None, counts: _Counts, wall: float, clients: int, channels: int, times: list[float]
    ) -> None:
        before = self._before.get(canonical)
        self._before[canonical] = counts
        kept = self._samples.setdefault(canonical, deque(maxlen=SAMPLES_KEPT))
        if before is None or counts.at <= before.at:
            return  # a rate needs two looks
        elapsed = counts.at - before.at
        times.sort()
        kept.append(
            Sample(
                at=wall,
                clients=clients,
                channels=channels,
                messages=(counts.messages - before.messages) / elapsed,
                deliveries=(counts.deliveries - before.deliveries) / elapsed,
                denials=(counts.denials - before.denials) / elapsed,
                median=_share(times, 0.5),
                p99=_share(times, 0.99),
            )
        )


def measure(realtime: "Realtime", interval: float = INTERVAL) -> None:
    """Take samples for as long as the process lives. Runs as a greenlet."""
    while True:
        try:
            realtime.meter.sample(realtime, monotonic(), time.time())
        except Exception:  # numbers that are missing must not keep later ones from being taken
            _log.exception("the numbers could not be taken")
        gevent.sleep(interval)


def busiest(tap: "Tap", workspace: str, now: float, most: int) -> list[Busy]:
    """Return the channels of a workspace in which most was said in the last minutes.

    Looks at the last five minutes, or as far back as the tap remembers, which is less where much goes on.
    """
    said: Counter[str] = Counter()
    earliest = now
    for record in reversed(tap.kept.records):
        if record.published < now - BUSY_SPAN:
            earliest = now - BUSY_SPAN
            break
        earliest = record.published
        if record.workspace == workspace:
            said[record.message.channel] += 1
    else:
        if not tap.is_full:
            earliest = now - BUSY_SPAN
    minutes = max(now - earliest, 1.0) / 60
    return [Busy(channel, count / minutes) for channel, count in said.most_common(most)]


def _times_since(tap: "Tap", moment: float) -> dict[str, list[float]]:
    """Collect how long the newest messages took, by workspace."""
    times: dict[str, list[float]] = {}
    for canonical, received, published in _newest_since(tap, moment):
        times.setdefault(canonical, []).append(max(published - received, 0.0))
    return times


def _newest_since(tap: "Tap", moment: float) -> Iterator[tuple[str, float, float]]:
    for looked_at, record in enumerate(reversed(tap.kept.records)):
        if record.published <= moment or looked_at >= TIMES_LOOKED_AT:
            return
        yield record.workspace, record.received, record.published


def _share(times: list[float], share: float) -> float | None:
    """Return the time within which this share of the sorted ones lies."""
    if not times:
        return None
    return times[min(int(len(times) * share), len(times) - 1)]
