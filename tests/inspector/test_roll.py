"""The connected clients, searched and in pages."""

from dataclasses import replace
from typing import cast

from tests.sockets.live import Live
from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target
from webapp.inspector import roll
from webapp.realtime.connection import Connection

RULES = RuleSet((Rule(Target("room"), frozenset({Permission.CLIENT_PUBLIC_MESSAGING})),))


def crowd(number: int) -> Live:
    live = Live()
    live.publish(RULES)
    for n in range(number):
        live.send(live.connect(f"user-{n}"), "join", "room", {})
    return live


def test_pages_are_exact_and_the_newest_come_first() -> None:
    live = crowd(120)
    page = roll.clients(live.workspace)
    assert (page.total, page.pages, len(page.rows)) == (120, 3, 50)
    assert page.rows[0].actor.user_id == "user-119"
    last = roll.clients(live.workspace, number=3)
    assert [c.actor.user_id for c in last.rows] == [f"user-{n}" for n in reversed(range(20))]
    assert roll.clients(live.workspace, number=99).number == 3
    assert roll.clients(live.workspace, number=0).number == 1
    members = roll.members(live.workspace.channels["room"], 3)
    assert [m.connection.actor.user_id for m in members.rows] == [f"user-{n}" for n in reversed(range(20))]


def test_nobody() -> None:
    page = roll.clients(Live().workspace)
    assert (page.rows, page.total, page.pages, page.number) == ([], 0, 1, 1)


def test_searching() -> None:
    live = crowd(3)
    one, two, _ = live.workspace.connections.values()
    one = cast(Connection, one)
    one.address = "203.0.113.7"
    one.actor = replace(one.actor, extras={"name": "Ärger"})
    for wanted, found in (
        ("USER-1", {two}),
        (" user-1 ", {two}),
        (two.id.upper(), {two}),
        ("113.7", {one}),
        ("ärger", {one}),
        ("user", set(live.workspace.connections.values())),
        ("nobody", set()),
    ):
        assert set(roll.clients(live.workspace, wanted).rows) == found, wanted
