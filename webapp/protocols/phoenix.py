"""Phoenix Channels, as npm ``phoenix`` and ``@supabase/realtime-js`` speak them (protocols/phoenix.md has every fact).

Two versions of the frames, arrays (vsn 2.0.0) and objects (1.0.0), and two dialects. Phoenix clients name channels as
they are and get messages under their own event. Supabase's put ``realtime:`` in front of the name, wrap messages as
``broadcast``, and are listed in presence only once they say so. The dialect is that of the topic that is joined, so one
connection may use both.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Container, Mapping, Sequence
from typing import Any, Final

import msgspec

from ..core.codes import Code
from ..realtime.events import (
    AUTHENTICATED,
    EVENT,
    PRIVATE,
    Answered,
    Command,
    Face,
    FrameError,
    Join,
    Json,
    Leave,
    Message,
    Present,
    ReadHistory,
    Renew,
    Send,
    Show,
)
from ..realtime.framing import binary_frame, text_frame

PREFIX: Final = "realtime:"
"""What Supabase's clients put in front of a channel's name."""
SOCKET_TOPIC: Final = "phoenix"
"""The topic of heartbeats, and here of what concerns the whole connection."""
EVENT_MOST = 255
KEY_MOST = 255
"""Characters of a presence key."""
STATE_MOST = 2 * 1024
"""Bytes of what a member says of itself in presence: it is sent to all others, and again to all who join."""
STATE_NESTED = 32
"""Levels that it may have."""
HEADS_KEPT = 4096

_ONLY_THE_SERVER = frozenset(("event", "history"))
"""Under these names the server's own events and answers arrive, where they have no other."""
AUTH_MESSAGE: Final = "auth_message"
PRIVATE_MESSAGE: Final = "private_message"
SECURE_PRIVATE_MESSAGE: Final = "secure_private_message"
_STATE_FIELDS = frozenset(("phx_ref", "phx_ref_prev", "socketId", "extras", "permissions", "connection_time"))
"""What the server says of a member; nobody says it of itself."""
_UNMATCHED = frozenset((Code.NOT_JOINED, Code.NO_RULE))
_BINARY = re.compile(rb'\{"\$binary":"([A-Za-z0-9+/]*={0,2})"\}')
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')
_TOKEN = re.compile(rb'("access_token"\s*:\s*)"(?:[^"\\]|\\.)*"')

_encode = msgspec.json.encode
Ref = str | int | None


class _Object(msgspec.Struct, gc=False):
    """A frame of vsn 1.0.0; one of 2.0.0 has the same fields in the order join_ref, ref, topic, event, payload."""

    topic: str
    event: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    ref: Ref = None
    join_ref: Ref = None


class _Broadcast(msgspec.Struct):
    event: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")


class _Presence(msgspec.Struct):
    event: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")


class _Target(msgspec.Struct):
    target_client_id: Any = None
    target_user_id: Any = None


class _BroadcastConfig(msgspec.Struct):
    ack: bool = False
    self: bool = False
    replay: Any = None


class _PresenceConfig(msgspec.Struct):
    key: str | int | None = None
    enabled: bool = False


class _Config(msgspec.Struct):
    broadcast: _BroadcastConfig | None = None
    presence: _PresenceConfig | None = None


class _JoinPayload(msgspec.Struct):
    """What is read of a join's payload. The rest is the app's own, of whatever type."""

    config: msgspec.Raw = msgspec.Raw(b"null")
    access_token: Any = None
    history: Any = None
    presence: Any = None


