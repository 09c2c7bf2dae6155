"""Xano Realtime's frames, as npm ``@xano/js-sdk`` speaks them (protocols/xano.md is the source of every fact)."""

from collections.abc import Container, Sequence
from typing import Any, Final

import msgspec

from ..core.codes import Code
from ..realtime.events import (
    Command,
    Face,
    FrameError,
    Join,
    Json,
    Kind,
    Leave,
    Message,
    ReadHistory,
    Send,
)
from ..realtime.framing import text_frame

NULL: Final = b"null"


class _Options(msgspec.Struct, rename={"socket_id": "socketId"}):
    channel: Any = None
    authenticated: Any = None
    socket_id: Any = None


class _Frame(msgspec.Struct):
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


class XanoFace:
    """The face of Xano's SDK. It holds no state, so one serves all connections."""

    name = "xano"

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
                return Send(
                    channel,
                    bytes(parsed.payload),
                    authenticated is not None and _mark(authenticated, channel),
                    _socket_id(socket_id, channel) if socket_id is not None else None,
                )
            case "join":
                asked = _join_payload(parsed.payload, channel)
                return Join(channel, bool(asked.history), bool(asked.presence))
            case "leave":
                return Leave(channel)
            case "history":
                return ReadHistory(channel, _socket_id(options.socket_id, channel))
        raise FrameError(f"action: `{parsed.action[:40]}` is not one of message, join, leave, history.", channel)

    def message(self, message: Message, *, to_sender: bool = False) -> bytes:
        return text_frame(_message_json(message, to_sender=to_sender))

    def joined(self, channel: str) -> bytes:
        return text_frame(b'{"action":"join","options":{"channel":%b},"payload":{}}' % _encode(channel))

    def left(self, channel: str) -> bytes:
        return text_frame(b'{"action":"leave","options":{"channel":%b},"payload":{}}' % _encode(channel))

    def presence_full(self, channel: str, clients: Sequence[Json]) -> bytes:
        return text_frame(
            b'{"action":"presence_full","options":{"channel":%b},"payload":{"presence":[%b]}}'
            % (_encode(channel), b",".join(clients))
        )

    def presence_update(self, channel: str, action: str, client: Json) -> bytes:
        return text_frame(
            b'{"action":"presence_update","options":{"channel":%b},"payload":{"action":%b,"presence":%b}}'
            % (_encode(channel), _encode(action), client)
        )

    def history(self, channel: str, messages: Sequence[Message], own: Container[int] = ()) -> bytes:
        return text_frame(
            b'{"action":"history","options":{"channel":%b},"payload":{"history":[%b]}}'
            % (_encode(channel), b",".join(_message_json(m, to_sender=m.id in own) for m in messages))
        )

    def error(self, channel: str | None, code: Code, text: str, ref: str) -> bytes:
        # An error without a channel reaches every channel object of the SDK: for those of the whole connection.
        options = b'{"channel":%b}' % _encode(channel) if channel is not None else b"{}"
        payload = _encode({"message": text, "code": code.value, "ref": ref})
        return text_frame(b'{"action":"error","options":%b,"payload":%b}' % (options, payload))


def _message_json(message: Message, *, to_sender: bool = False) -> Json:
    parts = [b'{"action":"event"' if message.kind is Kind.EVENT else b'{"action":"message"']
    if message.stored:
        parts.append(b',"id":"%d","at":%d' % (message.id, message.at_ms))
    if message.sender is not None:
        parts += (b',"client":', message.sender)
    parts += (b',"options":{"channel":', _encode(message.channel))
    if message.authenticated:
        parts.append(b',"authenticated":true')
    if message.kind is Kind.PRIVATE:
        # The recipient reads here whom to answer, the sender to whom it wrote.
        parts += (b',"socketId":', _encode(message.target_id if to_sender else message.socket_id))
    if message.kind is Kind.EVENT:
        if message.event is not None:
            parts += (b',"event":', _encode(message.event))
        parts += (b'},"payload":{"data":', message.payload, b"}}")
    else:
        parts += (b'},"payload":', message.payload, b"}")
    return b"".join(parts)


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
