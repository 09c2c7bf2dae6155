"""What rules would let whom do: the matrix beside the boxes. Every verdict is asked of `core.policy.decide`."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..core.actors import Actor
from ..core.decision import Decision
from ..core.permissions import Operation
from ..core.policy import decide
from ..core.ruleset import Rule, RuleSet
from ..core.targets import CHANNEL_MAX_LENGTH, Target

EXAMPLE_NAMES = ("lobby", "general", "room-1", "example", "x")
"""What a ``*`` may stand for in an example, the first that no more specific rule has taken."""
FRESH_NAMES = 10_002
"""Letters to try where all of these are taken: one more than a rule set can hold rules."""
_FIRST_LETTER = 0x4E00

Verdicts = tuple[tuple[Decision, ...], ...]
"""A row for each actor, with a decision for each operation in the order of `Operation`."""


def matrix(rules: RuleSet, channel: str, actors: Sequence[Actor]) -> Verdicts:
    """Decide everything for each actor on ``channel``, as for members who asked for presence."""
    return tuple(tuple(decide(rules, actor, operation, channel) for operation in Operation) for actor in actors)


def with_rule(rules: RuleSet, rule: Rule, replaces: Target | None) -> RuleSet:
    """Put ``rule`` in the place of the one that ``replaces`` names, of the one with its target, or at the end."""
    rows: list[Rule] = []
    is_placed = False
    for row in rules.rules:
        if row.target not in (replaces, rule.target):
            rows.append(row)
        elif not is_placed:
            rows.append(rule)
            is_placed = True
    return replace(rules, rules=(*rows, *([] if is_placed else [rule])))


def example_channel(rules: RuleSet, target: Target) -> str:
    """Name a channel that ``target`` covers, one for which a rule with it decides, were it active.

    There always is one: rules that are more specific hold a name where ``target`` has a ``*``, and no rule set holds
    all names.
    """
    if not target.nested:
        return target.text
    others = RuleSet(tuple(rule for rule in rules.rules if rule.target != target))
    for name in _names():
        channel = "/".join(name if segment == "*" else segment for segment in target.segments)
        if len(channel) > CHANNEL_MAX_LENGTH:
            continue
        rival = others.resolve(channel)
        if rival is None or rival.target.precedence > target.precedence:
            return channel
    raise AssertionError("unreachable")


def _names() -> Iterator[str]:
    yield from EXAMPLE_NAMES
    for n in range(FRESH_NAMES):
        yield chr(_FIRST_LETTER + n)
