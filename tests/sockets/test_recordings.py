"""Recordings of real traffic: the same as live, through kills, full disks and shutdowns; no payload where none is
captured."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Client, connecting, settle

RULES = (rule("chat/*", "A M P V", history=25), rule("news", "A"), rule("team/*", "M Ma X"))


@pytest.fixture
def own_server() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0, inspector_messages=100) as server:
        server.publish(*RULES)
        yield server


def found(server: Server, number: int) -> dict[str, Any]:
    return next(one for one in server.call("recordings") if one["id"] == number)


def raw(server: Server, number: int) -> bytes:
    return (server.instance / "recordings" / f"{number}.jsonl").read_bytes()


def entries(server: Server, number: int) -> list[dict[str, Any]]:
    return [item for item in map(json.loads, raw(server, number).splitlines()) if "line" in item]


def talk(server: Server, one: Client, two: Client) -> None:
    """Something of every kind, with words that are nowhere but in payloads."""
    for client in (one, two):
        client.join("chat/a", presence=True)
        client.sync()
    one.say("chat/a", {"text": "marker-public", "password": "marker-hidden"})
    one.whisper("chat/a", "nobody", {"text": "marker-refused"})
    one.say("news", {"text": "marker-denied"})
    two.say("team/x", "marker-denied")
    one.text('{"action": "nonsense", "payload": "marker-frame"}')
    one.text("marker-no-json")
    server.call("event", channel="chat/a", data={"text": "marker-event"})
    settle(one, two)
    two.send("leave", "chat/a")
    two.sync()
    two.leave()


def test_it_holds_the_same_lines_and_routes_as_live(server: Server) -> None:
    server.publish(*RULES)
    server.call("capture", seconds=600)
    with connecting(server) as connect:
        number = server.call("record")
        one, two = connect(), connect(server.token("ada", extras={"name": "Ada"}))
        talk(server, one, two)
        until(lambda: server.call("inspected") and "close" in {e["line"]["action"] for e in entries(server, number)})
        server.call("stop_recording", number=number)
        live = server.call("inspected")
    server.call("capture", seconds=-1)
    recorded = entries(server, number)
    assert {e["line"]["action"] for e in recorded} == {"connect", "join", "message", "event", "leave", "close"} | {
        "connection"
    }
    assert [e["line"] for e in recorded] == [live[e["line"]["id"]]["line"] for e in recorded]
    assert [e["route"] for e in recorded] == [live[e["line"]["id"]]["route"] for e in recorded]
    data = raw(server, number)
    for word in (b"marker-public", b"marker-refused", b"marker-denied", b"marker-event", b"marker-frame"):
        assert word in data
    assert b"marker-hidden" not in data
    state = found(server, number)
    assert (state["ended_by"], state["lines"], state["missed"]) == ("stopped", len(recorded), 0)
    assert state["size"] == len(data)


def test_where_payloads_are_not_captured_no_byte_of_one_is_in_the_file(server: Server) -> None:
    server.publish(*RULES)
    with connecting(server) as connect:
        number = server.call("record")
        talk(server, connect(), connect(server.token("ada")))
        until(lambda: "close" in {e["line"]["action"] for e in entries(server, number)})
        server.call("stop_recording", number=number)
    assert len(entries(server, number)) > 10
    assert b"marker" not in raw(server, number)


def test_what_passed_too_fast_is_counted_exactly(own_server: Server) -> None:
    """The tap of this server keeps 100 messages, and far more come at once than are read in time."""
    with connecting(own_server) as connect:
        client = connect()
        client.join("chat/a")
        client.sync()
        number = own_server.call("record")
        for _ in range(30):
            for n in range(100):
                client.say("chat/a", n)
        settle(client)
        own_server.call("stop_recording", number=number)
    state = found(own_server, number)
    assert state["lines"] + state["missed"] == 3_000
    assert state["lines"] == len(entries(own_server, number))
    end = json.loads(raw(own_server, number).splitlines()[-1])["ended"]
    assert (end["lines"], end["missed"]) == (state["lines"], state["missed"])


def test_it_ends_by_itself_at_its_size(own_server: Server) -> None:
    own_server.call("capture", seconds=600)
    number = own_server.call("record", mebibytes=1)
    with connecting(own_server) as connect:
        client = connect()
        client.join("chat/a")
        client.sync()
        for _ in range(40):
            client.say("chat/a", "x" * 20_000)
        settle(client)
        until(lambda: not found(own_server, number)["is_running"])
    state = found(own_server, number)
    assert state["ended_by"] == "size"
    assert 900_000 < state["size"] == len(raw(own_server, number)) <= 1024 * 1024


def test_after_a_kill_it_is_good_up_to_its_last_whole_line_and_marked(own_server: Server) -> None:
    number = own_server.call("record")
    with connecting(own_server) as connect:
        client = connect()
        client.join("chat/a")
        client.sync()
        for n in range(50):
            client.say("chat/a", n)
        settle(client)
        until(lambda: len(raw(own_server, number).splitlines()) > 20)
        own_server.kill()
    with (own_server.instance / "recordings" / f"{number}.jsonl").open("ab") as file:
        file.write(b'{"line":{"id":"17')  # what a kill in the middle of a write leaves behind
    own_server.start()
    until(lambda: b'"by":"restart"' in raw(own_server, number))
    recorded = entries(own_server, number)
    assert [e["line"]["action"] for e in recorded[:2]] == ["connect", "join"]
    until(lambda: found(own_server, number)["lines"] == len(recorded))
    state = found(own_server, number)
    assert (state["ended_by"], state["is_running"], state["size"]) == (
        "restart",
        False,
        len(raw(own_server, number)),
    )


def test_a_shutdown_ends_it_with_all_that_passed(own_server: Server) -> None:
    number = own_server.call("record")
    with connecting(own_server) as connect:
        client = connect()
        client.join("chat/a")
        client.sync()
        for n in range(50):
            client.say("chat/a", n)
        client.sync()
        own_server.stop()
    actions = [e["line"]["action"] for e in entries(own_server, number)]
    assert actions == ["connect", "join", *["message"] * 50, "leave", "close"]
    assert json.loads(raw(own_server, number).splitlines()[-1])["ended"]["by"] == "shutdown"
    own_server.start()
    assert found(own_server, number)["ended_by"] == "shutdown"
    assert found(own_server, number)["lines"] == 54


def test_a_full_disk_ends_the_recording_and_nothing_else(own_server: Server) -> None:
    own_server.call("capture", seconds=600)
    number = own_server.call("record")
    with connecting(own_server) as connect:
        client, other = connect(), connect()
        for each in (client, other):
            each.join("chat/b")
            each.sync()
        own_server.call("limit_files", size=8 * 1024 * 1024)
        for _ in range(12):
            for _ in range(10):
                client.say("chat/b", "x" * 30_000)
            settle(client, other)
        until(lambda: not found(own_server, number)["is_running"])
        client.say("chat/b", "still here")
        assert other.take("message")["payload"] == "still here"
    state = found(own_server, number)
    data = raw(own_server, number)
    assert state["ended_by"] == "disk"
    assert 4_000_000 < len(data) <= 8 * 1024 * 1024
    assert state["lines"] == len(entries(own_server, number)) > 10
    assert data.endswith(b"\n")
    stops = [entry["after"] for entry in own_server.call("audited") if entry["action"] == "recording:stop"]
    assert [stop["problem"] for stop in stops] == ["File too large"]
    assert "Traceback" not in own_server.log
