"""A client that sends half of a body is not waited for longer than half a minute; sockets are not affected."""

import os
import socket
import time
from pathlib import Path

from tests.servers import Server, rule, serving, until
from tests.sockets.clients import connecting
from webapp.server import BODY_TIMEOUT

HALF = (
    b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 100\r\n\r\na"
)


def descriptors(server: Server) -> int:
    """How many files and sockets the worker has open."""
    assert server.process is not None
    pid = server.process.pid
    (worker,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return len(os.listdir(f"/proc/{worker}/fd"))


def test_half_sent_bodies_are_given_up() -> None:
    # 200 requests with half a body held 200 descriptors for as long as their senders liked.
    with serving() as server, connecting(server) as connect:
        server.publish(rule("c", "A M"))
        member = connect()
        member.join("c")
        before = descriptors(server)
        began = time.monotonic()
        halves = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
        for each in halves:
            each.sendall(HALF)
        until(lambda: descriptors(server) >= before + 200)
        # One that keeps coming, a byte at a time, has no more time than those.
        while time.monotonic() < began + BODY_TIMEOUT - 2:
            halves[0].sendall(b"a")
            time.sleep(1)
        assert descriptors(server) >= before + 200
        until(lambda: descriptors(server) <= before, 15, "the end of the half-sent requests")
        halves[1].settimeout(5)
        assert halves[1].recv(100).startswith(b"HTTP/1.1 400 ")
        for each in halves:
            each.close()
        member.say("c", 1)
        assert member.take("message")["payload"] == 1
        assert "Traceback" not in server.log
