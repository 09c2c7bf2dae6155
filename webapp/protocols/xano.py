"""Xano Realtime's frames, as npm ``@xano/js-sdk`` speaks them (protocols/xano.md is the source of every fact)."""

from collections.abc import Container, Sequence
from typing import Any, Final

import msgspec

from ..core.codes import Code
from ..realtime.events import (
    EVENT,
    PRIVATE,
    Command,
    Face,
    FrameError,
    Join,
    Json,
    Leave,
    Message,
    Present,
    ReadHistory,
    Send,
)
from ..realtime.framing import text_frame

NULL: Final = b"null"


class _Options(msgspec.Struct, rename={"socket_id": "socketId"}, gc=False):
    channel: Any = None
    authenticated: Any = None
    socket_id: Any = None


class _Frame(msgspec.Struct, gc=False):
    """A client's frame. ``payload`` is kept as the bytes it came in, checked to be JSON."""

    action: str
    options: _Options | None = None
    payload: msgspec.Raw = msgspec.Raw(NULL)


class _JoinPayload(msgspec.Struct):
    history: bool | None = None
    presence: bool | None = None


_NO_OPTIONS = _Options()
_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_join = msgspec.json.Decoder(_JoinPayload | None).decode
_encode = msgspec.json.encode


_Head = tuple[str, Json | None, bool, str | None]
HEADS_KEPT = 4096
HEAD_SENDER_MAX = 1024
"""Bytes of a sender up to which what stands before a payload is kept, so that all kept ones stay within some MiB."""


class XanoFace:
    """The face of Xano's SDK. It holds no state but what can be made again, so one serves all connections."""

    name = "xano"
    waits_for_roster = False

    def __init__(self) -> None:
        self._heads: dict[_Head, bytes] = {}

    def decode(self, frame: bytes) -> Command:
        """Read a client's frame.

        Raises:
            FrameError: not JSON, a missing or wrong field, an unknown action.
        """
        try:
            parsed = _decode_frame(frame)
        except (msgspec.DecodeError, RecursionError) as error:
            raise FrameError(f"Not a frame of this protocol: {error}.") from None
        options = parsed.options or _NO_OPTIONS
        channel = options.channel
        if not isinstance(channel, str):
            raise FrameError("options.channel: expected the name of a channel.")
        match parsed.action:
            case "message":
                authenticated, socket_id = options.authenticated, options.socket_id
                if authenticated is None and socket_id is None:
                    return Send(channel, bytes(parsed.payload))
                return Send(
                    channel, bytes(parsed.payload), _mark(authenticated, channel), _socket_id(socket_id, channel)
                )
            case "join":
                asked = _join_payload(parsed.payload, channel)
                return Join(channel, bool(asked.history), bool(asked.presence))
            case "leave":
                return Leave(channel)
            case "history":
                return ReadHistory(channel, _socket_id(options.socket_id, channel))
        raise FrameError(f"action: `{parsed.action[:40]}` is not one of message, join, leave, history.", channel)

    def unpacked(self, binary: bytes) -> bytes:
        """Refuse a binary frame.

        Raises:
            FrameError: always.
        """
        raise FrameError("This protocol is text frames of JSON.")

    def blanked(self, frame: bytes) -> bytes:
        return frame  # a token travels in the handshake alone

    def message(self, message: Message, *, to_sender: bool = False) -> bytes:
        if message.stored or message.kind is PRIVATE or message.kind is EVENT:
            return text_frame(_message_json(message, to_sender=to_sender))
        # All that stands before the payload is the same for all of a sender's messages in a channel.
        key = (message.channel, message.sender, message.authenticated, message.event)
        head = self._heads.get(key)
        if head is None:
            head = self._new_head(message, key)
        return text_frame(b"".join((head, message.payload, b"}")))

    def _new_head(self, message: Message, key: _Head) -> bytes:
        head = _head(message)
        if len(message.sender or b"") <= HEAD_SENDER_MAX:
            if len(self._heads) == HEADS_KEPT:
                self._heads.clear()
            self._heads[key] = head
        return head

    def joined(self, command: Join, before: Join | None = None) -> bytes:
        return text_frame(b'{"action":"join","options":{"channel":%b},"payload":{}}' % _encode(command.channel))

    def is_outdated(self, command: Leave, joined: Join) -> bool:
        return False

    def left(self, command: Leave) -> bytes:
        return self.taken_out(command.channel)

    def taken_out(self, channel: str) -> bytes:
        return text_frame(b'{"action":"leave","options":{"channel":%b},"payload":{}}' % _encode(channel))

    def presence_full(self, channel: str, members: Sequence[Present]) -> bytes:
        return text_frame(
            b'{"action":"presence_full","options":{"channel":%b},"payload":{"presence":[%b]}}'
            % (_encode(channel), b",".join(member.client for member in members))
        )

    def presence_update(self, channel: str, before: Present | None, after: Present | None) -> bytes:
        if before is not None and after is not None and before.client == after.client:
            return b""  # what a member says of itself is not shown here
        changes = ((b"leave", before), (b"join", after))
        return b"".join(
            text_frame(
                b'{"action":"presence_update","options":{"channel":%b},"payload":{"action":"%b","presence":%b}}'
                % (_encode(channel), action, member.client)
            )
            for action, member in changes
            if member is not None
        )

    def history(self, channel: str, messages: Sequence[Message], own: Container[int] = (), reply: Any = None) -> bytes:
        return text_frame(
            b'{"action":"history","options":{"channel":%b},"payload":{"history":[%b]}}'
            % (_encode(channel), b",".join(_message_json(m, to_sender=m.id in own) for m in messages))
        )

    def done(self, channel: str, reply: Any) -> bytes:
        return b""  # this protocol answers refusals alone

    def removed(self, channel: str, code: Code, text: str, ref: str) -> bytes:
        return self.error(channel, code, text, ref)

    def error(self, channel: str | None, code: Code, text: str, ref: str, reply: Any = None) -> bytes:
        # An error without a channel reaches every channel object of the SDK: for those of the whole connection.
        options = b'{"channel":%b}' % _encode(channel) if channel is not None else b"{}"
        payload = _encode({"message": text, "code": code.value, "ref": ref})
        return text_frame(b'{"action":"error","options":%b,"payload":%b}' % (options, payload))


