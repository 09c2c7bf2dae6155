"""Delivering: tried again with growing waits under the same id, given up, held up by nobody else, and sent again."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.receiver import Receiver, receiving
from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Connect, connecting

from .conftest import QUICKLY


def states(server: Server, number: int) -> list[str]:
    return [row["state"] for row in server.call("deliveries", number=number)]


def test_it_is_tried_again_until_it_is_taken(server: Server, receiver: Receiver, connect: Connect) -> None:
    answers = iter([500, 302, 204])
    receiver.answer = lambda _request: next(answers)
    number, secret = server.call("webhook", url=receiver.url, events=["message"])
    server.call("event", channel="a", data=1)
    until(lambda: states(server, number) == ["delivered"])
    assert len({request.id for request in receiver.requests}) == 1
    assert [request.verified(secret)["data"]["payload"] for request in receiver.requests] == [1, 1, 1]
    (row,) = server.call("deliveries", number=number)
    assert (row["attempts"], row["status"], row["error"]) == (3, 204, "")


def test_the_waits_grow_and_then_it_is_given_up(server: Server, receiver: Receiver) -> None:
    receiver.status, receiver.body = 500, b"oh no"
    number, _ = server.call("webhook", url=receiver.url, events=["message"])
    server.call("event", channel="a", data=1)
    until(lambda: states(server, number) == ["failed"])
    times = [request.at for request in receiver.requests]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == 4
    assert waits == sorted(waits)
    for waited, meant in zip(waits, (0.1, 0.2, 0.4)):
        assert waited > meant * 0.85
    (row,) = server.call("deliveries", number=number)
    assert (row["attempts"], row["status"], row["answer"]) == (4, 500, "oh no")
    assert row["error"] == "It answered with status 500."


def test_given_up_it_can_be_sent_again_under_the_same_id(server: Server, receiver: Receiver) -> None:
    receiver.status = 500
    number, _ = server.call("webhook", url=receiver.url, events=["message"])
    server.call("event", channel="a", data=1)
    until(lambda: states(server, number) == ["failed"])
    receiver.status = 200
    (row,) = server.call("deliveries", number=number)
    server.call("resend", delivery=row["id"])
    until(lambda: states(server, number) == ["delivered"])
    server.call("resend", delivery=row["id"])
    until(lambda: len(receiver.requests) == 6)
    assert len({request.id for request in receiver.requests}) == 1


def test_gone_for_good_switches_it_off(server: Server, receiver: Receiver) -> None:
    receiver.status = 410
    number, _ = server.call("webhook", url=receiver.url, events=["message"])
    server.call("event", channel="a", data=1)
    until(lambda: not server.call("webhooks")[0]["is_active"])
    assert "410" in server.call("webhooks")[0]["off_reason"]
    assert states(server, number) == ["failed"]
    server.call("event", channel="a", data=2)
    assert [entry["action"] for entry in server.call("audited")][:1] == ["webhook:disable"]
    assert len(receiver.requests) == 1
    assert states(server, number) == ["failed"]


def test_a_receiver_says_when_to_come_back(server: Server, receiver: Receiver) -> None:
    """As long as it says, but no longer than the wait after this one."""
    receiver.status, receiver.headers = 503, {"Retry-After": "3600"}
    server.call("webhook", url=receiver.url, events=["message"])
    server.call("event", channel="a", data=1)
    until(lambda: len(receiver.requests) == 2)
    assert 0.19 < receiver.requests[1].at - receiver.requests[0].at < 2


def test_one_that_hangs_holds_up_nobody_else(server: Server, receiver: Receiver) -> None:
    with receiving() as good:
        receiver.hang = True
        server.call("webhook", title="Hangs", url=receiver.url, events=["message"])
        server.call("webhook", title="Good", url=good.url, events=["message"])
        for number in range(30):
            server.call("event", channel="a", data=number)
        until(lambda: len(good.requests) == 30)
        assert receiver.most_under_way <= 4
        until(lambda: receiver.under_way == 4)
        receiver.released.set()
        until(lambda: len({request.id for request in receiver.requests}) == 30, 20)
        assert receiver.most_under_way <= 4


def test_at_most_so_many_at_once(server: Server) -> None:
    busy = 0
    with receiving() as receiver:
        receiver.hang = True
        for number in range(6):
            server.call("webhook", title=f"Hook {number}", url=f"{receiver.url}/{number}", events=["message"])
        for number in range(6):
            server.call("event", channel="a", data=number)
        until(lambda: receiver.under_way == 16)
        time_to_be_wrong = time.monotonic() + 0.5
        while time.monotonic() < time_to_be_wrong:
            busy = max(busy, receiver.under_way)
        assert busy == 16
        receiver.released.set()
        until(lambda: len({request.id for request in receiver.requests}) == 36, 20)


def test_many_that_hang_hold_up_nobody_else_for_long(server: Server, receiver: Receiver) -> None:
    """Four of them had all sixteen places, and everyone's deliveries, in other workspaces too, waited up to 29 s."""
    receiver.hang = True
    with receiving() as good:
        for number in range(6):
            server.call(
                "webhook", title=f"H{number}", url=f"{receiver.url}/{number}", events=["message"], channels=["bad"]
            )
        server.call("webhook", title="Good", url=good.url, events=["message"], channels=["good"])
        for number in range(20):
            server.call("event", channel="bad", data=number)
        until(lambda: receiver.under_way == 16)
        server.call("event", channel="good", data=1)
        until(lambda: good.requests, 4.5)


