"""Presence: who is listed, who is told, and that nobody is told of itself."""

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Client, Connect, Json, settle


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("room/*", "A P M"), rule("dark", "A M"))


def updates(frames: list[Json]) -> list[tuple[str, str]]:
    assert all(frame["action"] == "presence_update" for frame in frames), frames
    return [(f["payload"]["action"], f["payload"]["presence"]["socketId"]) for f in frames]


def enter(client: Client, channel: str) -> str:
    client.join(channel, presence=True)
    own: str = client.take("presence_full")["payload"]["presence"][-1]["socketId"]
    return own


def test_others_are_told_of_coming_and_going(server: Server, connect: Connect) -> None:
    ann = connect(server.token("ann", extras={"name": "Ann"}, dbo_id=3, row_id=9))
    bob = connect()
    enter(bob, "room/a")
    ann.join("room/a", presence=True)
    listed = ann.take("presence_full")["payload"]["presence"]
    assert len(listed) == 2
    assert listed[1] == {
        "socketId": listed[1]["socketId"],
        "extras": {"name": "Ann"},
        "permissions": {"dbo_id": 3, "row_id": 9},
    }
    (update,) = bob.sync()
    assert update == {
        "action": "presence_update",
        "options": {"channel": "room/a"},
        "payload": {"action": "join", "presence": listed[1]},
    }
    assert ann.sync() == []
    ann.send("leave", "room/a")
    own, others = settle(ann, bob)
    assert [frame["action"] for frame in own] == ["leave"]
    assert updates(others) == [("leave", listed[1]["socketId"])]


@pytest.mark.parametrize("how", ["close", "drop", "leave"])
def test_a_client_that_goes_is_gone(connect: Connect, how: str) -> None:
    ann, bob = connect(), connect()
    enter(ann, "room/b")
    bob_id = enter(bob, "room/b")
    ann.sync()
    if how == "close":
        bob.leave()
    elif how == "drop":
        bob.end()
    else:
        bob.send("leave", "room/b")
    assert updates([ann.next()]) == [("leave", bob_id)]
    enter(connect(), "room/b")
    assert len(updates(ann.sync())) == 1


def test_only_those_who_asked_are_told(connect: Connect) -> None:
    quiet, asking, late = connect(), connect(), connect()
    quiet.join("room/c")
    asking.join("room/c", presence=True)
    assert len(asking.take("presence_full")["payload"]["presence"]) == 2  # the quiet one is listed all the same
    late_id = enter(late, "room/c")
    assert settle(late, quiet)[1] == []
    assert updates(asking.sync()) == [("join", late_id)]
    quiet.join("room/c", presence=True)  # asking when joining again
    assert len(quiet.take("presence_full")["payload"]["presence"]) == 3
    late.send("leave", "room/c")
    assert updates(settle(late, quiet)[1]) == [("leave", late_id)]


def test_a_rule_without_presence_shows_nobody(connect: Connect) -> None:
    ann, bob = connect(), connect()
    ann.join("dark", presence=True)
    bob.join("dark", presence=True)
    assert settle(ann, bob) == [[], []]
    bob.leave()
    assert ann.sync() == []


def test_channels_do_not_mix(connect: Connect) -> None:
    ann, bob = connect(), connect()
    enter(ann, "room/d")
    enter(bob, "room/e")
    bob.leave()
    assert ann.sync() == []


def test_putting_in_and_taking_out_by_the_server(server: Server, connect: Connect) -> None:
    ann, watcher = connect(server.token("ann")), connect()
    enter(watcher, "room/f")
    ann.sync()
    assert server.call("put_in", channel="room/f", user="ann") == 1
    assert ann.take("join")["options"] == {"channel": "room/f"}
    assert server.call("put_in", channel="room/f", user="ann") == 0
    assert server.call("put_in", channel="no rule", user="ann") == 0
    assert ann.error()["code"] == "no_rule"
    assert [action for action, _ in updates(watcher.sync())] == ["join"]
    assert server.call("take_out", channel="room/f", user="ann") == 1
    assert ann.take("leave")["options"] == {"channel": "room/f"}
    assert [action for action, _ in updates(watcher.sync())] == ["leave"]
    assert ann.sync() == []
