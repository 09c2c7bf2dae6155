"""WebSocket frames out of bytes (RFC 6455).

Complete small text frames, which is nearly all that clients send, are cut in place. Everything else goes,
one whole frame at a time, through the Sans-I/O layer of ``websockets``, which judges it; reassembling
fragments, limits and UTF-8 are done here. A frame over the limit is skipped as it streams in, so that
the message can be refused and the connection lives.
"""

import logging
import struct
from dataclasses import dataclass
from typing import Any

from websockets.frames import Close, Frame, Opcode
from websockets.protocol import SERVER, Protocol, State
from websockets.speedups import apply_mask

from ..core.codes import CloseCode

_LOGGER = logging.getLogger("tidegate.websocket")
_LOGGER.setLevel(logging.CRITICAL)  # shared: a logger a connection would cost memory, and its debug lines time
STEPS_AT_ONCE = 200
"""How many frames off the fast path are handled before others get a turn of the loop: each costs some 10 µs."""
FRAGMENTS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Binary:
    payload: bytes


@dataclass(frozen=True, slots=True)
class TooLarge:
    """A message over the limit; it was skipped. ``size`` is in bytes, as far as it is known."""

    size: int


@dataclass(frozen=True, slots=True)
class Ping:
    """``reply`` is the pong, ready to be sent."""

    reply: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class Closed:
    """The client closed, or broke the protocol. ``reply`` is the close frame to answer with."""

    code: int
    reason: str
    reply: bytes


Item = bytes | Binary | TooLarge | Ping | Pong | Closed
"""What a reader yields; a text message is its bytes, since it is by far the most frequent."""

PONG = Pong()

_unmask: Any = apply_mask  # takes any buffer, whatever its stub says


def text_frame(payload: bytes) -> bytes:
    """Frame a text message of the server, which is never masked."""
    size = len(payload)
    if size < 126:
        return b"\x81" + size.to_bytes(1, "big") + payload
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def binary_frame(payload: bytes) -> bytes:
    """Frame a binary message of the server."""
    return b"\x82" + text_frame(payload)[1:]


