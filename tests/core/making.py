"""Short ways to make rules, actors and rule sets for the tests of the core."""

from collections.abc import Iterable

from webapp.core.actors import ANONYMOUS_KIND, AUTHENTICATED_KIND, Actor, Kind
from webapp.core.decision import Decision
from webapp.core.grants import parse_grants
from webapp.core.permissions import Operation, Permission
from webapp.core.policy import Facts, decide
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import parse_authorized_channel, parse_target

from .permission_table import LETTERS, boxes

CHANNEL = "lobby"

JOINED = Facts(joined=True)
NOT_JOINED = Facts(joined=False)
WITHOUT_CONNECTION = Facts(joined=None)


def permissions(letters: str | Iterable[str]) -> frozenset[Permission]:
    """The boxes that ``A+M+Ma``, or a set of letters, names."""
    if isinstance(letters, str):
        letters = boxes(letters)
    return frozenset(Permission(LETTERS[letter]) for letter in letters)


def rule(
    target: str = CHANNEL,
    letters: str | Iterable[str] = "A",
    nested: bool = False,
    enabled: bool = True,
    history: int = 100,
) -> Rule:
    return Rule(parse_target(target, nested), permissions(letters), enabled, history=history)


def pattern(target: str, letters: str | Iterable[str] = "A", enabled: bool = True) -> Rule:
    return rule(target, letters, nested=True, enabled=enabled)


def rule_set(
    *rules: Rule, strict_anonymous: bool = False, access_manager: bool = False, enabled: bool = True
) -> RuleSet:
    switches = Switches(enabled=enabled, strict_anonymous=strict_anonymous, access_manager=access_manager)
    return RuleSet(tuple(rules), switches, version=7)


def actor(authenticated: bool) -> Actor:
    if not authenticated:
        return Actor(ANONYMOUS_KIND)
    return Actor(AUTHENTICATED_KIND, user_id="u-17")


def holder(grants: object = None, authorized: Iterable[str] | None = None) -> Actor:
    """An authenticated client whose token carries grants or ``authorized_channels``."""
    targets = None if authorized is None else tuple(parse_authorized_channel(text) for text in authorized)
    return Actor(Kind(True, None if grants is None else parse_grants(grants), targets), user_id="u-17")


def ask(rules: RuleSet, who: Actor, operation: str, channel: str = CHANNEL, facts: Facts = JOINED) -> Decision:
    return decide(rules, who, Operation(operation), channel, facts)


def code_of(decision: Decision) -> str | None:
    """The code as the string that clients compare."""
    return None if decision.code is None else str(decision.code)
