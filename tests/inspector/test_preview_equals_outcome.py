"""The preview of a rule set says exactly what putting it in force then does, whatever the rules and clients."""

from collections import Counter
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.strategies import kinds, near_channels, near_targets, rule_sets
from tests.sockets.live import Live, MemoryConnection
from webapp.core.actors import Actor, Kind
from webapp.core.permissions import Operation, Permission
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target
from webapp.inspector.preview import EFFECTS_MOST, preview
from webapp.realtime.connection import Connection

clients = st.lists(
    st.tuples(kinds, st.lists(st.tuples(near_channels, st.booleans()), min_size=1, max_size=4)), max_size=6
)
Verdicts = dict[tuple[str, str], frozenset[Operation]]


def connect(live: Live, kind: Kind) -> MemoryConnection:
    connection = live.connect(None)
    live.workspace.discard(cast(Connection, connection))
    connection.actor = Actor(kind, user_id="u" if kind.authenticated else None)
    live.workspace.add(cast(Connection, connection))
    return connection


def verdicts(live: Live) -> Verdicts:
    """What every member of every channel may do now."""
    found: Verdicts = {}
    for channel in live.workspace.channels.values():
        live.realtime.hub.current(live.workspace, channel)
        for connection, membership in [(m.connection, m) for m in channel.members.values()]:
            may = {o for o in Operation if getattr(membership.rights, o.value)}
            if not membership.wants_presence:
                may.discard(Operation.SEES_PRESENCE)
            found[connection.id, channel.name] = frozenset(may)
    return found


@settings(max_examples=250, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(rule_sets(near_targets), rule_sets(near_targets), clients)
def test_any_rules_and_any_clients(before: RuleSet, after: RuleSet, wanted: list[Any]) -> None:
    live = Live()
    live.publish(before)
    for kind, joins in wanted:
        connection = connect(live, kind)
        for channel, presence in joins:
            live.send(connection, "join", channel, {"presence": presence})
    was = verdicts(live)
    foreseen = preview(live.workspace, after)
    assert verdicts(live) == was, "looking changes nothing"

    removed = live.publish(after)
    now = verdicts(live)
    assert foreseen.removed == removed == len(was.keys() - now.keys())
    assert foreseen.removed_channels == len({channel for _, channel in was.keys() - now.keys()})
    effects = {(effect.socket_id, effect.channel): effect for effect in foreseen.effects}
    for place, could in was.items():
        can = now.get(place, frozenset())
        effect = effects.pop(place, None)
        if place not in now:
            assert effect is not None
            assert effect.removed
        elif could == can:
            assert effect is None
        else:
            assert effect is not None
            assert not effect.removed
            assert (set(effect.lost), set(effect.gained)) == (could - can, can - could)
    assert effects == {}
    stayed = [effect for effect in foreseen.effects if not effect.removed]
    assert foreseen.lost == Counter(operation for effect in stayed for operation in effect.lost)
    assert foreseen.gained == Counter(operation for effect in stayed for operation in effect.gained)
    assert foreseen.members == len(foreseen.effects)
    assert foreseen.clients == len({effect.socket_id for effect in foreseen.effects})


def test_many_are_counted_and_only_some_named() -> None:
    live = Live()
    open_to_all = Rule(Target("room"), frozenset({Permission.ANONYMOUS_CLIENTS}))
    live.publish(RuleSet((open_to_all,)))
    for _ in range(EFFECTS_MOST + 7):
        live.send(live.connect(None), "join", "room", {})
    foreseen = preview(live.workspace, RuleSet())
    assert (foreseen.members, foreseen.removed, foreseen.removed_channels) == (EFFECTS_MOST + 7, EFFECTS_MOST + 7, 1)
    assert (len(foreseen.effects), foreseen.left_out) == (EFFECTS_MOST, 7)
