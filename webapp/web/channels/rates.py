"""Messages a minute, by rule: counted when someone looks, from what the channels count anyway."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ...core.ruleset import RuleSet
from ...core.targets import Target

WINDOW = 60.0
"""Seconds that a rate is about."""
STEP = 2.0
"""Seconds between two counts, however many look."""
CHANNELS_MOST = 100_000
"""Open channels of a workspace that are counted; what is beyond is left out."""


class Counted(Protocol):
    """An open channel: ``messages`` grows with each message, from 0 when it opens."""

    name: str
    messages: int


@dataclass(slots=True)
class _Counts:
    at: float
    last: dict[str, int]
    steps: deque[tuple[float, float, Counter[Target]]] = field(default_factory=deque)


class Rates:
    """The counts of all workspaces that someone looks at."""

    def __init__(self) -> None:
        self._counts: dict[str, _Counts] = {}

    def look(
        self, canonical: str, channels: Iterable[Counted], rules: RuleSet, now: float
    ) -> Mapping[Target, float] | None:
        """Count, and return the messages a minute of each rule that had any; None where there is nothing to compare.

        A channel that opened and closed between two looks is not counted.

        Args:
            canonical: whose channels.
            channels: those that are open now.
            rules: what is in force: which rule a channel counts for.
            now: monotonic seconds.
        """
        for name in [name for name, counts in self._counts.items() if now - counts.at > WINDOW]:
            del self._counts[name]  # nobody looks there any more
        counts = self._counts.get(canonical)
        if counts is None:
            self._counts[canonical] = _Counts(now, _messages(channels))
            return None
        if now - counts.at >= STEP:
            _take(counts, _messages(channels), rules, now)
        if not counts.steps:
            return None
        total: Counter[Target] = Counter()
        for _, _, by_rule in counts.steps:
            total.update(by_rule)
        seconds = counts.at - counts.steps[0][0]
        return {target: messages * 60 / seconds for target, messages in total.items()}


def _take(counts: _Counts, messages: dict[str, int], rules: RuleSet, now: float) -> None:
    by_rule: Counter[Target] = Counter()
    for name, number in messages.items():
        before = counts.last.get(name, 0)
        more = number - before if number >= before else number  # fewer: it closed and opened again meanwhile
        rule = rules.resolve(name) if more else None
        if rule is not None:
            by_rule[rule.target] += more
    counts.steps.append((counts.at, now, by_rule))
    counts.at, counts.last = now, messages
    while counts.steps[0][1] <= now - WINDOW:
        counts.steps.popleft()


def _messages(channels: Iterable[Counted]) -> dict[str, int]:
    messages: dict[str, int] = {}
    for channel in channels:
        if len(messages) == CHANNELS_MOST:
            break
        messages[channel.name] = channel.messages
    return messages