class _Token(msgspec.Struct):
    access_token: str | None
    """Null: to go on as an anonymous client."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """What an answer repeats of the frame that it answers, and whether that was a join."""

    join_ref: Ref
    ref: Ref
    topic: str
    joins: bool = False


_decode_array = msgspec.json.Decoder(tuple[Ref, Ref, str, str, msgspec.Raw]).decode
_decode_object = msgspec.json.Decoder(_Object).decode
_decode_broadcast = msgspec.json.Decoder(_Broadcast).decode
_decode_presence = msgspec.json.Decoder(_Presence).decode
_decode_target = msgspec.json.Decoder(_Target).decode
_decode_join = msgspec.json.Decoder(_JoinPayload | None).decode
_decode_config = msgspec.json.Decoder(_Config | None).decode
_decode_token = msgspec.json.Decoder(_Token).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode_state = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class PhoenixFace:
    """One version and dialect. It holds no state but what can be made again, so one serves all connections."""

    waits_for_roster = True

    def __init__(self, version: int, supabase: bool) -> None:
        self.name = "supabase" if supabase else "phoenix"
        self.version = version
        self._supabase = supabase
        self._prefix = PREFIX if supabase else ""
        self._end = b"]" if version == 2 else b"}"
        self._tail = b"}" + self._end if supabase else self._end
        self._of_dialect: Mapping[bool, PhoenixFace] = {}
        self._heads: dict[tuple[str, str], bytes] = {}

    # Reading

    def decode(self, frame: bytes) -> Command:
        """Read a client's frame, of either version.

        Raises:
            FrameError: not JSON, a missing or wrong field, an event that is the protocol's own.
        """
        try:
            if frame[:1] == b"{":
                read = _decode_object(frame)
                join_ref, ref, topic, event, payload = read.join_ref, read.ref, read.topic, read.event, read.payload
            else:
                join_ref, ref, topic, event, payload = _decode_array(frame)
        except (msgspec.DecodeError, RecursionError) as error:
            raise FrameError(f"Not a frame of this protocol: {error}.") from None
        reply = Reply(join_ref, ref, topic, event == "phx_join")
        if topic == SOCKET_TOPIC:
            if event != "heartbeat":
                raise FrameError(f"`{event[:40]}` is no event of the topic `{SOCKET_TOPIC}`.", None, reply)
            return Answered(self._replied(reply, "ok", b"{}"))
        supabase = topic.startswith(PREFIX)
        channel = topic[len(PREFIX) :] if supabase else topic
        try:
            return self._command(channel, supabase, event, bytes(payload), reply)
        except (msgspec.DecodeError, RecursionError) as error:
            raise FrameError(f"payload of `{event[:40]}`: {error}.", channel, reply) from None

    def _command(self, channel: str, supabase: bool, event: str, payload: Json, reply: Reply) -> Command:
        match event:
            case "message":
                return Send(channel, payload, reply=reply)
            case "phx_join":
                return self._join(channel, supabase, payload, reply)
            case "phx_leave":
                return Leave(channel, reply)
            case "access_token":
                return Renew(channel, _decode_token(payload).access_token or None, reply)
            case "broadcast" if supabase:
                sent = _decode_broadcast(payload)
                return message_of(channel, sent.event, bytes(sent.payload), reply)
            case "presence" if supabase:
                return _presence(channel, _decode_presence(payload), reply)
            case "history":
                return ReadHistory(channel, _target(payload, "target_client_id", channel, reply, required=False), reply)
        return message_of(channel, event, payload, reply)

    def _join(self, channel: str, supabase: bool, payload: Json, reply: Reply) -> Join:
        asked = _decode_join(payload) or _JoinPayload()
        token = asked.access_token if isinstance(asked.access_token, str) and asked.access_token else None
        encoder = self._of_dialect[supabase]
        if not supabase:
            return Join(
                channel,
                wants_history=asked.history is True,
                wants_presence=asked.presence is not False,
                encoder=encoder,
                token=token,
                reply=reply,
            )
        config = _decode_config(asked.config) or _Config()
        broadcast = config.broadcast or _BroadcastConfig()
        presence = config.presence or _PresenceConfig()
        key = str(presence.key) if presence.key is not None else ""
        if len(key) > KEY_MOST:
            raise FrameError(f"config.presence.key: at most {KEY_MOST} characters.", channel, reply)
        return Join(
            channel,
            wants_history=broadcast.replay is not None,
            wants_presence=presence.enabled,
            encoder=encoder,
            echoes=broadcast.self,
            acknowledges=broadcast.ack,
            key=key or None,
            shows=False,
            token=token,
            reply=reply,
        )

    def unpacked(self, binary: bytes) -> bytes:
        """Write a binary push as the text frame that says the same; bytes that are no JSON become ``{"$binary": …}``.

        Raises:
            FrameError: a kind that clients don't send, or one that is cut.
        """
        kind = binary[0] if binary else None
        if kind == 3:  # a broadcast of Supabase's: lengths of five strings, and how the payload is written
            sizes, start = binary[1:6], 7
        elif kind == 0:  # a push of phoenix.js
            sizes, start = binary[1:5], 5
        else:
            raise FrameError("Not a binary frame of this protocol.")
        fields = []
        for size in sizes:
            fields.append(_text(binary[start : start + size]))
            start += size
        if len(binary) < start or len(fields) < (5 if kind == 3 else 4):
            raise FrameError("A binary frame that is cut.")
        join_ref, ref, topic, event = fields[:4]
        payload = binary[start:]
        if kind == 0 or binary[6] == 0:
            payload = b'{"$binary":"%b"}' % b64encode(payload)
        elif not _is_json(payload):
            raise FrameError(
                "A broadcast whose payload is not JSON.", None, Reply(join_ref or None, ref or None, topic)
            )
        if kind == 3:
            payload = b'{"type":"broadcast","event":%b,"payload":%b}' % (_encode(event), payload)
            event = "broadcast"
        return b"[%b,%b,%b,%b,%b]" % (
            _encode(join_ref or None),
            _encode(ref or None),
            _encode(topic),
            _encode(event),
            payload,
        )

    def blanked(self, frame: bytes) -> bytes:
        return _TOKEN.sub(rb'\1"***"', frame)

    # Writing: answers

    def joined(self, command: Join, before: Join | None = None) -> bytes:
        if command.reply is None:
            return b""  # the server put it there: the client has no channel object that could hear of it
        answer = self._replied(command.reply, "ok", b"{}")
        if before is not None and before.reply is not None:
            return self._closed(before.reply) + answer
        return answer

    def is_outdated(self, command: Leave, joined: Join) -> bool:
        leaves, joins = command.reply, joined.reply
        if leaves is None or joins is None:
            return False
        return bool(leaves.topic != joins.topic or leaves.join_ref not in (None, joins.join_ref))

    def left(self, command: Leave) -> bytes:
        return self._replied(command.reply, "ok", b"{}") + self._closed(command.reply)

    def done(self, channel: str, reply: Any) -> bytes:
        return self._replied(reply, "ok", b"{}")

    def error(self, channel: str | None, code: Code, text: str, ref: str, reply: Any = None) -> bytes:
        if reply is None:
            return self._framed(None, None, SOCKET_TOPIC, "error", _reason(code, text, ref))
        # Clients of this protocol look for this very text: protocols/phoenix.md, "Frames".
        text = "unmatched topic" if code in _UNMATCHED and not reply.joins else text
        return self._replied(reply, "error", _reason(code, text, ref))

    def _replied(self, reply: Reply, status: str, response: Json) -> bytes:
        payload = b'{"status":"%b","response":%b}' % (status.encode(), response)
        return self._framed(reply.join_ref, reply.ref, reply.topic, "phx_reply", payload)

    def _closed(self, reply: Reply) -> bytes:
        return self._framed(reply.join_ref, reply.join_ref, reply.topic, "phx_close", b"{}")

    # Writing: what happens in a channel

    def message(self, message: Message, *, to_sender: bool = False) -> bytes:
        event = _name(message)
        if message.payload.startswith(b'{"$binary":"') and self.version == 2:
            binary = self._binary(message, event)
            if binary is not None:
                return binary
        head = self._heads.get((message.channel, event))
        if head is None:
            head = self._new_head(message.channel, event)
        return text_frame(head + _object(message.payload) + self._tail)

    def _new_head(self, channel: str, event: str) -> bytes:
        if len(self._heads) == HEADS_KEPT:
            self._heads.clear()
        outer = "broadcast" if self._supabase else event
        head = self._head(None, None, self._prefix + channel, outer)
        if self._supabase:
            head += b'{"type":"broadcast","event":%b,"payload":' % _encode(event)
        self._heads[channel, event] = head
        return head

    def _binary(self, message: Message, event: str) -> bytes | None:
        """Write a payload of bytes as the clients write theirs; None if it is none, or its names are too long."""
        found = _BINARY.fullmatch(message.payload)
        topic, name = (self._prefix + message.channel).encode(), event.encode()
        if found is None or len(found[1]) % 4 or len(topic) > 255 or len(name) > 255:
            return None
        # Kinds 4 and 2: lengths of topic and event, with Supabase also of its meta and that the payload is no JSON.
        lengths = bytes((4, len(topic), len(name), 0, 0) if self._supabase else (2, len(topic), len(name)))
        return binary_frame(b"".join((lengths, topic, name, b64decode(found[1]))))

    def presence_full(self, channel: str, members: Sequence[Present]) -> bytes:
        return self._pushed(channel, "presence_state", self._listed(members))

    def presence_update(self, channel: str, before: Present | None, after: Present | None) -> bytes:
        joins = self._listed([after] if after is not None else [])
        leaves = self._listed([before] if before is not None else [])
        return self._pushed(channel, "presence_diff", b'{"joins":%b,"leaves":%b}' % (joins, leaves))

    def _listed(self, members: Sequence[Present]) -> Json:
        """Write members as presence lists them: ``{key: {"metas": [{"phx_ref", …}]}}``."""
        metas: dict[str, list[msgspec.Raw]] = {}
        for member in members:
            metas.setdefault(member.key, []).append(msgspec.Raw(self._meta(member)))
        return _encode({key: {"metas": entries} for key, entries in metas.items()})

    def _meta(self, member: Present) -> Json:
        known: dict[str, Any] = {"user_id": member.user_id, "connection_time": member.connected}
        if len(member.state) > 2:
            state = _decode_state(member.state)
            # Supabase's apps say `user_id` of themselves and read it back; to others the server's word is the last.
            known = known | state if self._supabase else state | known
        head = _encode({"phx_ref": str(member.ref)} | known)
        return head[:-1] + b"," + member.client[1:]

    def history(self, channel: str, messages: Sequence[Message], own: Container[int] = (), reply: Any = None) -> bytes:
        if reply is None and self._supabase:
            return b"".join(self._replayed(message) for message in messages)
        payload = b'{"messages":[%b]}' % b",".join(_kept(message) for message in messages)
        if reply is None:
            return self._pushed(channel, "history", payload)
        return self._replied(reply, "ok", payload)

    def _replayed(self, message: Message) -> bytes:
        """Write a message of the past as Supabase's service does (``config.broadcast.replay``)."""
        payload = b'{"type":"broadcast","event":%b,"payload":%b,"meta":{"replayed":true,"id":"%d"}}' % (
            _encode(_name(message)),
            _object(message.payload),
            message.id,
        )
        return self._pushed(message.channel, "broadcast", payload)

    def taken_out(self, channel: str) -> bytes:
        return self._pushed(channel, "phx_close", b'{"reason":"The server took this client out of this channel."}')

    def removed(self, channel: str, code: Code, text: str, ref: str) -> bytes:
        return self._pushed(channel, "phx_close", _reason(code, text, ref))

    # Writing: frames

    def _pushed(self, channel: str, event: str, payload: Json) -> bytes:
        return self._framed(None, None, self._prefix + channel, event, payload)

    def _framed(self, join_ref: Ref, ref: Ref, topic: str, event: str, payload: Json) -> bytes:
        return text_frame(self._head(join_ref, ref, topic, event) + payload + self._end)

    def _head(self, join_ref: Ref, ref: Ref, topic: str, event: str) -> bytes:
        """All of a frame that stands before its payload."""
        fields = tuple(_encode(field) for field in (join_ref, ref, topic, event))
        if self.version == 2:
            return b"[%b,%b,%b,%b," % fields
        return b'{"join_ref":%b,"ref":%b,"topic":%b,"event":%b,"payload":' % fields


