"""When a number of a workspace is worth an alert. Pure: counters and the time go in, alerts come out."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..core.webhooks import THRESHOLDS, AlertKind, AlertSettings

EVERY = 10.0
"""Seconds between looks."""
MINUTE, HOUR = 60.0, 3600.0
QUIET = 600.0
"""Seconds in which a webhook gets at most one alert of a kind."""
UNUSUAL_TIMES, UNUSUAL_LEAST = 4, 20
"""Far from usual is what is more than so many times the mean of the last hour's minutes, and more than so many."""
MINUTES_NEEDED = 5
"""Minutes that have to be known before anything is unusual."""
Numbers = Mapping[AlertKind, float]


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that begins to be worth an alert, or no longer is (``resolved``).

    ``threshold`` is set where a number is above it, ``usual`` where it is far from that mean; neither for the database.
    """

    kind: AlertKind
    resolved: bool
    value: float = 0.0
    threshold: int | None = None
    usual: float | None = None

    @property
    def text(self) -> str:
        """The alert in a sentence."""
        if self.kind is AlertKind.DATABASE:
            return "The database is back." if self.resolved else "The database can't be reached."
        what = f"{self.value:,.0f} {self.kind.words}"
        if self.resolved:
            return f"Back to normal: {what}."
        if self.threshold is not None:
            return f"{what}, more than {self.threshold:,}."
        return f"{what}, far from the usual {self.usual or 0.0:,.1f}."


class Watch:
    """The numbers of a workspace: those of the last minute, and what is usual. Counters only ever grow."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, Numbers]] = deque()
        self._minutes: deque[Numbers] = deque(maxlen=int(HOUR / MINUTE))
        self._minute_ends = 0.0
        self.last_minute: Numbers = {}
        self.usual: Numbers = {}
        """The mean of the minutes before this one; empty while too few are known."""

    def look(self, now: float, counters: Numbers, connections: int) -> None:
        """Take the counters as they stand at ``now`` (monotonic seconds)."""
        if not self._looks:
            self._minute_ends = now + MINUTE
        self._looks.append((now, counters))
        while now - self._looks[0][0] > MINUTE:
            self._looks.popleft()
        before = self._looks[0][1]
        self.last_minute = {kind: counters[kind] - before[kind] for kind in counters}
        self.last_minute[AlertKind.CONNECTIONS] = connections
        if now >= self._minute_ends:
            self._minute_ends = now + MINUTE
            self._minutes.append(self.last_minute)
        known = len(self._minutes)
        if known >= MINUTES_NEEDED:
            self.usual = {kind: sum(minute[kind] for minute in self._minutes) / known for kind in THRESHOLDS}


class Alarm:
    """What one webhook was told, so that it is told once."""

    def __init__(self) -> None:
        self._raised: set[AlertKind] = set()
        self._told_at: dict[AlertKind, float] = {}

    def look(self, settings: AlertSettings, watch: Watch, database_away: bool, now: float) -> Iterator[Alert]:
        """Return what the webhook is to be told now (monotonic seconds)."""
        for kind in AlertKind:
            found = _found(kind, settings, watch, database_away)
            if found is None:
                if kind in self._raised:
                    self._raised.discard(kind)
                    yield Alert(kind, True, watch.last_minute.get(kind, 0.0))
            elif kind not in self._raised and now - self._told_at.get(kind, -QUIET) >= QUIET:
                self._raised.add(kind)
                self._told_at[kind] = now
                yield found


def _found(kind: AlertKind, settings: AlertSettings, watch: Watch, database_away: bool) -> Alert | None:
    """Say what is worth an alert of a kind at this moment."""
    if kind is AlertKind.DATABASE:
        return Alert(kind, False) if database_away and settings.database else None
    value, threshold = watch.last_minute.get(kind, 0.0), settings.threshold(kind)
    if threshold is not None and value > threshold:
        return Alert(kind, False, value, threshold=threshold)
    usual = watch.usual.get(kind)
    if settings.unusual and usual is not None and value > UNUSUAL_LEAST and value > UNUSUAL_TIMES * usual:
        return Alert(kind, False, value, usual=usual)
    return None
