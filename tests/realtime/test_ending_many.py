"""Blocking an address behind which thousands sit, or revoking a token that they share, lets others run meanwhile.

All were told and closed in one go: 1,500 clients kept the loop for a tenth of a second.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gevent
import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.actors import AUTHENTICATED_KIND, Actor
from webapp.core.documents import parse_document
from webapp.realtime.tokens import TokenVerifier
from webapp.realtime.workspace import Block, WorkspaceConfig

MANY = 2_000


def block(config: WorkspaceConfig) -> WorkspaceConfig:
    return replace(config, blocks=(Block(time.time() + 60, address="203.0.113.7"),))


def revoke(config: WorkspaceConfig) -> WorkspaceConfig:
    return replace(config, verifier=TokenVerifier(revoked=frozenset({"shared"})))


@pytest.mark.parametrize("change", [block, revoke])
def test_others_run_meanwhile(change: Callable[[WorkspaceConfig], WorkspaceConfig]) -> None:
    live = Live()
    live.publish(parse_document({"channels": [rule("a", "A M")]}).rules)
    for number in range(MANY):
        connection: Any = live.connect(f"user-{number}")
        connection.actor = Actor(AUTHENTICATED_KIND, user_id=f"user-{number}", token_id="shared")
        connection.address = "203.0.113.7"
        live.realtime._by_address["203.0.113.7"] += 1
        live.send(connection, "join", "a")
    config = live.workspace.config
    applying = gevent.spawn(live.realtime.apply, change(replace(config, generation=config.generation + 1)))
    turns = 0
    while not applying.ready():
        gevent.sleep(0)
        turns += 1
    assert turns > 2
    assert (applying.get().closed, len(live.workspace.connections)) == (MANY, 0)
