"""The rules of PERMISSIONS.md, "Targets", written a second time and slowly: to hold the engine against."""

import re
from collections.abc import Iterable
from functools import cache, cmp_to_key
from itertools import product

from webapp.core.ruleset import Rule
from webapp.core.targets import Target


@cache
def matches(target: Target, channel: str) -> bool:
    if not target.nested:
        return channel == target.text
    *before, last = target.text.split("/")
    parts = ["[^/]+" if segment == "*" else re.escape(segment) for segment in before]
    parts.append(".+" if last == "*" else re.escape(last))
    return re.fullmatch("/".join(parts), channel, re.DOTALL) is not None


def compare(a: Target, b: Target) -> int:
    """Negative if ``a`` goes before ``b``, for two targets that match one channel."""
    if a.nested != b.nested:
        return 1 if a.nested else -1
    for mine, its in zip(_ranks(a), _ranks(b)):
        if mine != its:
            return mine - its
    return 0


def _ranks(target: Target) -> list[int]:
    segments = target.text.split("/")
    literal, middle, trailing = range(3)
    ranks = [middle if segment == "*" else literal for segment in segments]
    if segments[-1] == "*":
        ranks[-1] = trailing
    return ranks


def winner(rules: Iterable[Rule], channel: str) -> Rule | None:
    """Sort all active rules that match; the first decides, and the second may not be its equal."""
    found = [rule for rule in rules if rule.enabled and matches(rule.target, channel)]
    found.sort(key=cmp_to_key(lambda a, b: compare(a.target, b.target)))
    if len(found) > 1:
        assert compare(found[0].target, found[1].target) < 0, f"{found[0].target} and {found[1].target} tie"
    return found[0] if found else None


def words(alphabet: Iterable[str], longest: int) -> list[tuple[str, ...]]:
    """Every sequence of one to ``longest`` segments."""
    letters = list(alphabet)
    return [word for length in range(1, longest + 1) for word in product(letters, repeat=length)]


PATTERNS: tuple[Target, ...] = tuple(Target("/".join(w), True) for w in words(("", "a", "b", "*"), 3) if "*" in w)
NAMES: tuple[Target, ...] = tuple(Target(text) for text in map("/".join, words(("", "a", "b", "*"), 2)) if text)
TARGETS: tuple[Target, ...] = PATTERNS + NAMES

CHANNELS: tuple[str, ...] = (
    *(name for name in map("/".join, words(("", "a", "b", "z"), 5)) if name),
    *(target.text for target in NAMES if "*" in target.text),
)
"""Every channel of up to five segments, and the names that hold a ``*``.

``z`` is in no target of ``TARGETS``, so it stands for any other name.
"""
