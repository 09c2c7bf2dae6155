"""A body that no one asked for costs the others nothing, and its sender still gets an answer."""

import http.client
import socket
import threading
import time

import pytest

from tests.servers import Server, client_context, rule, serving
from tests.sockets.clients import connecting

CHUNK = b"100000\r\n" + b"z" * (1 << 20) + b"\r\n"
ENDLESS = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"


def upload(server: Server, head: bytes, part: bytes, seconds: float) -> int:
    """Send ``part`` again and again and return how many bytes the server let come before it hung up."""
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(head)
        ends = time.monotonic() + seconds
        try:
            while time.monotonic() < ends:
                client.sendall(part)
                sent += len(part)
        except OSError:
            return sent
    pytest.fail(f"{sent} bytes, and the server still takes more")


@pytest.mark.alone
def test_an_endless_body_stops_nobody_else() -> None:
    # gunicorn threw what was left of a body away in steps of 1 KB without letting the loop turn: one anonymous
    # request in chunks froze the worker until the arbiter killed it.
    with serving() as server, connecting(server) as connect:
        server.publish(rule("c", "A M"))
        client = connect()
        client.join("c")
        sent: list[int] = []
        uploads = [threading.Thread(target=lambda: sent.append(upload(server, ENDLESS, CHUNK, 8))) for _ in range(3)]
        for each in uploads:
            each.start()
        slowest = 0.0
        while any(each.is_alive() for each in uploads):
            asked = time.monotonic()
            client.say("c", 1)
            client.take("message", timeout=30)
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.01)
        assert slowest < 1
        assert len(sent) == 3
        assert "Traceback" not in server.log


@pytest.mark.parametrize("tls", [False, True])
def test_the_answer_to_a_large_body_arrives(tls: bool) -> None:
    # Closing at once, with the rest of the body unread, would have reset the connection before the answer was seen.
    with serving(tls=tls) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        if server.tls is not None:
            context = client_context(server.tls)
            connection = http.client.HTTPSConnection("localhost", server.port, timeout=10, context=context)
        connection.request("POST", "/sign-in", b"z" * (6 << 20), {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Connection"]) == (413, "close")
        answer.read()
        connection.close()


def test_a_small_unread_body_keeps_the_connection() -> None:
    with serving() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for _ in range(3):
            connection.request("POST", "/healthz", b"z" * 10_000)
            answer = connection.getresponse()
            answer.read()
            assert answer.headers["Connection"] == "keep-alive"
        connection.close()


def test_a_file_sent_to_a_form_is_not_kept() -> None:
    # Parts of a form that are files went to temporary files without limit, before anybody had signed in.
    with serving() as server:
        part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n'
        head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        endless = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(part), part)
        assert upload(server, endless, CHUNK, 10) < 128 << 20
        long = head + b"Content-Length: 1000000000\r\n\r\n" + part
        assert upload(server, long, b"z" * (1 << 20), 10) < 128 << 20
        assert "Traceback" not in server.log


def test_a_handshake_has_no_body() -> None:
    with serving() as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers |= {"Sec-WebSocket-Key": "A" * 22 + "==", "Transfer-Encoding": "chunked"}
        connection.request("GET", "/rt/default", b"0\r\n\r\n", headers)
        assert connection.getresponse().status == 426
        connection.close()