def _head(message: Message, *, to_sender: bool = False) -> bytes:
    """Return all of a message that stands before its payload."""
    parts = [b'{"action":"event"' if message.kind is EVENT else b'{"action":"message"']
    if message.stored:
        parts.append(b',"id":"%d","at":%d' % (message.id, message.at_ms))
    if message.sender is not None:
        parts += (b',"client":', message.sender)
    parts += (b',"options":{"channel":', _encode(message.channel))
    if message.authenticated:
        parts.append(b',"authenticated":true')
    if message.kind is PRIVATE:
        # The recipient reads here whom to answer, the sender to whom it wrote; to a user's clients it names none.
        peer = message.target_id if to_sender else message.socket_id
        if peer is not None:
            parts += (b',"socketId":', _encode(peer))
    if message.event is not None:
        parts += (b',"event":', _encode(message.event))
    if message.kind is EVENT:
        parts.append(b'},"payload":{"data":')
    else:
        parts.append(b'},"payload":')
    return b"".join(parts)


def _message_json(message: Message, *, to_sender: bool = False) -> Json:
    end = b"}}" if message.kind is EVENT else b"}"
    return b"".join((_head(message, to_sender=to_sender), message.payload, end))


def _mark(value: object, channel: str) -> bool:
    """Read ``authenticated``; WeWeb sends false, null, "" or nothing, all meaning no."""
    if value is True:
        return True
    if value is None or value is False or value == "":
        return False
    raise FrameError("options.authenticated: expected true or false.", channel)


def _socket_id(value: object, channel: str) -> str | None:
    if value is None or value is False or value == "":
        return None
    if isinstance(value, str):
        return value
    raise FrameError("options.socketId: expected the socketId of a client.", channel)


def _join_payload(payload: msgspec.Raw, channel: str) -> _JoinPayload:
    try:
        return _decode_join(payload) or _JoinPayload()
    except (msgspec.DecodeError, RecursionError) as error:
        raise FrameError(f"payload of a join: {error}.", channel) from None


XANO: Face = XanoFace()
