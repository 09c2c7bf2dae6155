"""The six numbers of the overview, each with the line of its last quarter of an hour."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...inspector.meter import SPAN, Sample
from ...models.workspace import Workspace
from ...services.live import running
from .sparkline import Sparkline, sparkline

NONE = "–"
LABELS = {
    "clients": "Clients",
    "channels": "Channels",
    "messages": "Messages",
    "deliveries": "Deliveries",
    "denials": "Denials",
    "p99": "Delivery time",
}
UNITS = {
    "clients": "connected",
    "channels": "with members",
    "messages": "a second",
    "deliveries": "a second",
    "denials": "a second",
    "p99": "for 99 of 100",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number as a card shows it: now, and the least and the most of the last quarter of an hour."""

    name: str
    label: str
    unit: str
    now: str
    lowest: str
    highest: str
    line: Sparkline

    @property
    def words(self) -> str:
        """The line in words."""
        if self.lowest == NONE:
            return f"{self.label}, last 15 minutes: nothing yet"
        return f"{self.label}, last 15 minutes: now {self.now}, lowest {self.lowest}, highest {self.highest}"


def samples_of(workspace: Workspace) -> list[Sample] | None:
    """Return what was measured in a workspace, oldest first; None where no server runs in this process."""
    realtime = running()
    if realtime is None or realtime.workspace(workspace.canonical) is None:
        return None
    return realtime.meter.series(workspace.canonical)


def numbers(workspace: Workspace) -> list[Number]:
    """Return a workspace's numbers; none where no server runs in this process."""
    samples = samples_of(workspace)
    if samples is None:
        return []
    return [_number(name, samples) for name in LABELS]


def series_document(samples: Sequence[Sample]) -> dict[str, list[float | None]]:
    """Write samples as columns: moments in seconds since 1970, delivery times in milliseconds."""
    document: dict[str, list[float | None]] = {"at": [round(sample.at, 1) for sample in samples]}
    for name in ("clients", "channels", "messages", "deliveries", "denials"):
        document[name] = [round(getattr(sample, name), 2) for sample in samples]
    for name in ("median", "p99"):
        document[name] = [_milliseconds(getattr(sample, name)) for sample in samples]
    return document


def written(name: str, value: float | None) -> str:
    """Write one of the numbers, in as many digits as one reads at a glance."""
    if value is None:
        return NONE
    if name in ("clients", "channels"):
        return f"{value:,.0f}"
    if name == "p99":
        return _duration(value)
    return f"{value:,.1f}" if 0 < value < 10 else f"{value:,.0f}"


def _number(name: str, samples: Sequence[Sample]) -> Number:
    values = [getattr(sample, name) for sample in samples]
    known = [value for value in values if value is not None]
    now = samples[-1].at if samples else 0.0
    points = [(sample.at - now + SPAN, value) for sample, value in zip(samples, values)]
    return Number(
        name=name,
        label=LABELS[name],
        unit=UNITS[name],
        now=written(name, values[-1] if values else None),
        lowest=written(name, min(known, default=None)),
        highest=written(name, max(known, default=None)),
        line=sparkline(points, SPAN),
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:,.1f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"
