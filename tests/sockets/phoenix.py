"""A client of Phoenix channels that does only what a test tells it to, in either version of the frames."""

import itertools
import json
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from websockets.frames import Frame, Opcode

from tests.servers import Server
from tests.sockets.clients import TIMEOUT, Client

Json = dict[str, Any]
OK = {"status": "ok", "response": {}}
"""What a reply says when all went well."""


class Phoenix(Client):
    """A connection. What comes is a dictionary of ``join_ref ref topic event payload``, or ``bytes``."""

    def __init__(self, server: Server, token: str | None = None, vsn: str = "2.0.0", **options: Any) -> None:
        asked = {"vsn": vsn, **options.pop("params", {})} | ({"token": token} if token is not None else {})
        self.vsn = vsn
        self._refs = itertools.count(1)
        self.join_refs: dict[str, str] = {}
        super().__init__(server, path=f"/socket/websocket?{urlencode(asked)}", **options)

    def push(self, topic: str, event: str, payload: Any = None, **fields: Any) -> str:
        """Push an event and return its ref."""
        ref = str(next(self._refs))
        payload = {} if payload is None else payload
        frame = {"join_ref": self.join_refs.get(topic), "ref": ref, "topic": topic, "event": event, "payload": payload}
        frame |= fields
        self.text(json.dumps(list(frame.values()) if self.vsn.startswith("2") else frame))
        return ref

    def join_topic(self, topic: str, payload: Any = None) -> Json:
        """Join and return the answer's payload."""
        ref = str(next(self._refs))
        self.join_refs[topic] = ref
        self.push(topic, "phx_join", payload, ref=ref, join_ref=ref)
        return self.reply(ref)

    def reply(self, ref: str, timeout: float = TIMEOUT) -> Json:
        """Return the payload of the reply with this ref; what comes before it stays to be read."""
        passed = []
        while True:
            frame = self.next(timeout)
            if isinstance(frame, dict) and (frame["event"], frame["ref"]) == ("phx_reply", ref):
                self.frames = passed + self.frames
                payload: Json = frame["payload"]
                return payload
            passed.append(frame)

    def ask(self, topic: str, event: str, payload: Any = None) -> Json:
        """Push an event and return the reply's payload."""
        return self.reply(self.push(topic, event, payload))

    def event(self, topic: str, event: str, timeout: float = TIMEOUT) -> Json:
        """Return the payload of the next frame, which must be this event, pushed to no join in particular."""
        frame = self.next(timeout)
        assert (frame["topic"], frame["event"], frame["ref"]) == (topic, event, None), frame
        payload: Json = frame["payload"]
        return payload

    def binary(self, data: bytes) -> None:
        """Send a binary frame."""
        self.protocol.send_binary(data)
        self._write()

    def _frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self.frames.append(bytes(frame.data))  # type: ignore[arg-type]
        elif frame.opcode is Opcode.TEXT:
            read = json.loads(bytes(frame.data))
            names = ("join_ref", "ref", "topic", "event", "payload")
            assert isinstance(read, list if self.vsn.startswith("2") else dict), read
            self.frames.append(dict(zip(names, read, strict=True)) if isinstance(read, list) else read)
        else:
            super()._frame(frame)


def user_broadcast(topic: str, event: str, payload: bytes, encoding: int, join_ref: str = "", ref: str = "") -> bytes:
    """Write a broadcast as Supabase's client does: kind 3."""
    fields = [text.encode() for text in (join_ref, ref, topic, event, "")]
    return struct.pack("7B", 3, *map(len, fields), encoding) + b"".join(fields) + payload


def binary_push(topic: str, event: str, payload: bytes, join_ref: str = "", ref: str = "") -> bytes:
    """Write a push of bytes as phoenix.js does: kind 0."""
    fields = [text.encode() for text in (join_ref, ref, topic, event)]
    return struct.pack("5B", 0, *map(len, fields)) + b"".join(fields) + payload


Enter = Callable[..., Phoenix]
