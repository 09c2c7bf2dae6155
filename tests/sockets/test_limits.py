"""Limits of a client and of the server: each is a setting, each refusal says so, and none ends what it need not."""

from typing import Any

import pytest

from tests.servers import rule, serving, until
from tests.sockets.clients import Client, connecting, settle

FULL = "There are as many connections as the server allows. Try again later."


def turned_away(client: Client) -> None:
    error = client.error()
    assert (error["channel"], error["code"], error["message"]) == (None, "too_many_connections", FULL)
    assert client.closed() == 1013
    assert client.frames == []


def admitted(client: Client) -> Client:
    assert client.join("a")["action"] == "join"
    return client


def test_messages_per_minute() -> None:
    with serving(limit_messages_per_minute=30) as server, connecting(server) as connect:
        server.publish(rule("a", "A M"))
        flooding, other = admitted(connect()), admitted(connect())
        for number in range(50):
            flooding.say("a", number)
        own, heard = settle(flooding, other)
        assert [f["payload"] for f in heard] == list(range(29))  # the join counted too
        assert [f["payload"] for f in own if f["action"] == "message"] == list(range(29))
        errors = [f for f in own if f["action"] == "error"]
        assert len(errors) == 21
        assert {error["payload"]["code"] for error in errors} == {"rate_limited"}
        other.say("a", "others may")
        assert settle(other, flooding)[1][0]["payload"] == "others may"
        again = admitted(connect())
        again.say("a", "a new connection counts from the start")
        assert again.take("message")


def test_channels_per_client() -> None:
    with serving(limit_channels_per_client=3) as server, connecting(server) as connect:
        server.publish(rule("c/*", "A M"))
        client = connect()
        for number in range(3):
            assert client.join(f"c/{number}")["action"] == "join"
        refusal = client.join("c/3")
        assert (refusal["options"]["channel"], refusal["payload"]["code"]) == ("c/3", "too_many_channels")
        assert client.join("c/1")["action"] == "join"  # joining again is none more
        client.send("leave", "c/0")
        client.take("leave")
        assert client.join("c/3")["action"] == "join"
        client.say("c/3", "works")
        assert client.take("message")


def test_clients_in_total() -> None:
    with serving(limit_clients=3) as server, connecting(server) as connect:
        server.publish(rule("a", "A M"))
        members = [admitted(connect()) for _ in range(3)]
        turned_away(connect())
        turned_away(connect())
        members[0].leave()
        until(lambda: server.call("overview")["clients"] == 2)
        admitted(connect())
        turned_away(connect())


def test_clients_per_address() -> None:
    with serving(limit_clients_per_address=2) as server, connecting(server) as connect:
        server.publish(rule("a", "A M"))
        first, _ = admitted(connect()), admitted(connect())
        turned_away(connect())
        admitted(connect(address="127.0.0.2"))
        first.end()
        until(lambda: server.call("overview")["clients"] == 2)
        admitted(connect())


def test_clients_per_user() -> None:
    with serving(limit_clients_per_user=2) as server, connecting(server) as connect:
        server.publish(rule("a", "A M"))
        first, _ = admitted(connect(server.token("ann"))), admitted(connect(server.token("ann")))
        turned_away(connect(server.token("ann")))
        admitted(connect(server.token("bob")))
        for _ in range(3):
            admitted(connect())  # anonymous clients are nobody's
        first.leave()
        until(lambda: len([c for c in server.call("clients") if c["user_id"] == "ann"]) == 1)
        admitted(connect(server.token("ann")))


@pytest.mark.parametrize(
    ("name", "value"), [("limit_outbox_bytes", 0), ("limit_message_bytes", "many"), ("limit_client", 3)]
)
def test_a_setting_that_can_not_be_keeps_the_server_from_starting(name: str, value: Any) -> None:
    with pytest.raises(RuntimeError, match=name.upper()), serving(**{name: value}):
        pass
