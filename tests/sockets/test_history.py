"""History: what a channel keeps, how much, and who may read what of it."""

import time

import pytest

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Connect, connecting, frame, message, settle


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(
        rule("log/*", "A P M X V", history=25),
        rule("events/*", "A M", history=25, history_events=True),
        rule("nothing", "A M V P"),
        rule("signed/*", "M Ma X", history=25),
    )


def ask(client: Client, channel: str, **options: str) -> list[object]:
    """Ask for history and return the payloads in it."""
    client.send("history", channel, **options)
    return [f["payload"] for f in client.take("history")["payload"]["history"]]


def enter(client: Client, channel: str) -> str:
    client.join(channel, presence=True)
    own: str = client.take("presence_full")["payload"]["presence"][-1]["socketId"]
    return own


def test_messages_are_stored_with_id_and_time_and_then_delivered(server: Server, connect: Connect) -> None:
    began = time.time() * 1000
    ann, bob = connect(server.token("ann", extras={"name": "Ann"})), connect()
    ann.join("log/a")
    bob.join("log/a")
    for number in range(3):
        ann.say("log/a", {"n": number})
    live = settle(ann, bob)
    assert live[0] == live[1]
    assert [each["payload"]["n"] for each in live[0]] == [0, 1, 2]
    ids = [each["id"] for each in live[0]]
    assert all(isinstance(each, str) and len(each) == 17 and each.isdigit() for each in ids)
    assert ids == sorted(set(ids))
    for each in live[0]:
        assert began - 1 <= each["at"] <= time.time() * 1000 + 1
        assert each["at"] == int(each["id"]) // 10_000
    bob.send("history", "log/a")
    assert bob.take("history")["payload"]["history"] == live[0]
    late = connect()
    late.join("log/a", history=True)
    assert late.take("history")["payload"]["history"] == live[0]


def test_a_channel_without_history_keeps_nothing(connect: Connect) -> None:
    client = connect()
    client.join("nothing")
    client.say("nothing", 1)
    received = client.take("message")
    assert "id" not in received
    assert "at" not in received
    assert ask(client, "nothing") == []


def test_the_depth_bounds_it_and_the_newest_stay(connect: Connect) -> None:
    client = connect()
    client.join("log/deep")
    for number in range(90):
        client.say("log/deep", number)
    client.sync()
    assert ask(client, "log/deep") == list(range(65, 90))


def test_a_deeper_rule_finds_no_more_than_was_kept_and_a_shallower_shows_less(server: Server, connect: Connect) -> None:
    client = connect()
    server.publish(rule("log/*", "A M", history=100))
    client.join("log/change")
    for number in range(60):
        client.say("log/change", number)
    client.sync()
    assert ask(client, "log/change") == list(range(60))
    server.publish(rule("log/*", "A M", history=25))
    assert ask(client, "log/change") == list(range(35, 60))
    server.publish(rule("log/*", "A M"))
    assert ask(client, "log/change") == []


def test_authenticated_messages_are_hidden_from_anonymous_clients(server: Server, connect: Connect) -> None:
    ann, guest = connect(server.token("ann")), connect()
    ann.join("log/mixed")
    guest.join("log/mixed")
    ann.say("log/mixed", "all")
    ann.say("log/mixed", "us", authenticated=True)
    settle(ann, guest)
    assert ask(ann, "log/mixed") == ["all", "us"]
    assert ask(guest, "log/mixed") == ["all"]
    ann.send("history", "log/mixed")
    marks = [each["options"].get("authenticated") for each in ann.take("history")["payload"]["history"]]
    assert marks == [None, True]


def test_what_the_rules_no_longer_let_one_receive_is_not_in_it(server: Server, connect: Connect) -> None:
    ann = connect(server.token("ann"))
    ann.join("signed/x")
    ann.say("signed/x", "public")
    ann.say("signed/x", "authenticated", authenticated=True)
    ann.sync()
    assert ask(ann, "signed/x") == ["public", "authenticated"]
    server.publish(rule("signed/*", "X", history=25))
    assert ask(ann, "signed/x") == ["authenticated"]
    server.publish(rule("signed/*", "M", history=25))
    assert ask(ann, "signed/x") == ["public"]


def test_events_are_kept_if_the_rule_says_so(server: Server, connect: Connect) -> None:
    client = connect()
    for channel in ("events/a", "log/events"):
        client.join(channel)
    for channel in ("events/a", "log/events"):
        server.call("event", channel=channel, data={"n": 1}, event="news", table=[4, 5])
    kept, passing = client.sync()
    assert kept["action"] == passing["action"] == "event"
    assert kept["payload"] == passing["payload"] == {"data": {"n": 1}}
    assert kept["client"] == {"socketId": "", "extras": {}, "permissions": {"dbo_id": 4, "row_id": 5}}
    assert "id" in kept
    assert "id" not in passing
    client.send("history", "events/a")
    assert client.take("history")["payload"]["history"] == [kept]
    assert ask(client, "log/events") == []