def text_of(frame: bytes) -> bytes:
    """Return the payload of a frame that :func:`text_frame` made."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]


PING_FRAME = b"\x89\x00"


def close_frame(code: int, reason: str = "") -> bytes:
    """Frame a close; the reason is cut to the 123 bytes that a control frame has room for."""
    text = reason.encode()[:123].decode("utf-8", "ignore").encode()
    return b"\x88" + (2 + len(text)).to_bytes(1, "big") + code.to_bytes(2, "big") + text


class FrameReader:
    """Cuts a connection's bytes into messages. ``limit`` is the size of the largest message, in bytes."""

    __slots__ = (
        "_feeding",
        "_fragment_kind",
        "_fragments",
        "_fragments_size",
        "_partial",
        "_protocol",
        "_skipping",
        "has_more",
        "is_between_frames",
        "limit",
    )

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.has_more = False
        """Whether bytes are left that :meth:`feed` has not looked at, so that others get their turn in between."""
        self.is_between_frames = True
        """Whether what comes next begins a new message."""
        self._protocol: Protocol | None = None
        self._partial = b""  # a header that is not complete yet
        self._feeding = 0  # bytes of the current frame that the library still waits for
        self._skipping = 0  # bytes of a frame over the limit still to be passed over
        self._fragments: list[bytes] | None = None
        self._fragments_size = 0
        self._fragment_kind = Opcode.TEXT

    def sole(self, data: bytearray, view: memoryview, count: int) -> bytes | None:
        """Return the text message if the first ``count`` bytes are just that, as they nearly always are.

        Otherwise None, and the bytes are still to be fed. ``view`` is one of ``data``.
        """
        if data[0] == 0x81 and self.is_between_frames:
            length = data[1] - 0x80  # the mask bit must be set
            start = 6
            if length > 125:
                if length == 127:
                    return None
                length = data[2] << 8 | data[3]
                start = 8
            if start + length == count and 0 <= length <= self.limit:
                message: bytes = _unmask(view[start:count], view[start - 4 : start])
                return message
        return None

    def feed(self, data: memoryview) -> list[Item]:
        """Take in bytes (copying what it keeps) and return what is complete."""
        items: list[Item] = []
        position = 0
        if self.is_between_frames:
            position = self._cut(data, items)
            if position == len(data):
                return items
        self._take_all(data, position, items)
        self.is_between_frames = not (self._feeding or self._skipping or self._partial) and self._fragments is None
        return items

    def _take_all(self, data: memoryview, position: int, items: list[Item]) -> None:
        if self._partial:
            data = memoryview(self._partial + bytes(data[position:]))
            position = 0
            self._partial = b""
        self.has_more = False
        steps = 0
        while position < len(data):
            position = self._take(data, position, items)
            if items and isinstance(items[-1], Closed):
                break
            steps += 1
            if steps == STEPS_AT_ONCE and position < len(data):
                self._partial = bytes(data[position:])
                self.has_more = True
                break

    def _cut(self, data: memoryview, items: list[Item]) -> int:
        """The fast path: cut complete, masked, final text frames of up to 64 KiB, and say where the first other is."""
        size, limit = len(data), self.limit
        position = 0
        while position + 6 <= size and data[position] == 0x81:
            length = data[position + 1] - 0x80  # the mask bit must be set
            start = position + 6
            if length == 126 and position + 8 <= size:
                length = data[position + 2] << 8 | data[position + 3]
                start = position + 8
            elif not 0 <= length < 126:
                break
            end = start + length
            if end > size or length > limit:
                break
            items.append(_unmask(data[start:end], data[start - 4 : start]))
            position = end
        return position

    def _take(self, data: memoryview, position: int, items: list[Item]) -> int:
        """Handle what begins at ``position`` and return where the next thing begins."""
        available = len(data) - position
        if self._skipping:
            step = min(self._skipping, available)
            self._skipping -= step
            return position + step
        if self._feeding:
            step = min(self._feeding, available)
            self._feeding -= step
            self._feed_library(data[position : position + step], items)
            return position + step
        if available < 2:
            self._partial = bytes(data[position:])
            return len(data)
        first, second = data[position], data[position + 1]
        length = second & 0x7F
        header = 2 + (2 if length == 126 else 8 if length == 127 else 0) + (4 if second & 0x80 else 0)
        if available < header:
            self._partial = bytes(data[position:])
            return len(data)
        if length == 126:
            (length,) = struct.unpack_from(">H", data, position + 2)
        elif length == 127:
            (length,) = struct.unpack_from(">Q", data, position + 2)
        start, end = position + header, position + header + length
        opcode, masked, final = first & 0x0F, second & 0x80, first & 0x80
        if masked and opcode < 8 and not first & 0x70 and opcode < 3 and length + self._fragments_size > self.limit:
            return self._skip(opcode, bool(final), length, start, len(data), items)
        if first == 0x81 and masked and end <= len(data) and self._fragments is None:
            items.append(_unmask(data[start:end], data[start - 4 : start]))
            return end
        step = min(end, len(data))
        self._feeding = end - step
        self._feed_library(data[position:step], items)
        return step

    def _skip(self, opcode: int, final: bool, length: int, start: int, end: int, items: list[Item]) -> int:
        if (opcode == Opcode.CONT) != (self._fragments is not None):
            reason = (
                "a fragment came where none was due" if opcode == Opcode.CONT else "a fragmented message was not ended"
            )
            items.append(Closed(1002, reason, close_frame(CloseCode.PROTOCOL_ERROR, reason)))
            return end
        total = self._fragments_size + length
        if final:
            items.append(TooLarge(total))
            self._fragments, self._fragments_size = None, 0
        else:
            self._fragments, self._fragments_size = [], max(total, self.limit + 1)
        step = min(length, end - start)
        self._skipping = length - step
        self._sync_fragments(opcode, final)
        return start + step

    def _sync_fragments(self, opcode: int, final: bool) -> None:
        """Tell the library of a fragment that it was not shown, so that it knows what may come next."""
        protocol = self._library()
        if opcode == Opcode.CONT and final:
            protocol.receive_data(b"\x80\x80\x00\x00\x00\x00")
        elif opcode != Opcode.CONT and not final:
            protocol.receive_data(bytes((opcode,)) + b"\x80\x00\x00\x00\x00")
        protocol.events_received()

    def _library(self) -> Protocol:
        if self._protocol is None:
            self._protocol = Protocol(SERVER, state=State.OPEN, max_size=None, logger=_LOGGER)
        return self._protocol

    def _feed_library(self, data: memoryview, items: list[Item]) -> None:
        protocol = self._library()
        protocol.receive_data(bytes(data))
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            self._frame(event, items)
        output = protocol.data_to_send()
        if protocol.close_rcvd is not None:
            code, reason = protocol.close_rcvd.code, protocol.close_rcvd.reason
            items.append(Closed(code, reason, close_frame(code) if code != 1005 else b"\x88\x00"))
        elif protocol.close_sent is not None or protocol.parser_exc is not None:
            sent = protocol.close_sent or Close(1002, "")
            items.append(Closed(sent.code, sent.reason, close_frame(sent.code, sent.reason)))
        else:
            items.extend(Ping(chunk) for chunk in output if chunk)

    def _frame(self, frame: Frame, items: list[Item]) -> None:
        if frame.opcode is Opcode.PONG:
            items.append(PONG)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            if frame.fin:
                items.append(_message(frame.opcode, bytes(frame.data)))
            else:
                self._fragments, self._fragment_kind = [bytes(frame.data)], frame.opcode
                self._fragments_size = len(frame.data)
        elif frame.opcode is Opcode.CONT and self._fragments is not None:
            self._fragments.append(bytes(frame.data))
            self._fragments_size += len(frame.data)
            if len(self._fragments) > FRAGMENTS_MAX:
                reason = "too many fragments in one message"
                items.append(Closed(1008, reason, close_frame(CloseCode.POLICY_VIOLATION, reason)))
            elif frame.fin:
                size = self._fragments_size
                whole = _message(self._fragment_kind, b"".join(self._fragments))
                self._fragments, self._fragments_size = None, 0
                items.append(TooLarge(size) if size > self.limit else whole)


def _message(opcode: Opcode, payload: bytes) -> Item:
    return payload if opcode is Opcode.TEXT else Binary(payload)
