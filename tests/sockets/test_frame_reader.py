"""Frames out of bytes: however the bytes are split, the reader yields what a naive parser of the whole yields."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sockets.clients import frame
from webapp.realtime.framing import Binary, Closed, FrameReader, Item, Ping, Pong, TooLarge

LIMIT = 300
quickly = settings(max_examples=600, deadline=None, database=None)
masks = st.binary(min_size=4, max_size=4)
# Around the places where the length of a header changes and where the limit lies.
sizes = st.one_of(st.integers(0, 40), st.sampled_from([124, 125, 126, 127, 128, 255, 299, 300, 301, 700, 65535, 65536]))
payloads = sizes.flatmap(lambda size: st.integers(0, 255).map(lambda byte: bytes([byte]) * size))


def controls() -> st.SearchStrategy[bytes]:
    return st.builds(
        lambda opcode, payload, mask: frame(opcode, payload, mask=mask),
        st.sampled_from([9, 10]),
        st.binary(max_size=125),
        masks,
    )


@st.composite
def fragmented(draw: st.DrawFn) -> bytes:
    """A message in fragments, with pings and pongs between them."""
    parts = draw(st.lists(payloads, min_size=2, max_size=5))
    opcode = draw(st.sampled_from([1, 1, 2]))
    data = b""
    for number, part in enumerate(parts):
        final = number == len(parts) - 1
        data += frame(0 if number else opcode, part, final=final, mask=draw(masks))
        if not final:
            data += b"".join(draw(st.lists(controls(), max_size=2)))
    return data


whole = st.builds(
    lambda opcode, data, mask: frame(opcode, data, mask=mask), st.sampled_from([1, 1, 1, 2]), payloads, masks
)
closes = st.builds(lambda code: frame(8, struct.pack(">H", code) if code else b""), st.sampled_from([0, 1000, 4000]))
breaches = st.sampled_from(
    [
        frame(0, b"x"),
        frame(1, b"x", mask=None),
        frame(3, b"x"),
        frame(8, b"x"),
        frame(9, b"", final=False),
        frame(9, b"x" * 126),
        frame(0x41, b"x"),
        frame(0, b"x" * 500),
        frame(1, b"x" * 500, mask=None),
        frame(0x21, b"y" * 1000),
    ]
)
sequences = st.lists(st.one_of(whole, whole, controls(), fragmented()), max_size=8).map(b"".join)
endings = st.one_of(st.just(b""), closes, breaches)


def naive(data: bytes) -> list[object]:
    """Parse it all at once, frame by frame; text is itself, everything else a word."""
    items: list[object] = []
    fragments: bytes | None = None
    kind = 0
    while data:
        final, reserved, opcode = data[0] & 0x80, data[0] & 0x70, data[0] & 0x0F
        masked, size, start = data[1] & 0x80, data[1] & 0x7F, 2
        if size == 126:
            size, start = struct.unpack_from(">H", data, 2)[0], 4
        elif size == 127:
            size, start = struct.unpack_from(">Q", data, 2)[0], 10
        odd_control = opcode >= 8 and (not final or size > 125 or opcode > 10)
        odd_order = opcode < 3 and (opcode == 0) != (fragments is not None)
        if not masked or reserved or odd_control or odd_order or 3 <= opcode < 8:
            return [*items, ("closed", 1002)]
        mask = data[start : start + 4]
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data[start + 4 : start + 4 + size]))
        data = data[start + 4 + size :]
        if opcode == 8:
            return [*items, ("closed", 1002 if size == 1 else struct.unpack(">H", payload[:2])[0] if size else 1005)]
        if opcode == 9:
            items.append(("ping", payload))
        elif opcode == 10:
            items.append("pong")
        else:
            kind, fragments = (opcode, payload) if opcode else (kind, (fragments or b"") + payload)
            if final:
                items.append("large" if len(fragments) > LIMIT else fragments if kind == 1 else ("binary", fragments))
                fragments = None
    return items


def plain(item: Item) -> object:
    """What the reader yielded, in the naive parser's words."""
    match item:
        case bytes():
            return item
        case Binary(payload):
            return ("binary", payload)
        case TooLarge(size):
            assert size > LIMIT
            return "large"
        case Ping(reply):
            assert reply[:2] == bytes([0x8A, len(reply) - 2])
            return ("ping", reply[2:])
        case Pong():
            return "pong"
        case Closed(code, _, reply):
            assert reply[0] == 0x88
            return ("closed", code)


def take(reader: FrameReader, piece: bytes, stale: bytes = b"") -> list[Item]:
    """Give a reader bytes as a connection does: what is just one message is asked for first.

    They lie in a buffer that other bytes were in before, and that is used again at once: what is kept must be a copy.
    """
    buffer = bytearray(piece + (stale or b"\x81\xfe\x01\x00"))
    view = memoryview(buffer)
    message = reader.sole(buffer, view, len(piece))
    items: list[Item] = [message] if message is not None else reader.feed(view[: len(piece)])
    buffer[:] = bytes(len(buffer))
    return items


@quickly
@given(sequences, endings, st.lists(st.integers(1, 60), min_size=1, max_size=30), st.booleans())
def test_any_split_yields_the_same(data: bytes, ending: bytes, steps: list[int], whole_at_last: bool) -> None:
    data += ending
    reader = FrameReader(LIMIT)
    items: list[object] = []
    position = 0
    for step in [*steps, *([] if whole_at_last else [4096] * (len(data) // 4096)), len(data)]:
        piece = data[position : position + step]
        position += step
        items += [plain(item) for item in take(reader, piece)]
        if items and isinstance(items[-1], tuple) and items[-1][0] == "closed":
            break
    assert items == naive(data)


@quickly
@given(sequences)
def test_byte_by_byte(data: bytes) -> None:
    data = data[:3000]
    reader = FrameReader(LIMIT)
    items: list[object] = []
    for byte in data:
        items += [plain(item) for item in take(reader, bytes([byte]))]
    together = [plain(item) for item in FrameReader(LIMIT).feed(memoryview(data))]
    assert items == together


@given(st.binary(max_size=400))
@settings(max_examples=500, deadline=None, database=None)
def test_any_bytes_at_all_do_no_harm(data: bytes) -> None:
    reader = FrameReader(LIMIT)
    for item in take(reader, data):
        plain(item)


@quickly
@given(payloads, masks, st.binary(max_size=300))
def test_a_message_alone_is_taken_at_once_whatever_lies_behind_it(payload: bytes, mask: bytes, stale: bytes) -> None:
    data = frame(1, payload, mask=mask)
    buffer = bytearray(data + stale)
    message = FrameReader(LIMIT).sole(buffer, memoryview(buffer), len(data))
    assert message == (payload if len(payload) <= LIMIT else None)
