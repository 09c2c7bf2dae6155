"""Who is in which channel right now, by the rule that decides there. Empty where no server runs in this process."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from ...core.actors import Actor
from ...core.permissions import Operation
from ...core.policy import decide
from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target
from ...models.workspace import Workspace
from ...realtime.channel import Channel
from ...realtime.workspace import Workspace as LiveWorkspace
from ...services.live import running
from ...triggers.turns import PAUSE
from .state import rates

SLICE = 0.004
"""Seconds of looking before others get a turn of the loop."""
LISTED = 12
"""Open channels that the editor names; the others are counted."""


@dataclass(slots=True)
class Live:
    """The open channels that one rule decides for, and the memberships in them.

    ``rate`` is in messages a minute; None where nothing was counted yet.
    """

    channels: int = 0
    members: int = 0
    rate: float | None = None


@dataclass(slots=True)
class Stake:
    """What it would hit if a rule no longer decided.

    ``removed`` are the places of those who could stay no longer, ``heirs`` the rules that would decide for the others.
    """

    known: bool
    now: Live = field(default_factory=Live)
    removed: Live = field(default_factory=Live)
    heirs: list[tuple[Target, Live]] = field(default_factory=list)
    others: list[Target] = field(default_factory=list)


class Fate(StrEnum):
    """What a change of a rule means for an open channel that its old or its new target covers."""

    KEEPS = "keeps"
    GAINS = "gains"
    LOSES = "loses"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class OpenChannel:
    """An open channel; ``decides`` is the rule that would decide there after the change."""

    name: str
    members: int
    fate: Fate
    decides: Target | None


@dataclass(frozen=True, slots=True)
class OpenChannels:
    """The open channels that a change of a rule concerns: the largest by name, all of them counted."""

    listed: list[OpenChannel]
    channels: Counter[Fate]
    members: Counter[Fate]

    @property
    def more(self) -> int:
        return self.channels.total() - len(self.listed)


def live_by_rule(workspace: Workspace) -> dict[Target, Live] | None:
    """Count open channels, members and messages per rule in force; None where no server runs in this process."""
    live = _live(workspace)
    if live is None:
        return None
    counted: dict[Target, Live] = {}
    for channel in _in_turns(live.channels.values()):
        rule = live.rules.resolve(channel.name)
        if rule is not None:
            here = counted.setdefault(rule.target, Live())
            here.channels += 1
            here.members += len(channel.members)
    rate = rates().look(workspace.canonical, list(live.channels.values()), live.rules, time.monotonic())
    if rate is not None:
        for target, here in counted.items():
            here.rate = rate.get(target, 0.0)
        for target, per_minute in rate.items():
            counted.setdefault(target, Live()).rate = per_minute
    return counted


def at_stake(workspace: Workspace, active: RuleSet, rule: Rule) -> Stake:
    """Say what it would hit if ``rule`` no longer decided: who is there now, and which rules would decide instead."""
    after = RuleSet(tuple(r for r in active.rules if r is not rule), active.switches, active.version)
    live = _live(workspace)
    stake = Stake(known=live is not None)
    stake.others = [r.target for r in after.rules if r.enabled and r.target.overlaps(rule.target)]
    if live is None or not rule.enabled:
        return stake
    heirs: dict[Target, Live] = {}
    for channel in _in_turns(live.channels.values()):
        if active.resolve(channel.name) is not rule:
            continue
        heir = after.resolve(channel.name)
        removed = sum(
            len(group.members)
            for group in channel.groups.values()
            if not decide(after, Actor(kind=group.kind), Operation.JOIN, channel.name).allowed
        )
        _add(stake.now, len(channel.members))
        _add(stake.removed, removed)
        if heir is not None:
            _add(heirs.setdefault(heir.target, Live()), len(channel.members) - removed)
    stake.heirs = [(target, here) for target, here in heirs.items() if here.members]
    return stake


def open_channels(workspace: Workspace, replaces: Target | None, rule: Rule, after: RuleSet) -> OpenChannels | None:
    """Say what a change means for the channels that are open now; None where no server runs in this process.

    Args:
        workspace: whose channels.
        replaces: the rule that is changed, as its target is in force; None for a new one.
        rule: what it becomes.
        after: the rules with it.
    """
    live = _live(workspace)
    if live is None:
        return None
    found: list[OpenChannel] = []
    for channel in _in_turns(live.channels.values()):
        if not (rule.target.matches(channel.name) or (replaces is not None and replaces.matches(channel.name))):
            continue
        now, then = live.rules.resolve(channel.name), after.resolve(channel.name)
        was = now is not None and now.target == replaces
        will_be = then is not None and then.target == rule.target
        fate = (Fate.KEEPS if was else Fate.GAINS) if will_be else (Fate.LOSES if was else Fate.ELSEWHERE)
        found.append(OpenChannel(channel.name, len(channel.members), fate, then.target if then is not None else None))
    channels, members = Counter[Fate](), Counter[Fate]()
    for channel_now in found:
        channels[channel_now.fate] += 1
        members[channel_now.fate] += channel_now.members
    order = [Fate.LOSES, Fate.GAINS, Fate.KEEPS, Fate.ELSEWHERE]
    found.sort(key=lambda c: (order.index(c.fate), -c.members, c.name))
    return OpenChannels(found[:LISTED], channels, members)


def _add(here: Live, members: int) -> None:
    if members:
        here.channels += 1
        here.members += members


def _in_turns(channels: Iterable[Channel]) -> Iterator[Channel]:
    """Go through many channels, letting others run in between: messages of clients wait for the same loop."""
    began = time.monotonic()
    for channel in list(channels):
        if time.monotonic() - began > SLICE:
            time.sleep(PAUSE)
            began = time.monotonic()
        yield channel


def _live(workspace: Workspace) -> LiveWorkspace | None:
    realtime = running()
    return realtime.workspace(workspace.canonical) if realtime is not None else None
