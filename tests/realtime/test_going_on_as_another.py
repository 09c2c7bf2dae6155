"""A client that is closed while it waits for its renewal: nothing of it stays."""

import json
from typing import cast

import gevent

from tests.servers import rule
from tests.sockets.live import Live, MemoryConnection
from webapp.core.actors import AUTHENTICATED_KIND, Actor
from webapp.core.documents import parse_document
from webapp.protocols.phoenix import PHOENIX
from webapp.realtime.connection import Connection
from webapp.realtime.tokens import TokenVerifier


class AnyToken(TokenVerifier):
    """Takes what it is given for the id of a user."""

    def verify(self, token: str, now: float) -> Actor:
        return Actor(AUTHENTICATED_KIND, user_id=token)


def receive(live: Live, client: MemoryConnection, *frame: object) -> None:
    live.realtime.engine.receive(cast(Connection, client), json.dumps(frame).encode())


def test_who_is_closed_during_a_commit_goes_on_as_nobody() -> None:
    live = Live(commits_at_once=False)
    live.publish(parse_document({"channels": [rule("room", "A M P", history=25)]}).rules)
    object.__setattr__(live.workspace.config, "verifier", AnyToken())
    for event, payload in (("access_token", {"access_token": "ann"}), ("phx_join", {"access_token": "ann"})):
        client, other = live.connect(None), live.connect(None)
        for each in (client, other):
            each.face = PHOENIX
            receive(live, each, "1", "1", "room", "phx_join", {})
        live.end_turn()
        receive(live, client, "1", "2", "room", "message", {"n": 1})
        renewal = gevent.spawn(receive, live, client, "1", "3", "room", event, payload)
        gevent.sleep(0)
        assert not renewal.dead, "it waits for the commit"
        client.close(4401)
        renewal.join(timeout=5)
        live.end_turn()
        assert live.workspace.by_user == {}
        assert [member.connection for member in live.workspace.channels["room"].members.values()] == [other]
        live.disconnect(other)
