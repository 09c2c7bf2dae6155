"""WebSocket framing on the wire: pieces, fragments, pings in between, and what breaks the protocol (RFC 6455)."""

import json
import struct
from collections.abc import Callable

import pytest

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Closed, Connect, connecting, frame, message


@pytest.fixture
def client(server: Server, connect: Connect) -> Client:
    server.publish(rule("a", "A M"))
    client = connect()
    client.join("a")
    return client


def test_a_frame_that_arrives_byte_by_byte(client: Client) -> None:
    for payload in ("x", "y" * 300):
        for byte in frame(1, message("a", payload)):
            client.raw(bytes([byte]))
        assert client.take("message")["payload"] == payload


def test_several_frames_in_one_segment(client: Client) -> None:
    pieces = [frame(1, message("a", n if n % 10 else "z" * 200)) for n in range(100)]
    client.raw(b"".join(pieces))
    received = [client.take("message")["payload"] for _ in range(100)]
    assert received == [n if n % 10 else "z" * 200 for n in range(100)]


def test_segments_that_end_in_the_middle_of_frames(client: Client) -> None:
    stream = b"".join(frame(1, message("a", [n, "w" * n])) for n in range(0, 400, 7))
    for start in range(0, len(stream), 97):
        client.raw(stream[start : start + 97])
    assert [client.take("message")["payload"][0] for _ in range(0, 400, 7)] == list(range(0, 400, 7))


def test_fragments_with_pings_between_them(client: Client) -> None:
    whole = message("a", "f\u00fcnf \U0001f600 " * 30)
    for size in (1, 7, 100, len(whole) - 1):
        parts = [whole[i : i + size] for i in range(0, len(whole), size)]
        for number, part in enumerate(parts):
            client.raw(frame(0 if number else 1, part, final=number == len(parts) - 1))
            client.raw(frame(9, b"%d" % number))
        assert client.take("message")["payload"] == json.loads(whole)["payload"]
        client.sync()
        assert client.pongs == [b"%d" % number for number in range(len(parts))]
        client.pongs.clear()


def test_empty_fragments(client: Client) -> None:
    client.raw(
        frame(1, b"", final=False) + frame(0, b"", final=False) + frame(0, message("a", 1), final=False) + frame(0)
    )
    assert client.take("message")["payload"] == 1


@pytest.mark.parametrize("size", [0, 1, 125])
def test_a_ping_is_answered_with_its_own_payload(client: Client, size: int) -> None:
    client.raw(frame(9, b"p" * size))
    expected = bytes([0x8A, size]) + b"p" * size
    received = b""
    while len(received) < len(expected):
        received += client.socket.recv(200)
    assert received == expected


def test_an_unasked_pong_is_passed_over(client: Client) -> None:
    client.raw(frame(10, b"anything") + frame(1, message("a", "fine")))
    assert client.take("message")["payload"] == "fine"


BREACHES = {
    "unmasked": frame(1, b"{}", mask=None),
    "unmasked and empty": frame(1, b"", mask=None),
    "reserved bit 1": frame(0x41, b"{}"),
    "reserved bit 2": frame(0x21, b"{}"),
    "reserved bit 3": frame(0x11, b"{}"),
    "opcode 3": frame(3, b"{}"),
    "opcode 11": frame(11, b"{}"),
    "fragmented ping": frame(9, b"", final=False),
    "long ping": frame(9, b"p" * 126),
    "continuation of nothing": frame(0, b"{}"),
    "text within a fragmented text": frame(1, b"{", final=False) + frame(1, b"}"),
    "close of one byte": frame(8, b"\x03"),
    "close with a forbidden code": frame(8, struct.pack(">H", 1005)),
    "large continuation of nothing": frame(0, b"x" * 100_000),
    "large text within a fragmented text": frame(1, b"{", final=False) + frame(1, b"x" * 100_000),
    "large reserved bit": frame(0x41, b"x" * 100_000),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_of_the_protocol_closes_with_1002(client: Client, name: str) -> None:
    client.raw(BREACHES[name])
    assert client.closed() == 1002
    assert client.frames == []


@pytest.mark.parametrize("wrapped", [lambda b: frame(1, b), lambda b: frame(1, b[:1], final=False) + frame(0, b[1:])])
@pytest.mark.parametrize("text", [b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"abc\xe2\x82"], ids=repr)
def test_text_that_is_no_utf8_closes_with_1007(client: Client, text: bytes, wrapped: Callable[[bytes], bytes]) -> None:
    client.raw(wrapped(b'{"action":"message","options":{"channel":"a"},"payload":"' + text + b'"}'))
    assert client.closed() == 1007
    assert client.frames == []


@pytest.mark.parametrize("text", [b"\xff", b"\xc3("], ids=repr)
def test_rubbish_that_is_no_utf8_closes_with_1007(client: Client, text: bytes) -> None:
    client.raw(frame(1, text))
    assert client.closed() == 1007


@pytest.mark.parametrize(
    ("sent", "expected"), [(b"", 1005), (struct.pack(">H", 1000) + b"bye", 1000), (b"\x0f\xa0", 4000)]
)
def test_a_close_is_answered_in_kind(client: Client, sent: bytes, expected: int) -> None:
    client.raw(frame(8, sent))
    assert client.closed() == expected


def test_what_follows_a_close_is_not_read(server: Server, connect: Connect, client: Client) -> None:
    watcher = connect()
    watcher.join("a")
    client.raw(frame(1, message("a", "before")) + frame(8, struct.pack(">H", 1000)) + frame(1, message("a", "after")))
    assert client.closed() == 1000
    assert [f["payload"] for f in watcher.sync()] == ["before"]


def test_the_same_over_tls() -> None:
    with serving(tls=True) as server, connecting(server) as connect:
        server.publish(rule("a", "A M"))
        client = connect()
        client.join("a")
        stream = b"".join(frame(1, message("a", [n, "w" * (n * 50)])) for n in range(60))
        client.raw(stream)
        received = [client.take("message")["payload"][0] for _ in range(60)]
        assert received == list(range(60))
        for byte in frame(1, message("a", "slowly")):
            client.raw(bytes([byte]))
        assert client.take("message")["payload"] == "slowly"
        client.raw(frame(1, b"{}", mask=None))
        with pytest.raises(Closed):
            client.next()
        assert client.close_code == 1002
