"""SIGTERM: every client is told to come back (1012), and the process is gone in time."""

import time
from http.client import HTTPConnection

from tests.servers import rule, serving
from tests.sockets.clients import Client, connecting, pump

CLIENTS = 200


def test_everyone_is_told_to_come_back() -> None:
    with serving() as server, connecting(server) as connect:
        server.publish(rule("a/*", "A M P", history=25))
        clients: list[Client] = [connect() for _ in range(CLIENTS)]
        for number, client in enumerate(clients):
            client.join(f"a/{number % 10}", presence=number % 2 == 0)
            client.say(f"a/{number % 10}", number)
        process = server.process
        assert process is not None
        process.terminate()
        began = time.monotonic()
        pump(lambda: all(client.ended for client in clients), *clients)
        assert [client.close_code for client in clients] == [1012] * CLIENTS
        assert process.wait(10) == 0
        assert time.monotonic() - began < 10
        assert "Traceback" not in server.log


def test_clients_that_do_not_answer_do_not_hold_it_up() -> None:
    with serving(limit_messages_per_minute=0) as server, connecting(server) as connect:
        server.publish(rule("a", "A M"))
        deaf = [connect(receive_buffer=4096) for _ in range(10)]
        blocked, sender = connect(receive_buffer=4096), connect()
        for client in (*deaf, blocked, sender):
            client.join("a")
        queued = 0
        while not queued:  # until the outbox of some client has begun to fill
            sender.say("a", "x" * 60_000)
            sender.take("message")
            queued = max(client["queued"] for client in server.call("clients"))
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10


def test_what_was_accepted_is_stored_before_it_ends() -> None:
    with serving(limit_messages_per_minute=0) as server:
        server.publish(rule("a", "A M", history=1000))
        with connecting(server) as connect:
            client = connect()
            client.join("a")
            for number in range(300):
                client.say("a", number)
            assert client.take("message")["payload"] == 0
            assert server.process is not None
            server.process.terminate()
            client.closed()
            seen = [0, *(frame["payload"] for frame in client.frames)]
            server.stop()
        server.start()
        with connecting(server) as connect:
            client = connect()
            client.join("a", history=True)
            stored = [frame["payload"] for frame in client.take("history")["payload"]["history"]]
            assert stored == list(range(len(stored)))
            assert len(stored) >= len(seen)


def test_connections_on_which_nothing_is_asked_do_not_hold_it_up() -> None:
    """Browsers keep some open after each request: with the dashboard open, a restart took eight seconds longer."""
    with serving() as server:
        idle = HTTPConnection("127.0.0.1", server.port, timeout=10)
        idle.request("GET", "/healthz")
        assert idle.getresponse().read() == b"ok\n"
        assert server.stop(timeout=7) == 0
        assert server.log == ""
        idle.close()
