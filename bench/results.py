"""What was measured: figures by scenario, variant, row (usually a peer) and round; and why a row has none."""

from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figure:
    """The median of some rounds, and their range."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        digits = 0 if self.high >= 1_000 else 1 if self.high >= 100 else 2 if self.high >= 1 else 3
        if self.low == self.high:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def figure(values: list[float]) -> Figure | None:
    """Median and range; None of no values."""
    return Figure(median(values), min(values), max(values)) if values else None


def within(values: list[float]) -> tuple[float, float]:
    """The values between which the median of what was drawn from lies in 95 of 100 cases, by their order alone."""
    ordered = sorted(values)
    away = 0.98 * len(ordered) ** 0.5
    low, high = int(len(ordered) / 2 - away), int(len(ordered) / 2 + away)
    return ordered[max(0, low)], ordered[min(len(ordered) - 1, high)]


@dataclass
class Results:
    """Everything one run has found."""

    rounds: dict[tuple[str, str, str], dict[int, float]] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, scenario: str, variant: str, row: str, round_: int, value: float) -> None:
        """Keep a figure."""
        self.rounds.setdefault((scenario, variant, row), {})[round_] = value

    def note(self, scenario: str, row: str, text: str) -> None:
        """Say why a row has no figure, or one of fewer rounds."""
        self.notes[scenario, row] = text

    def scenarios(self) -> list[str]:
        """The scenarios of which there is anything to tell, in the order of the run."""
        return list(dict.fromkeys([key[0] for key in self.rounds] + [key[0] for key in self.notes]))

    def variants(self, scenario: str) -> list[str]:
        """The scenario's variants."""
        return list(dict.fromkeys(key[1] for key in self.rounds if key[0] == scenario))

    def figure(self, scenario: str, variant: str, row: str) -> Figure | None:
        """A row's figure over all its rounds."""
        return figure(self.values(scenario, variant, row))

    def values(self, scenario: str, variant: str, row: str) -> list[float]:
        """A row's figures of all its rounds."""
        return list(self.rounds.get((scenario, variant, row), {}).values())

    def ratio(self, scenario: str, over: tuple[str, str], under: tuple[str, str]) -> Figure | None:
        """One (variant, row) divided by another, round by round, so that what disturbed both cancels out."""
        upper = self.rounds.get((scenario, *over), {})
        lower = self.rounds.get((scenario, *under), {})
        return figure([upper[number] / lower[number] for number in upper.keys() & lower.keys()])
