"""Another process that writes for seconds holds up what has to be written, and nothing else."""

import sqlite3
import threading
import time

import pytest

from tests.servers import Server, rule, serving
from tests.sockets.clients import connecting


class locked:  # noqa: N801 (a context manager)
    """Hold SQLite's write lock for some seconds."""

    def __init__(self, server: Server, seconds: float) -> None:
        self._connection = sqlite3.connect(
            server.instance / "tidegate.db", isolation_level=None, check_same_thread=False
        )
        self._timer = threading.Timer(seconds, lambda: self._connection.execute("COMMIT"))

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        self._timer.join()
        self._connection.close()


@pytest.mark.alone
def test_a_lock_of_another_process_freezes_nobody() -> None:
    # SQLite waited five seconds for the lock, in the middle of the loop: nobody got anything meanwhile.
    with serving() as server, connecting(server) as connect:
        server.publish(rule("kept", "A M", history=50), rule("plain", "A M"))
        writer, other = connect(), connect()
        writer.join("kept")
        other.join("plain")
        with locked(server, 2):
            began = time.monotonic()
            writer.say("kept", "SECRET PAYLOAD")
            slowest = 0.0
            for number in range(10):
                asked = time.monotonic()
                other.say("plain", number)
                other.take("message")
                slowest = max(slowest, time.monotonic() - asked)
            assert time.monotonic() - began < 1.5
            assert slowest < 0.3
            assert writer.take("message")["payload"] == "SECRET PAYLOAD"
            assert time.monotonic() - began > 1.5
        assert "Traceback" not in server.log


@pytest.mark.alone
def test_what_an_administrator_does_waits_for_it() -> None:
    with serving() as server, connecting(server) as connect:
        server.publish(rule("plain", "A M"))
        client = connect()
        client.join("plain")
        done: list[float] = []
        with locked(server, 1.5):
            began = time.monotonic()

            def publish() -> None:
                server.publish(rule("plain", "A M"), rule("more"))
                done.append(time.monotonic() - began)

            publishing = threading.Thread(target=publish)
            publishing.start()
            client.say("plain", 1)
            client.take("message")
            assert time.monotonic() - began < 0.5
            publishing.join()
        assert done
        assert done[0] > 1


def test_no_payload_reaches_the_log() -> None:
    # The statement that failed was logged with its parameters: payloads, and the extras of tokens.
    with serving(log_level="debug") as server, connecting(server) as connect:
        server.publish(rule("kept", "A M", history=50))
        client = connect(server.token("ann", extras={"mail": "secret-extra@example.com"}))
        client.join("kept")
        with locked(server, 6.5):
            client.say("kept", "SECRET PAYLOAD")
            assert client.error(timeout=10)["code"] == "storage_unavailable"
        assert "SECRET PAYLOAD" not in server.log
        assert "secret-extra" not in server.log
        assert "could not be stored" in server.log