def message_of(channel: str, event: str, payload: Json, reply: Reply | None = None) -> Send:
    """Read a message by the name of its event (protocols/phoenix.md, "Meaning").

    Raises:
        FrameError: a name that is the protocol's own or too long, or a private message that names no recipient.
    """
    match event:
        case "message":
            return Send(channel, payload, reply=reply)
        case "auth_message":
            return Send(channel, payload, True, reply=reply)
        case "private_message":
            target = _target(payload, "target_client_id", channel, reply)
            return Send(channel, payload, socket_id=target, reply=reply)
        case "secure_private_message":
            return Send(channel, payload, True, user=_target(payload, "target_user_id", channel, reply), reply=reply)
    if not event or len(event) > EVENT_MOST or "\0" in event:
        raise FrameError(f"The name of an event has 1 to {EVENT_MOST} characters.", channel, reply)
    if event in _ONLY_THE_SERVER or is_reserved(event):
        raise FrameError(f"`{event[:40]}` is an event of the protocol's own: choose another name.", channel, reply)
    return Send(channel, payload, event=event, reply=reply)


def _is_json(text: bytes) -> bool:
    try:
        text.decode()
        _decode_raw(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_deep(json: Json) -> bool:
    """Whether it is nested too deeply to be read again in whatever place presence is announced from."""
    depth = 0
    for character in _STRINGS.sub(b"", json):
        depth += (character in b"[{") - (character in b"]}")
        if depth > STATE_NESTED:
            return True
    return False


def _target(payload: Json, name: str, channel: str, reply: Reply | None, required: bool = True) -> str | None:
    try:
        target = getattr(_decode_target(payload), name)
    except (msgspec.DecodeError, RecursionError):
        target = None
    if target is None and not required:
        return None
    if isinstance(target, int) and not isinstance(target, bool):
        target = str(target)
    if not isinstance(target, str) or not target or "\0" in target:
        whom = "the socketId of a client" if name == "target_client_id" else "the id of a user"
        raise FrameError(f"payload.{name}: expected {whom}.", channel, reply)
    return target


def _presence(channel: str, asked: _Presence, reply: Reply) -> Show:
    if asked.event == "untrack":
        return Show(channel, None, reply)
    if asked.event != "track":
        raise FrameError(f"presence: `{asked.event[:40]}` is neither track nor untrack.", channel, reply)
    if len(asked.payload) > STATE_MOST:
        raise FrameError(f"presence: {len(asked.payload)} bytes; at most {STATE_MOST} can be shown.", channel, reply)
    if _is_deep(bytes(asked.payload)):
        raise FrameError(f"presence: at most {STATE_NESTED} levels can be shown.", channel, reply)
    state = _decode_state(_object(bytes(asked.payload)))
    return Show(channel, _encode({name: state[name] for name in state if name not in _STATE_FIELDS}), reply)


def is_reserved(event: str) -> bool:
    """Whether clients take an event of this name for the protocol's own, so that nobody may send one."""
    return event.startswith(("phx_", "chan_reply_", "presence_state", "presence_diff"))


def _name(message: Message) -> str:
    """Return the event that a message arrives as. Others can't make one look like the protocol's own."""
    if message.event is not None and not is_reserved(message.event):
        return message.event
    if message.kind is EVENT:
        return "event"
    if message.kind is PRIVATE:
        return SECURE_PRIVATE_MESSAGE if message.authenticated else PRIVATE_MESSAGE
    return AUTH_MESSAGE if message.kind is AUTHENTICATED else "message"


def _object(payload: Json) -> Json:
    """Wrap what is no object: Supabase's client crashes on null."""
    return payload if payload[:1] == b"{" else b'{"payload":%b}' % payload


def _kept(message: Message) -> Json:
    """Write a message of the history: its event and payload, when it was, and who sent it."""
    return b'{"id":"%d","at":%d,"event":%b,"payload":%b,"client":%b}' % (
        message.id,
        message.at_ms,
        _encode(_name(message)),
        _object(message.payload),
        message.sender or b"null",
    )


def _reason(code: Code, text: str, ref: str) -> Json:
    return _encode({"reason": text, "code": code.value, "ref": ref})


def _text(field: bytes) -> str:
    try:
        return field.decode()
    except UnicodeDecodeError:
        return field.decode("latin-1")  # Supabase's client writes the lower byte of each character


def _faces(version: int) -> tuple[PhoenixFace, PhoenixFace]:
    phoenix, supabase = PhoenixFace(version, False), PhoenixFace(version, True)
    phoenix._of_dialect = supabase._of_dialect = {False: phoenix, True: supabase}
    return phoenix, supabase


_VERSIONS = {"1": _faces(1), "2": _faces(2)}
PHOENIX: Face
SUPABASE: Face
PHOENIX, SUPABASE = _VERSIONS["2"]


def face_of(vsn: str | None, supabase: bool) -> Face | None:
    """Return the face for a client's ``vsn``, none meaning 1.0.0; None if no such version is spoken here."""
    faces = _VERSIONS.get((vsn or "1.0.0").partition(".")[0])
    return faces[supabase] if faces is not None else None
