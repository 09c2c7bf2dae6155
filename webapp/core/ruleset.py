"""An immutable, compiled set of rules: which one decides for a channel, and why the others do not."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from .permissions import Permission
from .targets import Target
from .triggers import Trigger, TriggerEvent


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the dashboard. ``history`` is a number of messages, one of ``HISTORY_DEPTHS``."""

    target: Target
    permissions: frozenset[Permission] = frozenset()
    enabled: bool = True
    description: str = ""
    history: int = 0
    history_events: bool = False
    triggers: tuple[Trigger, ...] = ()

    def triggers_on(self, event: TriggerEvent) -> tuple[Trigger, ...]:
        """The active triggers that an event sets off, in order."""
        return tuple(trigger for trigger in self.triggers if trigger.enabled and event in trigger.events)

    def has(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def open_public(self) -> bool:
        """Public messaging open to all, which also lets anonymous clients in."""
        return (
            Permission.CLIENT_PUBLIC_MESSAGING in self.permissions
            and Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY not in self.permissions
        )


@dataclass(frozen=True, slots=True)
class Switches:
    """The workspace's switches that decide something (PERMISSIONS.md, "What belongs to a rule set")."""

    enabled: bool = True
    strict_anonymous: bool = False
    refuse_bad_tokens: bool = False
    access_manager: bool = False
    open_operations: bool = False


class Outcome(StrEnum):
    """What became of a rule when the one that decides was looked for."""

    DECIDES = "decides"
    LESS_SPECIFIC = "less specific"
    OFF = "off"
    NO_MATCH = "no match"


@dataclass(frozen=True, slots=True)
class Considered:
    rule: Rule
    outcome: Outcome
    sentence: str


class DuplicateTargetError(ValueError):
    """Two rules of one set have the same target. ``index`` is the later one's place in the list."""

    def __init__(self, target: Target, index: int) -> None:
        super().__init__(f"There is already a rule for `{target}`.")
        self.target = target
        self.index = index


class _Node:
    """A segment of the trie of patterns. Small, since with many rules it is memory that a look-up waits for."""

    __slots__ = ("any", "below", "ends", "literal")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] | None = None
        self.any: _Node | None = None
        self.below: Rule | None = None
        self.ends: Rule | None = None


@dataclass(frozen=True, slots=True, eq=False)
class RuleSet:
    """One version of a workspace's rules. ``version`` counts from 1; 0 is "nothing published yet".

    Raises:
        DuplicateTargetError: on two rules with the same target, active or not.
    """

    rules: tuple[Rule, ...] = ()
    switches: Switches = Switches()
    version: int = 0
    _exact: dict[str, Rule] = field(init=False, repr=False)
    _patterns: _Node = field(init=False, repr=False)

    def __post_init__(self) -> None:
        seen: set[Target] = set()
        exact: dict[str, Rule] = {}
        root = _Node()
        for index, rule in enumerate(self.rules):
            if rule.target in seen:
                raise DuplicateTargetError(rule.target, index)
            seen.add(rule.target)
            if not rule.enabled:
                continue
            if rule.target.nested:
                _insert(root, rule)
            else:
                exact[rule.target.text] = rule
        object.__setattr__(self, "_exact", exact)
        object.__setattr__(self, "_patterns", root)

    def resolve(self, channel: str) -> Rule | None:
        """Return the one active rule that decides for ``channel``, or None.

        Costs a step a segment, whatever the number of rules; where rules hold both a name and ``*`` at the
        same place, the other branch is tried when the first leads nowhere.
        """
        rule = self._exact.get(channel)
        if rule is not None:
            return rule
        return _find(self._patterns, channel.split("/"), 0)

    def consider(self, channel: str) -> list[Considered]:
        """Say of every rule why it decides for ``channel`` or not; the winner first, then those that match."""
        winner = self.resolve(channel)
        considered = [_consider(rule, channel, winner) for rule in self.rules]
        order = list(Outcome)
        return sorted(considered, key=lambda c: (order.index(c.outcome), c.rule.target.precedence))


def _insert(root: _Node, rule: Rule) -> None:
    segments = rule.target.segments
    node = root
    for i, segment in enumerate(segments):
        if segment != "*":
            if node.literal is None:
                node.literal = {}
            child = node.literal.get(segment)
            if child is None:
                child = node.literal[segment] = _Node()
            node = child
        elif i == len(segments) - 1:
            node.below = rule
            return
        else:
            if node.any is None:
                node.any = _Node()
            node = node.any
    node.ends = rule


def _find(node: _Node, names: list[str], i: int) -> Rule | None:
    if i == len(names):
        return node.ends
    name = names[i]
    literal = node.literal
    if literal is not None:
        child = literal.get(name)
        if child is not None:
            found = _find(child, names, i + 1)
            if found is not None:
                return found
    middle = node.any
    if middle is not None and name:
        found = _find(middle, names, i + 1)
        if found is not None:
            return found
    below = node.below
    if below is not None and (name or i + 1 < len(names)):
        return below
    return None


def _consider(rule: Rule, channel: str, winner: Rule | None) -> Considered:
    target = rule.target
    if rule is winner:
        why = "is exactly this channel" if not target.nested else f"is the most specific active target for `{channel}`"
        return Considered(rule, Outcome.DECIDES, f"`{target}` {why}.")
    if not target.matches(channel):
        return Considered(rule, Outcome.NO_MATCH, f"`{target}` does not match `{channel}`.")
    if not rule.enabled:
        return Considered(rule, Outcome.OFF, f"`{target}` matches but is inactive, so it is as if it were not there.")
    assert winner is not None
    return Considered(rule, Outcome.LESS_SPECIFIC, f"`{target}` matches, but `{winner.target}` is more specific.")


def shadowed_by_inactive(rules: Iterable[Rule], rule: Rule) -> list[Rule]:
    """Return the broader active rules that decide where ``rule``, being inactive, does not."""
    if rule.enabled:
        return []
    target = rule.target
    return [r for r in rules if r.enabled and r.target.precedence > target.precedence and r.target.overlaps(target)]
