"""Alerts of a real server: a number that is above its threshold and no longer is, a database that goes and comes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests import postgres
from tests.receiver import Receiver
from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Connect, connecting

from .conftest import QUICKLY


def test_a_threshold_is_passed_and_no_longer(server: Server, receiver: Receiver, connect: Connect) -> None:
    server.call("webhook", url=receiver.url, events=["alert"], alerts={"connections": 1, "denials": 2})
    clients = [connect(), connect()]
    server.call("look_at_alerts")
    until(lambda: len(receiver.requests) == 1)
    raised = receiver.bodies[0]
    assert (raised["type"], raised["data"]["kind"], raised["data"]["state"]) == ("alert", "connections", "raised")
    assert (raised["data"]["value"], raised["data"]["threshold"], raised["data"]["workspace"]) == (2, 1, "default")
    server.publish()
    for _ in range(3):
        clients[0].send("join", "a")
        clients[0].error()
    server.call("look_at_alerts")
    until(lambda: len(receiver.requests) == 2)
    assert receiver.bodies[1]["data"]["kind"] == "denials"
    clients[1].leave()
    until(lambda: len(server.call("clients")) == 1)
    server.call("look_at_alerts")
    until(lambda: len(receiver.requests) == 3)
    assert receiver.bodies[2]["data"]["state"] == "resolved"
    server.call("look_at_alerts")
    assert len(receiver.requests) == 3


@contextmanager
def stopped(folder: str) -> Iterator[None]:
    """Stop PostgreSQL for as long as the block lasts."""
    binaries = postgres.binaries()
    assert binaries is not None

    def run(*what: str) -> None:
        command = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(
            [*command, str(binaries / "pg_ctl"), "-D", f"{folder}/data", "-w", *what],
            check=True,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )

    run("-m", "immediate", "stop")
    try:
        yield
    finally:
        options = f"-c listen_addresses='' -k {folder} -c fsync=off -c full_page_writes=off"
        run("-l", f"{folder}/log", "-o", options, "start")


def test_a_database_that_goes_and_comes(receiver: Receiver) -> None:
    """It is told without the database, and when that is back everything goes on by itself."""
    binaries = postgres.binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(postgres.MISSING)
        pytest.skip(postgres.MISSING)
    with postgres.server(binaries) as url, serving(database_url=url, **QUICKLY) as server:
        server.publish(rule("*", "A M"))
        server.call("webhook", url=receiver.url, events=["alert", "message"], alerts={"database": True})
        server.call("look_at_alerts")
        with connecting(server) as connect:
            client = connect()
            client.join("a")
            with stopped(url.partition("host=")[2]):
                server.call("look_at_alerts")
                until(lambda: len(receiver.requests) == 1)
                assert receiver.bodies[0]["data"]["text"] == "The database can't be reached."
                client.say("a", "nobody could be told of this")
                assert client.error()["code"] == "storage_unavailable"
            client.say("a", "after")
            assert client.take("message")["payload"] == "after"
            server.call("look_at_alerts")
            until(lambda: len(receiver.requests) == 3)
            assert {body["data"].get("state") for body in receiver.bodies} == {"raised", "resolved", None}
