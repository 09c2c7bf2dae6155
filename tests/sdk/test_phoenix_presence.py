"""Who is there, as the ``Presence`` class of phoenix.js tells it."""

import time
from typing import Any

import pytest

from tests.sdk.channel_users import KINDS, OK
from tests.sdk.conftest import MakePhoenix
from tests.servers import Server, rule

ROOM = "room:1"


@pytest.fixture(autouse=True)
def rules(plain_server: Server) -> None:
    plain_server.publish(rule(ROOM, "A P M"), rule("unseen", "A M"))


@pytest.mark.parametrize("kind", KINDS)
def test_coming_and_going(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    before = time.time() * 1000
    ann = phoenix(plain_server.token("ann", extras={"name": "Ann"}, dbo_id=3, row_id=8), kind)
    ann.join(ROOM)
    (me,) = ann.sees(ROOM, 1)
    assert ann.on(ROOM, "came") == me
    (meta,) = ann.sees(ROOM, 1)[me]
    assert before - 60_000 < meta.pop("connection_time") < time.time() * 1000 + 60_000
    assert meta.pop("phx_ref")
    assert meta == {
        "user_id": "ann",
        "socketId": me,
        "extras": {"name": "Ann"},
        "permissions": {"dbo_id": 3, "row_id": 8},
    }

    tabs = [phoenix(plain_server.token("bob"), kind), phoenix(plain_server.token("bob"))]
    for number, tab in enumerate(tabs):
        tab.join(ROOM)
        assert tab.sees(ROOM, 2 + number).keys() == ann.sees(ROOM, 2 + number).keys()
    users = {key: metas[0]["user_id"] for key, metas in ann.sees(ROOM, 3).items()}
    assert sorted(users.values()) == ["ann", "bob", "bob"]  # two tabs of one user are two keys
    came = [ann.wait("somebody", lambda told: "came" in told) for _ in tabs]
    assert [(told["before"], told["metas"][0]["user_id"]) for told in came] == [([], "bob"), ([], "bob")]

    assert tabs[0].ask("leave", ROOM)["status"] == "ok"
    assert gone(ann) == came[0]["came"]
    tabs[1].process.kill()
    assert gone(ann) == came[1]["came"]
    assert list(ann.sees(ROOM, 1)) == [me]


def gone(ann: Any) -> str:
    """Return the key of the next one that goes, of whom nothing is left."""
    told = ann.wait("somebody's going", lambda told: "went" in told)
    assert told["left"] == []
    key: str = told["went"]
    return key


@pytest.mark.parametrize("kind", ["1.8", "1.7 in objects"])
def test_presence_is_not_for_all(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann, bob = phoenix(plain_server.token("ann"), kind), phoenix(plain_server.token("bob"), kind)
    ann.join(ROOM)
    bob.join(ROOM, {"presence": False})
    ann.sees(ROOM, 2)  # it is seen and does not look
    for each in (ann, bob):
        each.join("unseen")
        assert each.push("unseen", "message", {"by": 1}) == OK
    assert bob.hears("unseen", "message") == {"by": 1}
    assert not any("listed" in told for told in bob.seen)
    assert not any(told.get("on") == "unseen" and "came" in told for told in ann.seen)


@pytest.mark.parametrize("kind", ["1.8", "1.7"])
def test_a_rule_change_ends_what_is_seen(plain_server: Server, phoenix: MakePhoenix, kind: str) -> None:
    ann, guest = phoenix(plain_server.token("ann"), kind), phoenix(kind=kind)
    for each in (ann, guest):
        each.join(ROOM)
    for each in (ann, guest):
        each.sees(ROOM, 2)
    plain_server.publish(rule(ROOM, "P M Ma"))
    assert guest.on(ROOM, "closed")["code"] == "anonymous_not_allowed"
    ann.sees(ROOM, 1)
