"""Who has which rule's form open just now. Every open form says so every few seconds; silent ones are forgotten."""

from dataclasses import dataclass

from ...core.targets import Target

SILENCE = 25.0
"""Seconds after which a form that said nothing counts as closed; an open one says something every ten."""
MOST = 2_000
"""How many open forms are remembered; beyond that, those that were silent longest are forgotten."""


@dataclass(frozen=True, slots=True)
class Editing:
    """Someone has a rule's form open. ``since`` and ``seen`` are monotonic seconds."""

    canonical: str
    target: Target
    username: str
    since: float
    seen: float


class Editors:
    """The forms that are open in this process."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._open: dict[tuple[str, Target, str], Editing] = {}

    def beat(self, canonical: str, target: Target, username: str, now: float) -> None:
        """Note that someone still has a rule's form open."""
        self._forget_silent(now)
        key = (canonical, target, username)
        known = self._open.pop(key, None)  # and to the end, so that the longest silent are first
        self._open[key] = Editing(canonical, target, username, known.since if known else now, now)
        while len(self._open) > self._most:
            del self._open[next(iter(self._open))]

    def gone(self, canonical: str, target: Target, username: str) -> None:
        """Note that someone closed a rule's form: it was saved."""
        self._open.pop((canonical, target, username), None)

    def others(self, canonical: str, target: Target, username: str, now: float) -> list[Editing]:
        """Return who else has a rule's form open, the longest first."""
        return [e for e in self.in_workspace(canonical, now) if e.target == target and e.username != username]

    def in_workspace(self, canonical: str, now: float) -> list[Editing]:
        """Return who has which form of a workspace open, the longest first."""
        self._forget_silent(now)
        return sorted((e for e in self._open.values() if e.canonical == canonical), key=lambda e: e.since)

    def _forget_silent(self, now: float) -> None:
        for key, editing in list(self._open.items()):
            if now - editing.seen <= SILENCE:
                break
            del self._open[key]