def test_a_deleted_message_is_gone_and_members_are_told(server: Server, connect: Connect) -> None:
    client = connect()
    client.join("log/delete")
    client.say("log/delete", "oops")
    client.say("log/delete", "fine")
    oops = client.take("message")["id"]
    client.take("message")
    assert server.call("delete_message", channel="log/delete", message_id=int(oops)) is True
    assert client.take("event")["payload"] == {"data": {"type": "message_deleted", "id": oops}}
    assert ask(client, "log/delete") == ["fine"]
    assert server.call("delete_message", channel="log/delete", message_id=int(oops)) is False
    assert client.sync() == []


def test_private_messages_are_not_in_the_channels_history(connect: Connect) -> None:
    ann, bob, eve = connect(), connect(), connect()
    ann_id, bob_id, _ = enter(ann, "log/p"), enter(bob, "log/p"), enter(eve, "log/p")
    settle(ann, bob, eve)
    ann.whisper("log/p", bob_id, "secret")
    settle(ann, bob)
    bob.whisper("log/p", ann_id, "answer")
    settle(ann, bob)
    for client in (ann, bob, eve):
        client.frames.clear()
        assert ask(client, "log/p") == []
    assert ask(ann, "log/p", socketId=bob_id) == ["secret", "answer"]
    assert ask(bob, "log/p", socketId=ann_id) == ["secret", "answer"]
    for peer in (ann_id, bob_id):
        assert ask(eve, "log/p", socketId=peer) == []


def test_a_private_thread_names_the_other_end_in_each_message(connect: Connect) -> None:
    ann, bob = connect(), connect()
    ann_id, bob_id = enter(ann, "log/q"), enter(bob, "log/q")
    settle(ann, bob)
    ann.whisper("log/q", bob_id, 1)
    settle(ann, bob)
    bob.whisper("log/q", ann_id, 2)
    live = settle(bob, ann)
    ann.send("history", "log/q", socketId=bob_id)
    thread = ann.take("history")["payload"]["history"]
    assert [f["options"]["socketId"] for f in thread] == [bob_id, bob_id]
    assert thread[1] == live[1][0]


def test_private_threads_of_users_outlive_their_connections(server: Server, connect: Connect) -> None:
    ann, bob = connect(server.token("ann")), connect(server.token("bob"))
    _, bob_id = enter(ann, "log/r"), enter(bob, "log/r")
    settle(ann, bob)
    ann.whisper("log/r", bob_id, "before")
    settle(ann, bob)
    ann.leave()
    bob.leave()
    bob = connect(server.token("bob"))
    bob_id = enter(bob, "log/r")
    ann = connect(server.token("ann", extras={"other": "token"}))
    ann_id = enter(ann, "log/r")
    assert bob.take("presence_update")
    assert ask(ann, "log/r", socketId=bob_id) == ["before"]
    assert ask(bob, "log/r", socketId=ann_id) == ["before"]
    eve, guest = connect(server.token("eve")), connect()
    for other in (eve, guest):
        enter(other, "log/r")
        for peer in (ann_id, bob_id):
            assert ask(other, "log/r", socketId=peer) == []
    assert [f["options"].get("socketId") for f in _thread(ann, bob_id)] != [None]


def _thread(client: Client, peer: str) -> list[dict[str, dict[str, str]]]:
    client.frames.clear()
    client.sync()
    client.send("history", "log/r", socketId=peer)
    thread: list[dict[str, dict[str, str]]] = client.take("history")["payload"]["history"]
    return thread


@pytest.mark.parametrize("channel", ["log/leave", "nothing"])
def test_what_is_said_before_leaving_still_comes_back(connect: Connect, channel: str) -> None:
    """Stored messages are delivered at the end of the turn: a leave right behind one took its sender out before it
    came back, and the others saw it go before it had spoken. The SDK does this: `message()`, then `destroy()`."""
    ann, bob = connect(), connect()
    enter(bob, channel)
    enter(ann, channel)
    settle(ann, bob)
    leave = b'{"action":"leave","options":{"channel":"%b"},"payload":null}' % channel.encode()
    ann.raw(frame(1, message(channel, "goodbye")) + frame(1, leave))
    own, others = settle(ann, bob)
    assert [f["action"] for f in own] == ["message", "leave"]
    assert [f["action"] for f in others] == ["message", "presence_update"]


def test_a_restart_keeps_it() -> None:
    with serving() as server:
        server.publish(rule("log", "A M", history=50), rule("pairs", "A P V", history=50))
        with connecting(server) as connect:
            ann, bob = connect(server.token("ann")), connect(server.token("bob"))
            ann.join("log")
            for number in range(10):
                ann.say("log", number)
            before = ann.sync()
            _, bob_id = enter(ann, "pairs"), enter(bob, "pairs")
            settle(ann, bob)
            ann.whisper("pairs", bob_id, "kept")
            settle(ann, bob)
        server.restart()
        with connecting(server) as connect:
            ann, bob = connect(server.token("ann")), connect(server.token("bob"))
            ann.join("log", history=True)
            assert ann.take("history")["payload"]["history"] == before
            ann.say("log", "after")
            assert int(ann.take("message")["id"]) > int(before[-1]["id"])
            _, bob_id = enter(ann, "pairs"), enter(bob, "pairs")
            assert ann.take("presence_update")
            assert ask(ann, "pairs", socketId=bob_id) == ["kept"]
