"""What another rule set would do to the clients that are connected now: who would lose what, and who would gain.

It asks the judge of live traffic, through the same compiled rights, and changes nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

import gevent

from ..core.actors import Kind
from ..core.permissions import Operation
from ..core.policy import Rights, rights
from ..core.ruleset import RuleSet
from ..realtime.channel import Membership
from ..realtime.workspace import Workspace
from ..triggers.turns import PAUSE

EFFECTS_MOST = 500
"""Members that are named one by one; the counts are of all."""
SLICE = 0.004
"""Seconds of looking before others get a turn of the loop."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What one member of one channel would lose and gain. Who is ``removed`` would be taken out of the channel."""

    socket_id: str
    user_id: str | None
    authenticated: bool
    channel: str
    removed: bool
    lost: tuple[Operation, ...]
    gained: tuple[Operation, ...]
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What would happen to whom.

    ``removed`` counts memberships that would end, in ``removed_channels``; ``clients`` the connections that would
    lose or gain anything. ``lost`` and ``gained`` count members by operation, among those who stay.
    ``effects`` names at most ``EFFECTS_MOST`` of ``members``, those who lose most first.
    """

    members: int
    clients: int
    removed: int
    removed_channels: int
    lost: Mapping[Operation, int]
    gained: Mapping[Operation, int]
    effects: tuple[Effect, ...]

    @property
    def left_out(self) -> int:
        """How many members are counted and not named."""
        return self.members - len(self.effects)


def preview(workspace: Workspace, new: RuleSet) -> Preview:
    """Say what putting ``new`` in force would do to the members of all channels.

    Others get their turn of the loop in between, so that clients may come and go while it looks.
    """
    return _Looking(workspace, new).look()


class _Looking:
    def __init__(self, workspace: Workspace, new: RuleSet) -> None:
        self._workspace = workspace
        self._new = new
        self._compiled: dict[tuple[int, Kind], Rights] = {}
        self._members = 0
        self._clients: set[str] = set()
        self._removed: Counter[str] = Counter()
        self._lost: Counter[Operation] = Counter()
        self._gained: Counter[Operation] = Counter()
        self._effects: dict[bool, list[Effect]] = defaultdict(list)

    def look(self) -> Preview:
        slice_ends = monotonic() + SLICE
        for channel in list(self._workspace.channels.values()):
            for group in list(channel.groups.values()):
                before = self._workspace.rights(group.kind, channel.name)
                after = self._rights(group.kind, channel.name)
                changed = _changed(before, after)
                if changed:
                    for membership in list(group.members.values()):
                        self._take(membership, after, changed)
                if monotonic() > slice_ends:  # members whose tokens differ are groups of their own
                    gevent.sleep(PAUSE)
                    slice_ends = monotonic() + SLICE
        named = self._effects[True] + self._effects[False]
        return Preview(
            members=self._members,
            clients=len(self._clients),
            removed=self._removed.total(),
            removed_channels=len(self._removed),
            lost=self._lost,
            gained=self._gained,
            effects=tuple(named[:EFFECTS_MOST]),
        )

    def _rights(self, kind: Kind, channel: str) -> Rights:
        """Compile what members of a kind may do under the new rules, once a rule as long as no token narrows it."""
        if kind.narrowed:
            return rights(self._new, kind, channel)
        key = (id(self._new.resolve(channel)), kind)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = rights(self._new, kind, channel)
        return compiled

    def _take(self, membership: Membership, after: Rights, changed: tuple[Operation, ...]) -> None:
        connection = membership.connection
        if not membership.wants_presence:  # who did not ask for presence sees none, whatever the rules say
            changed = tuple(operation for operation in changed if operation is not Operation.SEES_PRESENCE)
        removed = not after.join
        lost = tuple(operation for operation in changed if not getattr(after, operation.value))
        gained = tuple(operation for operation in changed if getattr(after, operation.value))
        if not removed and not changed:
            return
        self._members += 1
        self._clients.add(connection.id)
        if removed:
            self._removed[membership.channel.name] += 1
        else:
            self._lost.update(lost)
            self._gained.update(gained)
        named = self._effects[removed]
        if len(named) < EFFECTS_MOST:
            actor = connection.actor
            named.append(
                Effect(
                    connection.id,
                    actor.user_id,
                    actor.authenticated,
                    membership.channel.name,
                    removed,
                    lost,
                    gained,
                    actor.is_test,
                )
            )


def _changed(before: Rights, after: Rights) -> tuple[Operation, ...]:
    return tuple(
        operation for operation in Operation if getattr(before, operation.value) != getattr(after, operation.value)
    )
