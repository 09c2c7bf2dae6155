"""What one actor may do on which channels, and why: the judge, asked for every rule and every operation."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..core.actors import Actor
from ..core.codes import Code
from ..core.decision import Decision, Step
from ..core.permissions import Operation
from ..core.policy import JOINED, NOT_JOINED, WITHOUT_CONNECTION, decide
from ..core.ruleset import Rule, RuleSet
from ..core.targets import Target, channel_problem

CHANNELS_MOST = 6
"""How many channels one rule is shown with."""
ONLY_CONNECTED = frozenset(
    {
        Operation.RECEIVE_PUBLIC,
        Operation.RECEIVE_AUTHENTICATED,
        Operation.RECEIVE_PRIVATE,
        Operation.RECEIVE_EVENT,
        Operation.IN_PRESENCE,
    }
)
"""What no request without a connection does."""
_FILLINGS = ("example", "a", "b", "x1", "zz9")


@dataclass(frozen=True, slots=True)
class Answer:
    """Every verdict on one channel, in the order of :class:`Operation`. ``is_open``: it has members now."""

    channel: str
    decisions: tuple[Decision, ...]
    is_open: bool = False

    @property
    def join(self) -> Decision:
        return self.decisions[0]

    @property
    def allowed(self) -> int:
        return sum(decision.allowed for decision in self.decisions)

    @property
    def reasons(self) -> tuple[Step, ...]:
        """Of each decision the step that says most: the one that blocks, or the last that looked at a box."""
        return tuple(_telling(decision) for decision in self.decisions)

    @property
    def only_without_connection(self) -> bool:
        """Whether what is allowed holds for requests over HTTP alone, for a grant to join is missing."""
        return self.join.code is Code.GRANT_MISSING and self.allowed > 0


@dataclass(frozen=True, slots=True)
class RuleAnswers:
    """What the actor may do where one rule decides; ``more`` counts open channels that are not shown."""

    rule: Rule
    answers: tuple[Answer, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """A page of answers, by rule, and those channels of the actor's that no rule decides."""

    rules: tuple[RuleAnswers, ...]
    unruled: tuple[Answer, ...]
    total: int


def on_channel(rules: RuleSet, actor: Actor, channel: str, is_open: bool = False, *, blocked: bool = False) -> Answer:
    """Ask for every operation on one channel, as a client that joins it first if it may.

    A client whose token does not let it join, for want of a grant, can still ask over HTTP: what is then allowed is
    what holds without a connection. ``blocked`` says that its user is kept out for the time being.
    """
    joined = replace(JOINED, blocked=blocked)
    join = decide(rules, actor, Operation.JOIN, channel, joined)
    decisions = [join]
    for operation in list(Operation)[1:]:
        decision = decide(rules, actor, operation, channel, joined)
        if decision.allowed and not join.allowed:
            facts = NOT_JOINED if operation in ONLY_CONNECTED else WITHOUT_CONNECTION
            decision = decide(rules, actor, operation, channel, facts)
        decisions.append(decision)
    return Answer(channel, tuple(decisions), is_open)


def on_rules(
    rules: RuleSet,
    actor: Actor,
    *,
    own: Iterable[str] = (),
    opened: Iterable[str] = (),
    start: int = 0,
    most: int = 25,
    blocked: bool = False,
) -> Explanation:
    """Ask for every operation where each active rule decides.

    Args:
        rules: the set that is asked.
        actor: who.
        own: channels that the actor is in.
        opened: channels that have members.
        start: the first active rule to answer for, for paging.
        most: how many rules to answer for.
        blocked: whether its user is kept out for the time being.
    """
    active = [rule for rule in rules.rules if rule.enabled]
    now_open = set(opened) | set(own)
    named, unruled = _by_rule(rules, [*own, *_named_by_token(actor)])
    others, _ = _by_rule(rules, opened)
    answered = []
    for rule in active[start : start + most]:
        channels = list(named.get(rule.target, ()))
        example = example_channel(rules, rule)
        if example is not None and example not in channels:
            channels.append(example)
        for channel in others.get(rule.target, ()):
            if channel not in channels:
                channels.append(channel)
        shown = channels[:CHANNELS_MOST] if actor.kind.narrowed else channels[:1]
        rest = channels[len(shown) :]
        answered.append(
            RuleAnswers(
                rule,
                tuple(on_channel(rules, actor, channel, channel in now_open, blocked=blocked) for channel in shown),
                sum(channel in now_open for channel in rest),
            )
        )
    outside = tuple(
        on_channel(rules, actor, channel, channel in now_open, blocked=blocked) for channel in unruled[:CHANNELS_MOST]
    )
    return Explanation(tuple(answered), outside, len(active))


def example_channel(rules: RuleSet, rule: Rule) -> str | None:
    """Return a channel that this very rule decides; None if no other rule leaves it one that is easily found."""
    for filling in _FILLINGS:
        channel = filled(rule.target, filling)
        if rules.resolve(channel) is rule:
            return channel
    return None


def filled(target: Target, filling: str = _FILLINGS[0]) -> str:
    """Write a channel that a target matches."""
    if not target.nested:
        return target.text
    return "/".join(filling if segment == "*" else segment for segment in target.segments)


def _telling(decision: Decision) -> Step:
    if not decision.allowed:
        return decision.steps[-1]
    return next(step for step in reversed(decision.steps) if step.subject != "mute")


def _by_rule(rules: RuleSet, channels: Iterable[str]) -> tuple[dict[Target, list[str]], list[str]]:
    ruled: dict[Target, list[str]] = {}
    unruled: list[str] = []
    for channel in dict.fromkeys(channels):
        if channel_problem(channel) is not None:
            continue
        rule = rules.resolve(channel)
        (unruled if rule is None else ruled.setdefault(rule.target, [])).append(channel)
    return ruled, unruled


def _named_by_token(actor: Actor) -> Iterator[str]:
    """Channels that the token speaks of: what it authorizes and what it grants."""
    for target in actor.kind.authorized_channels or ():
        yield filled(target)
    if actor.kind.grants is not None:
        for kind, name, _ in actor.kind.grants.resources:
            if kind == "channels":
                yield name