def test_what_cannot_be_reached_is_said(server: Server) -> None:
    number, _ = server.call("webhook", url="http://127.0.0.1:9/", events=["message"])
    server.call("event", channel="a", data=1)
    until(lambda: states(server, number) == ["failed"])
    assert server.call("deliveries", number=number)[0]["error"] == "The address can't be reached."


@pytest.fixture(scope="module")
def hurried() -> Iterator[Server]:
    """A server whose webhooks have half a second to answer."""
    with serving(**QUICKLY | {"webhook_timeout": 0.5, "webhook_retries": "60"}) as server:
        yield server


def given_up_in_time(server: Server, url: str) -> None:
    began = time.monotonic()
    number, _ = server.call("webhook", url=url, events=["message"])
    server.call("event", channel="a", data=1)
    row = until(lambda: [r for r in server.call("deliveries", number=number) if r["attempts"]])[0]
    assert row["error"] == "It took longer than 0.5 seconds."
    assert time.monotonic() - began < 3
    server.call("delete_webhook", number=number)


def test_a_receiver_that_says_nothing(hurried: Server, receiver: Receiver) -> None:
    receiver.hang = True
    given_up_in_time(hurried, receiver.url)


def test_a_receiver_that_drips(hurried: Server, receiver: Receiver) -> None:
    """Sockets of the loop have timeouts of their own kind: each byte of a drip began a new one."""
    receiver.drip = 0.1
    given_up_in_time(hurried, receiver.url)


def test_a_handshake_that_drips(hurried: Server) -> None:
    over = threading.Event()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

        def drip() -> None:
            sock, _ = listener.accept()
            with sock, contextlib.suppress(OSError):
                for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(1000):
                    sock.send(bytes([byte]))
                    if over.wait(0.1):
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        try:
            given_up_in_time(hurried, f"https://127.0.0.1:{listener.getsockname()[1]}/")
        finally:
            over.set()
            thread.join(5)


def test_private_addresses_are_out_of_reach_unless_allowed(receiver: Receiver) -> None:
    with serving(webhook_retries="60") as server:
        port = receiver.url.split(":")[2].split("/")[0]
        number, _ = server.call("webhook", url=f"https://localhost:{port}/hook", events=["message"])
        server.call("event", channel="a", data=1)
        row = until(lambda: [r for r in server.call("deliveries", number=number) if r["attempts"]])[0]
        assert "private" in row["error"]
        assert receiver.requests == []


def test_more_than_may_wait_is_dropped_and_counted(receiver: Receiver) -> None:
    with serving(**QUICKLY | {"limit_webhook_backlog": 10}) as server, connecting(server) as connect:
        server.publish(rule("*", "A M"))
        receiver.hang = True
        number, _ = server.call("webhook", url=receiver.url, events=["message"])
        client = connect()
        client.join("a")
        for each in range(30):
            client.say("a", each)
        assert [client.take("message")["payload"] for _ in range(30)] == list(range(30))
        assert len(states(server, number)) == 10
        assert server.call("outcomes")["dropped"] == 20
        receiver.released.set()
        until(lambda: set(states(server, number)) == {"delivered"}, 20)
        client.say("a", "again")
        until(lambda: "again" in receiver.payloads())


def test_a_deleted_webhook_takes_what_waited_with_it(server: Server, receiver: Receiver) -> None:
    receiver.status = 500
    number, _ = server.call("webhook", url=receiver.url, events=["message"])
    for each in range(5):
        server.call("event", channel="a", data=each)
    waiting = server.call("delete_webhook", number=number)
    assert waiting <= 5
    until(lambda: states(server, number) == [])
    seen = len(receiver.requests)
    server.call("event", channel="a", data="after")
    assert "after" not in receiver.payloads()
    assert len(receiver.requests) <= seen + 4


def test_answers_are_kept_in_part(server: Server, receiver: Receiver) -> None:
    receiver.body = b"\xff\x00" + b"x" * 60_000
    number, _ = server.call("webhook", url=receiver.url, events=["message"])
    server.call("event", channel="a", data=1)
    until(lambda: states(server, number) == ["delivered"])
    answer = server.call("deliveries", number=number)[0]["answer"]
    assert len(answer) == 2000
    assert "\x00" not in answer


def test_a_name_that_can_be_none_is_no_fault_of_the_server(server: Server) -> None:
    """Each attempt to look up a label of more than 63 characters wrote two tracebacks into the server's log."""
    server.publish(rule("named", "A M"))
    number, _ = server.call("webhook", url=f"https://{'a' * 70}.example/", events=["message"], channels=["named"])
    server.call("event", channel="named", data=1)
    until(lambda: any(each["state"] == "failed" for each in server.call("deliveries", number=number)))
    assert server.call("deliveries", number=number)[0]["error"] == "The name of the address can't be found."
