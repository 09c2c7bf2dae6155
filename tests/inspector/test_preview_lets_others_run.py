"""A preview of many members never keeps the loop for itself, also where each has a token of its own kind."""

from typing import cast

import gevent

from tests.sockets.live import Live
from webapp.core.actors import Actor, Kind
from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target
from webapp.inspector.preview import preview
from webapp.realtime.connection import Connection


def test_one_channel_of_clients_with_grants_of_their_own() -> None:
    live = Live()
    live.publish(RuleSet((Rule(Target("room"), frozenset({Permission.CLIENT_PUBLIC_MESSAGING})),)))
    for number in range(300):
        connection = live.connect(None)
        live.workspace.discard(cast(Connection, connection))
        connection.actor = Actor(Kind(True, None, (Target("room"), Target(f"own-{number}"))), user_id=f"u{number}")
        live.workspace.add(cast(Connection, connection))
        live.send(connection, "join", "room", {})
    turns = 0

    def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    running = gevent.spawn(others)
    try:
        foreseen = preview(live.workspace, RuleSet())
    finally:
        running.kill()
    assert foreseen.removed == 300
    assert turns >= 3
