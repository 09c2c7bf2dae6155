"""A message that is stored goes to whoever is in the channel once it is, and the route names those.

Who joined in the same turn got it and was not named; who left in it was named as having got it.
"""

import json
from typing import Any, cast

import pytest

from tests.servers import rule
from tests.sockets.live import Live, MemoryConnection
from webapp.core.documents import parse_document
from webapp.inspector.lines import Scribe
from webapp.inspector.records import MessageRecord
from webapp.inspector.traces import Tracer
from webapp.protocols import FACES
from webapp.realtime.connection import Connection


def receive(live: Live, connection: MemoryConnection, action: str, **options: Any) -> None:
    """Have a frame read, and the turn go on."""
    frame = {"action": action, "options": {"channel": "a", **options}, "payload": None}
    live.realtime.engine.receive(cast(Connection, connection), json.dumps(frame).encode())


def route(live: Live, record: MessageRecord) -> Any:
    scribe = Scribe(live.workspace, sees_payloads=True)
    return Tracer(scribe, live.realtime.tap, FACES).route(record, live.workspace.rules)


@pytest.fixture
def live() -> Live:
    live = Live()
    live.publish(parse_document({"channels": [rule("a", "A M V", history=25)]}).rules)
    return live


def test_of_one_to_everybody(live: Live) -> None:
    ann, bob, eve = live.connect("ann"), live.connect("bob"), live.connect(None)
    for member in (ann, bob):
        live.send(member, "join", "a")
        member.take()
    receive(live, ann, "message")
    receive(live, eve, "join")
    live.disconnect(bob)
    recipients = route(live, live.realtime.tap.kept.records[-1]).recipients
    got = [client.id for client in (ann, bob, eve) if "message" in [frame["action"] for frame in client.take()]]
    assert [one.socket for one in recipients.named] == got == [ann.id, eve.id]
    assert recipients.delivered == 2
    assert [(group.who, group.count) for group in recipients.groups] == [
        ("authenticated client", 1),
        ("anonymous client", 1),
    ]


def test_of_a_private_one(live: Live) -> None:
    ann, bob = live.connect("ann"), live.connect("bob")
    for member in (ann, bob):
        live.send(member, "join", "a")
    receive(live, ann, "message", socketId=bob.id)
    live.disconnect(bob)
    recipients = route(live, live.realtime.tap.kept.records[-1]).recipients
    assert (recipients.delivered, recipients.named) == (0, [])
