"""The part of a message before its payload is kept for a sender and a channel; no message ever gets another's."""

import itertools
import json

import msgspec

from webapp.protocols.xano import HEAD_SENDER_MAX, HEADS_KEPT, XanoFace
from webapp.realtime.events import Kind, Message

_ids = itertools.count(1)


def message(channel: str, sender: bytes | None, kind: Kind, stored: bool = False) -> Message:
    return Message(
        next(_ids), channel, kind, b'{"n":%d}' % next(_ids), sender, "me", authenticated=kind is Kind.AUTHENTICATED,
        target_id="you" if kind is Kind.PRIVATE else None, stored=stored,
    )  # fmt: skip


def parsed(frame: bytes) -> object:
    return json.loads(frame[4:] if frame[1] == 126 else frame[2:])


def test_repeated_messages_equal_those_of_a_face_that_never_saw_any() -> None:
    face = XanoFace()
    senders = [msgspec.json.encode({"socketId": name, "extras": {}}) for name in ("a", "b")]
    large = msgspec.json.encode({"socketId": "c", "extras": {"text": "x" * HEAD_SENDER_MAX}})
    seen = set()
    for _ in range(3):
        for channel, sender, kind, stored in itertools.product(
            ("room", "room/1"), (*senders, large, None), Kind, (False, True)
        ):
            one = message(channel, sender, kind, stored)
            frame = face.message(one)
            assert frame == XanoFace().message(one)
            seen.add(json.dumps(parsed(frame)))
            content = parsed(frame)
            assert isinstance(content, dict)
            assert content["options"]["channel"] == channel
            assert content.get("client") == (json.loads(sender) if sender is not None else None)
            assert content["options"].get("authenticated", False) == (kind is Kind.AUTHENTICATED)
    assert len(seen) == 3 * 2 * 4 * len(Kind) * 2


def test_no_more_is_kept_than_said() -> None:
    face = XanoFace()
    for number in range(HEADS_KEPT + 10):
        sender = b'{"socketId":"%d"}' % number
        content = parsed(face.message(message("room", sender, Kind.PUBLIC)))
        assert isinstance(content, dict)
        assert content["client"] == {"socketId": str(number)}
    assert 0 < len(face._heads) <= HEADS_KEPT
