"""What switching something would hit right now, in sentences."""

from dataclasses import replace

from ...core.actors import ANONYMOUS_KIND
from ...core.policy import rights
from ...core.ruleset import RuleSet
from ...core.targets import Target
from ...models.workspace import Workspace
from ...realtime.channel import Group
from ...services.live import running
from ..wording import count


def hits(workspace: Workspace, active: RuleSet) -> dict[str, str]:
    """Say of switches what turning them would do to the clients that are connected now; by the switch's name."""
    found = {
        "refuse_bad_tokens": "Who is connected stays; it concerns clients that connect from then on.",
        "open_operations": "Nobody who is connected loses anything when it is switched on.",
    }
    realtime = running()
    live = realtime.workspace(workspace.canonical) if realtime is not None else None
    if live is None:
        return found
    channels = list(live.channels.values())
    members = sum(len(channel.members) for channel in channels)
    if active.switches.enabled:
        found["enabled"] = (
            f"Off, it takes {count(members, 'member')} out of {count(len(channels), 'channel')} now."
            if members
            else "No client is in a channel now."
        )
    if not active.switches.strict_anonymous:
        silent = _anonymous_that_would_go(active, [(c.name, c.groups.get(ANONYMOUS_KIND)) for c in channels])
        whom = count(silent, "anonymous member") if silent else "nobody"
        found["strict_anonymous"] = f"On, it takes {whom} out of a channel now."
    if not active.switches.access_manager:
        without = sum(c.actor.kind.grants is None for c in live.connections.values())
        found["access_manager"] = (
            "Nobody is connected now."
            if not live.connections
            else f"{count(without, 'client')} of {len(live.connections):,} connected now "
            f"{'has' if without == 1 else 'have'} no grants, and could do nothing."
        )
    return found


def _anonymous_that_would_go(active: RuleSet, groups: list[tuple[str, Group | None]]) -> int:
    """Count anonymous members that strict mode would take out; it depends on the rule alone, so each is asked once."""
    strict = RuleSet(active.rules, replace(active.switches, strict_anonymous=True))
    may_stay: dict[Target | None, bool] = {}
    gone = 0
    for name, group in groups:
        if group is None:
            continue
        rule = strict.resolve(name)
        target = rule.target if rule is not None else None
        if target not in may_stay:
            may_stay[target] = rights(strict, ANONYMOUS_KIND, name).join
        gone += 0 if may_stay[target] else len(group.members)
    return gone
