"""A client that never reads: cut at its bound with 1013, while the others get everything in time."""

import threading
import time

import pytest

from tests.servers import rule, serving, until
from tests.sockets.clients import Client, connecting

OTHERS = 20
SIZE = 16_000
OUTBOX = 512 * 1024


class Reader(threading.Thread):
    """Reads what a client receives, and how long after its sending each message came."""

    def __init__(self, client: Client, until_number: int) -> None:
        super().__init__()
        self.client = client
        self.until_number = until_number
        self.numbers: list[int] = []
        self.delays: list[float] = []

    def run(self) -> None:
        while not self.numbers or self.numbers[-1] < self.until_number:
            payload = self.client.take("message")["payload"]
            self.numbers.append(payload["n"])
            self.delays.append(time.monotonic() - payload["at"])


@pytest.mark.alone
@pytest.mark.parametrize("tls", [False, True])
def test_a_client_that_never_reads_is_cut_and_no_one_else_notices(tls: bool) -> None:
    with (
        serving(tls=tls, limit_outbox_bytes=OUTBOX, limit_messages_per_minute=0) as server,
        connecting(server) as connect,
    ):
        server.publish(rule("a", "A M P"))
        slow = connect(receive_buffer=4096)
        sender, *others = (connect() for _ in range(OTHERS + 1))
        for client in (slow, sender, *others):
            client.join("a")
        # The kernel holds some megabytes for a client before the server sees that it is slow.
        last = 12 * 1024 * 1024 // SIZE
        readers = [Reader(client, last) for client in others]
        for reader in readers:
            reader.start()
        peak = 0
        for number in range(last + 1):
            sender.say("a", {"n": number, "at": time.monotonic(), "fill": "x" * SIZE})
            sender.take("message")
            if number % 20 == 0:
                peak = max(peak, *(client["queued"] for client in server.call("clients")))
        for reader in readers:
            reader.join(30)
            assert reader.numbers == list(range(last + 1))
        assert 0 < peak <= OUTBOX
        worst = max(max(reader.delays) for reader in readers)
        assert worst < 1.0, f"the slowest delivery took {worst:.3f} s"
        until(lambda: len(server.call("clients")) == OTHERS + 1)
        assert [r["code"] for r in server.call("refusals")] == ["slow_client"]
        _got_whole_messages_then_1013(slow)


def _got_whole_messages_then_1013(slow: Client) -> None:
    """What the kernel still held is whole messages in order, then the close; or the server cut the socket first."""
    slow.closed(30)
    numbers = [frame["payload"]["n"] for frame in slow.frames]
    assert numbers == list(range(len(numbers)))
    assert slow.close_code == 1013


def test_one_that_reads_in_the_end_gets_everything() -> None:
    """What waits for a client is sent once it reads again, in order and whole."""
    with (
        serving(limit_messages_per_minute=0, limit_outbox_bytes=64 * 1024 * 1024) as server,
        connecting(server) as connect,
    ):
        server.publish(rule("a", "A M"))
        slow, sender = connect(receive_buffer=4096), connect()
        slow.join("a")
        sender.join("a")
        count = 16 * 1024 * 1024 // SIZE
        for number in range(count):
            sender.say("a", {"n": number, "fill": "x" * SIZE})
            sender.take("message")
        assert max(client["queued"] for client in server.call("clients")) > 0
        assert [slow.take("message")["payload"]["n"] for _ in range(count)] == list(range(count))
        until(lambda: max(client["queued"] for client in server.call("clients")) == 0)
        slow.say("a", "lives")
        assert slow.take("message")["payload"] == "lives"
