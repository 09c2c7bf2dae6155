"""Frames that cost the server time without being messages: counted, spread over turns, and ended when they flood."""

from collections.abc import Iterator

import pytest
from websockets.frames import Opcode

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Connect, connecting, frame
from tests.sockets.live import Live
from webapp.core.codes import CloseCode
from webapp.realtime.engine import FLOOD
from webapp.realtime.events import ReadHistory
from webapp.realtime.framing import FRAGMENTS_MAX, STEPS_AT_ONCE, FrameReader, Ping
from webapp.realtime.refusing import SOCKET_ID_MOST

LIMIT = 20


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(limit_messages_per_minute=LIMIT) as server:
        server.publish(rule("a", "A M"))
        yield server


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    with connecting(server) as connect:
        yield connect


@pytest.mark.parametrize(
    "one", [frame(Opcode.PONG), frame(Opcode.TEXT, b"x"), frame(Opcode.BINARY, b"x")], ids=["pongs", "text", "binary"]
)
def test_a_flood_of_any_frames_is_ended(server: Server, connect: Connect, one: bytes) -> None:
    client: Client = connect()
    client.raw(one * (LIMIT * FLOOD + 1))
    assert client.closed() == CloseCode.TRY_AGAIN_LATER
    assert server.call("refusals")[-1]["code"] == "rate_limited"


def test_endless_fragments_are_ended(connect: Connect) -> None:
    client: Client = connect()
    client.raw(frame(Opcode.TEXT, final=False) + frame(Opcode.CONT, final=False) * (FRAGMENTS_MAX + 1))
    assert client.closed() == CloseCode.POLICY_VIOLATION


def test_many_small_frames_are_handed_out_in_parts() -> None:
    count = STEPS_AT_ONCE * 3 + 5
    reader = FrameReader(1000)
    parts = [reader.feed(memoryview(frame(Opcode.PING) * count))]
    while reader.has_more:
        parts.append(reader.feed(memoryview(b"")))
    assert [len(part) for part in parts] == [STEPS_AT_ONCE] * 3 + [5]
    assert all(isinstance(item, Ping) for part in parts for item in part)


def test_a_name_as_long_as_a_frame_is_not_kept(server: Server, connect: Connect) -> None:
    """Two thousand refusals each kept a 64 KB name: one anonymous client took 0.6 GB."""
    client: Client = connect()
    client.send("join", "😀" * 4_000)
    assert client.error()["code"] == "invalid_channel"
    assert len(server.call("refusals")[-1]["channel"]) < 300


def test_nor_is_a_socket_id_as_long_as_a_frame() -> None:
    """Two thousand refused requests for what was said in private each kept 64 KB of it, in no ring's count."""
    live = Live()
    live.send(live.connect(None), "history", "nowhere", None, socketId="x" * 60_000)
    command = live.realtime.tap.refusals.records[-1].command
    assert command == ReadHistory("nowhere", "x" * SOCKET_ID_MOST)
