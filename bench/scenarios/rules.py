"""Looking up which rule decides for a channel, against 10 to 100,000 rules: ``RuleSet.resolve`` in this process.

Rules are spread over tenants, four each: an exact name, a trailing ``*`` two and four segments deep, and a ``*`` in the
middle. The channels asked for are spread over all tenants, one for each kind of rule and one that no rule covers, in
random order, so that with many rules the processor's caches miss as they would in service.
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


def measure(rules: RuleSet, names: list[str]) -> float:
    """One round: microseconds per look-up, the loop around it included."""
    resolve = rules.resolve
    started = time.process_time_ns()
    for name in names:
        resolve(name)
    return (time.process_time_ns() - started) / len(names) / 1e3
