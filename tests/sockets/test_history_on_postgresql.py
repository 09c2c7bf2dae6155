"""Where storing takes time (PostgreSQL): a joiner gets every message once, and nobody what the rules took away."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests import postgres
from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, connecting

JOINERS = 25


class Running(NamedTuple):
    server: Server
    folder: str


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    binaries = postgres.binaries()
    if binaries is None:
        if os.environ.get("CI") == "true":
            pytest.fail(postgres.MISSING)
        pytest.skip(postgres.MISSING)
    with (
        postgres.server(binaries) as url,
        serving(database_url=url, limit_messages_per_minute=0) as server,
    ):
        yield Running(server, url.partition("host=")[2])


class Writer(threading.Thread):
    """A client that writes numbers as fast as they come back."""

    def __init__(self, client: Client, channel: str) -> None:
        super().__init__()
        self.client, self.channel = client, channel
        self.going = True

    def run(self) -> None:
        number = 0
        while self.going:
            self.client.say(self.channel, number)
            self.client.take("message")
            number += 1


def test_a_joiner_gets_every_message_once_history_first(running: Running) -> None:
    server = running.server
    server.publish(rule("log/*", "A M", history=1000))
    with connecting(server) as connect:
        client = connect()
        client.join("log/1")
        writer = Writer(client, "log/1")
        writer.start()
        try:
            for _ in range(JOINERS):
                joiner = connect()
                joiner.send("join", "log/1", {"history": True})
                assert joiner.next()["action"] == "join"
                numbers = [entry["payload"] for entry in joiner.next()["payload"]["history"]]
                numbers += [joiner.take("message")["payload"] for _ in range(10)]
                assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
                joiner.end()
        finally:
            writer.going = False
            writer.join()


def test_an_answer_from_the_history_does_not_outlive_the_right_to_it(running: Running) -> None:
    """The store was slow, the rules took the reader out meanwhile, and it got the history all the same."""
    server = running.server
    server.publish(rule("h", "A M", history=100))
    with connecting(server) as connect:
        reader = connect()
        reader.join("h")
        reader.say("h", "secret")
        reader.take("message")
        with _locked(running.folder):
            reader.send("history", "h")
            _until_waiting(running.folder)
            assert server.publish(rule("h", "M Ma", history=100))["report"]["removed"] == 1
        assert [frame["action"] for frame in reader.sync()] == ["error"]


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold a lock on the table of messages, as a database does that is slow."""
    session = subprocess.Popen(
        _psql(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert session.stdin is not None
    assert session.stdout is not None
    session.stdin.write("BEGIN; LOCK TABLE stored_message IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
    session.stdin.flush()
    while "locked" not in session.stdout.readline():
        pass
    try:
        yield
    finally:
        session.communicate("COMMIT;\n")


def _until_waiting(folder: str) -> None:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    while not int(subprocess.run([*_psql(folder), "-c", query], capture_output=True, text=True).stdout or 0):
        pass


def _psql(folder: str) -> list[str]:
    return ["psql", "-h", folder, "-U", "tidegate", "-d", "postgres", "-At"]
