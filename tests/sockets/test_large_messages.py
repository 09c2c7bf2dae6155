"""Messages over the limit: refused however they come, and the connection lives."""

from collections.abc import Iterator

import pytest

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, connecting, frame, message

LIMIT = 65536
BIG = 300_000


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        server.publish(rule("a", "A M"))
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A member; at the end the connection must still work and nothing else have come."""
    with connecting(server) as connect:
        client = connect()
        client.join("a")
        yield client
        client.say("a", "alive")
        assert [f["payload"] for f in client.sync()] == ["alive"]


def fill(size: int) -> bytes:
    """Make a message of exactly this size."""
    empty = len(message("a", ""))
    return message("a", "x" * (size - empty))


def test_the_largest_message_passes(client: Client) -> None:
    for wrapped in (frame(1, fill(LIMIT)), frame(1, fill(LIMIT)[:9], final=False) + frame(0, fill(LIMIT)[9:])):
        client.raw(wrapped)
        assert len(client.take("message")["payload"]) > LIMIT - 200


def test_one_byte_more_does_not(client: Client) -> None:
    client.raw(frame(1, fill(LIMIT + 1)))
    error = client.error()
    assert (error["channel"], error["code"]) == (None, "message_too_large")
    client.raw(frame(1, fill(LIMIT + 1)[:9], final=False) + frame(0, fill(LIMIT + 1)[9:]))
    assert client.error()["code"] == "message_too_large"


def test_in_one_frame(client: Client) -> None:
    client.raw(frame(1, fill(BIG)) + frame(1, message("a", "next")))
    assert client.error()["code"] == "message_too_large"
    assert client.take("message")["payload"] == "next"


def test_streamed_in_pieces(client: Client) -> None:
    whole = frame(1, fill(BIG))
    for start in range(0, len(whole), 4096):
        client.raw(whole[start : start + 4096])
    assert client.error()["code"] == "message_too_large"


@pytest.mark.parametrize("size", [1000, 40_000, 70_000])
def test_in_fragments(client: Client, size: int) -> None:
    whole = fill(BIG)
    parts = [whole[i : i + size] for i in range(0, len(whole), size)]
    for number, part in enumerate(parts):
        client.raw(frame(0 if number else 1, part, final=number == len(parts) - 1) + frame(9, b"between"))
    client.raw(frame(1, message("a", "next")))
    assert client.error()["code"] == "message_too_large"
    assert client.take("message")["payload"] == "next"


def test_a_large_beginning_with_small_fragments_behind_it(client: Client) -> None:
    client.raw(frame(1, b"x" * (LIMIT + 1), final=False))
    for _ in range(20):
        client.raw(frame(0, b"y" * 10, final=False))
    client.raw(frame(0, b"z"))
    assert client.error()["code"] == "message_too_large"


def test_a_frame_that_never_ends_does_not_fill_the_memory(server: Server, client: Client) -> None:
    """A header that promises 2 GiB, of which 32 MiB come: skipped as they arrive."""
    with connecting(server) as connect:
        greedy = connect()
        before = _memory(server)
        greedy.raw(b"\x81\xff" + (1 << 31).to_bytes(8, "big") + b"\0\0\0\0")
        for _ in range(512):
            greedy.raw(bytes(65536))
        client.say("a", "others go on")
        assert client.take("message")["payload"] == "others go on"
        assert _memory(server) - before < 8 * 1024 * 1024


def test_binary_ones_too(client: Client) -> None:
    client.raw(frame(2, b"x" * BIG))
    assert client.error()["code"] == "message_too_large"


def test_the_limit_is_a_setting() -> None:
    with serving(limit_message_bytes=200) as server, connecting(server) as connect:
        server.publish(rule("a", "A M"))
        client = connect()
        client.join("a")
        client.raw(frame(1, fill(200)))
        assert client.take("message")
        client.raw(frame(1, fill(201)))
        assert client.error()["code"] == "message_too_large"


def _memory(server: Server) -> int:
    """Resident bytes of the server's processes."""
    from pathlib import Path

    assert server.process is not None
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == server.process.pid:  # the session that the server was started in
            total += int(fields[21]) * 4096
    return total
