"""Looking up which rule decides for a channel, against 10 to 100,000 rules: ``RuleSet.resolve`` in this process.

Rules are spread over tenants, four each: an exact name, a trailing ``*`` two and four segments deep, and a ``*`` in the
middle. The channels asked for are one for each kind of rule and one that no rule covers, in random order: once a
thousand channels that are in use, spread over all tenants, and once (``spread``) 20,000 different ones, where with many
rules every look-up waits for memory.
"""

import random
import time

from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import parse_target

NAME = "rules"
TITLE = "Looking up the rule that decides"
UNIT = "µs per look-up"
SIZES = (10, 1_000, 10_000, 100_000)
LOOK_UPS = 20_000
CHANNELS_IN_USE = 1_000
IN_USE, SPREAD = "1,000 channels", "20,000 channels"
TARGETS = ("t{}/lobby", "t{}/rooms/*", "t{}/teams/red/talk/*", "t{}/users/*/inbox")
CHANNELS = ("t{}/lobby", "t{}/rooms/blue", "t{}/teams/red/talk/a/b", "t{}/users/4711/inbox", "t{}/users/4711/outbox")


def build(size: int) -> RuleSet:
    """A set of ``size`` active rules."""
    texts = (TARGETS[number % len(TARGETS)].format(number // len(TARGETS)) for number in range(size))
    permissions = frozenset({Permission.CLIENT_PUBLIC_MESSAGING})
    return RuleSet(tuple(Rule(parse_target(text, nested="*" in text), permissions) for text in texts))


def channels(size: int) -> list[str]:
    """What is looked up in a set of that size."""
    dice = random.Random(size)
    tenants = max(1, size // len(TARGETS))
    return [dice.choice(CHANNELS).format(dice.randrange(tenants)) for _ in range(LOOK_UPS)]


def in_use(spread: list[str]) -> list[str]:
    """As many look-ups of the first thousand of these channels only."""
    dice = random.Random(1)
    return dice.choices(spread[:CHANNELS_IN_USE], k=LOOK_UPS)


def row(size: int) -> str:
    """The row of the table for a set of that size."""
    return f"{size:,} rules"


def measure(rules: RuleSet, names: list[str]) -> float:
    """The faster of two rounds, of which the first warms up: microseconds per look-up, the loop around it included."""
    return min(_measure(rules, names), _measure(rules, names))


def _measure(rules: RuleSet, names: list[str]) -> float:
    resolve = rules.resolve
    started = time.process_time_ns()
    for name in names:
        resolve(name)
    return (time.process_time_ns() - started) / len(names) / 1e3
