"""Who is in which channel right now, by the rule that decides there. Empty where no server runs in this process."""

from dataclasses import dataclass, field

from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target
from ...models.workspace import Workspace
from ...services.live import running


@dataclass(slots=True)
class Live:
    """The open channels that one rule decides for, and the memberships in them."""

    channels: int = 0
    members: int = 0


@dataclass(slots=True)
class Stake:
    """What deleting a rule would hit: open channels, by the rule that would decide for them instead."""

    known: bool
    now: Live = field(default_factory=Live)
    without_rule: Live = field(default_factory=Live)
    heirs: list[tuple[Target, Live]] = field(default_factory=list)
    others: list[Target] = field(default_factory=list)


def live_by_rule(workspace: Workspace, active: RuleSet) -> dict[Target, Live] | None:
    """Count open channels and members per rule; None where no server runs in this process."""
    realtime = running()
    if realtime is None or realtime.workspace(workspace.canonical) is None:
        return None
    live = {rule.target: Live() for rule in active.rules}
    for channel in realtime.channels(workspace.canonical):
        rule = active.resolve(channel.name)
        if rule is not None:
            live[rule.target].channels += 1
            live[rule.target].members += channel.members
    return live


def at_stake(workspace: Workspace, active: RuleSet, rule: Rule) -> Stake:
    """Say what deleting ``rule`` would hit: who is there now, and which rules would decide instead."""
    after = RuleSet(tuple(r for r in active.rules if r is not rule), active.switches, active.version)
    realtime = running()
    stake = Stake(known=realtime is not None and realtime.workspace(workspace.canonical) is not None)
    stake.others = [r.target for r in after.rules if r.enabled and r.target.overlaps(rule.target)]
    if realtime is None or not stake.known or not rule.enabled:
        return stake
    heirs: dict[Target, Live] = {}
    for channel in realtime.channels(workspace.canonical):
        if active.resolve(channel.name) is not rule:
            continue
        heir = after.resolve(channel.name)
        for live in (stake.now, stake.without_rule if heir is None else heirs.setdefault(heir.target, Live())):
            live.channels += 1
            live.members += channel.members
    stake.heirs = list(heirs.items())
    return stake
