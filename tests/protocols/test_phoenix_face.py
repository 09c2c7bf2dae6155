"""Phoenix's frames, whatever comes: read or refused, never anything else; written so that its clients can read them."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.codes import Code
from webapp.protocols.phoenix import PhoenixFace, face_of, is_reserved
from webapp.realtime.events import FrameError, Kind, Message, Present, Send
from webapp.realtime.framing import text_of

VERSIONS = ("1.0.0", "2.0.0")
EVENTS = ("phx_join", "phx_leave", "access_token", "broadcast", "presence", "history", "private_message", "message")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3))


def face(vsn: str = "2.0.0", supabase: bool = False) -> PhoenixFace:
    found = face_of(vsn, supabase)
    assert isinstance(found, PhoenixFace)
    return found


def read(frame: bytes, vsn: str) -> dict[str, Any]:
    """Read a frame as its clients do."""
    told = json.loads(text_of(frame))
    names = ("join_ref", "ref", "topic", "event", "payload")
    return told if vsn == "1.0.0" else dict(zip(names, told, strict=True))


def outcome(how: Callable[[bytes], Any], data: bytes) -> Any:
    """Return what comes of some bytes: a command, or the sentence that says why there is none."""
    try:
        return how(data)
    except FrameError as error:
        return error.detail


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert outcome(face().decode, data)
    assert outcome(face().unpacked, data)


@given(JSON | st.lists(JSON, min_size=5, max_size=5))
def test_any_json_is_read_or_refused(value: Any) -> None:
    assert outcome(face().decode, json.dumps(value).encode())


@given(st.tuples(NAMES, NAMES, NAMES, st.sampled_from(EVENTS), JSON), st.sampled_from(["", "realtime:"]))
def test_any_payload_is_read_or_refused(fields: tuple[Any, ...], prefix: str) -> None:
    join_ref, ref, topic, event, payload = fields
    assert outcome(face().decode, json.dumps([join_ref, ref, prefix + topic, event, payload]).encode())


@given(st.lists(st.binary(max_size=300), min_size=5, max_size=5), st.sampled_from([0, 3]), st.integers(0, 255))
def test_a_binary_frame_is_the_text_frame_that_says_the_same(fields: list[bytes], kind: int, encoding: int) -> None:
    sizes = [len(field) % 256 for field in fields[: 5 if kind == 3 else 4]]
    data = bytes([kind, *sizes, *([encoding] if kind == 3 else [])]) + b"".join(fields)
    told = outcome(face().unpacked, data)
    assert isinstance(told, str) or len(json.loads(told)) == 5


@given(NAMES, NAMES, JSON, st.none() | NAMES, st.none() | NAMES)
def test_both_versions_say_the_same(
    topic: str, event: str, payload: Any, ref: str | None, join_ref: str | None
) -> None:
    names = {"join_ref": join_ref, "ref": ref, "topic": topic, "event": event, "payload": payload}
    first, second = (outcome(face().decode, json.dumps(frame).encode()) for frame in (names, list(names.values())))
    assert first == second


@given(NAMES, st.none() | NAMES, JSON, st.sampled_from(list(Kind)), st.booleans())
def test_what_is_written_is_read_as_it_was_meant(
    channel: str, event: str | None, payload: Any, kind: Kind, supabase: bool
) -> None:
    message = Message(1, channel, kind, json.dumps(payload).encode(), event=event)
    expected = payload if isinstance(payload, dict) else {"payload": payload}
    for vsn in VERSIONS:
        for _ in range(2):  # anew, and with what is kept of the first time
            told = read(face(vsn, supabase).message(message), vsn)
            assert (told["join_ref"], told["ref"]) == (None, None)
            if supabase:
                assert (told["topic"], told["event"]) == (f"realtime:{channel}", "broadcast")
                assert (told["payload"]["type"], told["payload"]["payload"]) == ("broadcast", expected)
                name = told["payload"]["event"]
            else:
                assert (told["topic"], told["payload"]) == (channel, expected)
                name = told["event"]
            assert not is_reserved(name)
            if event is not None and not is_reserved(event):
                assert name == event


@given(NAMES, NAMES, JSON)
def test_an_event_comes_back_as_it_was_sent(channel: str, event: str, payload: Any) -> None:
    command = outcome(face().decode, json.dumps([None, "1", f"x{channel}", event, payload]).encode())
    if not isinstance(command, Send) or command.private:
        return
    kind = Kind.AUTHENTICATED if command.authenticated else Kind.PUBLIC
    message = Message(1, command.channel, kind, command.payload, event=command.event)
    told = read(face().message(message), "2.0.0")
    expected = payload if isinstance(payload, dict) else {"payload": payload}
    assert (told["topic"], told["event"], told["payload"]) == (f"x{channel}", event, expected)


@given(st.lists(st.tuples(NAMES, st.dictionaries(NAMES, JSON, max_size=3)), max_size=5), st.booleans())
def test_presence_lists_everyone_under_its_key(members: list[tuple[str, dict[str, Any]]], supabase: bool) -> None:
    client = {"socketId": "id", "extras": {}, "permissions": {"dbo_id": 0, "row_id": 0}}
    present = [
        Present(json.dumps(client).encode(), "id", None, key, ref, 7, json.dumps(state).encode())
        for ref, (key, state) in enumerate(members)
    ]
    state = read(face("2.0.0", supabase).presence_full("c", present), "2.0.0")["payload"]
    listed = {(key, meta["phx_ref"]) for key, entry in state.items() for meta in entry["metas"]}
    assert listed == {(key, str(ref)) for ref, (key, _) in enumerate(members)}
    for entry in state.values():
        for meta in entry["metas"]:
            said = members[int(meta["phx_ref"])][1]
            assert {**said, **{name: meta[name] for name in client}} | meta == meta


@pytest.mark.parametrize("data", [b"", b"a", b"ab", bytes(range(256))])
def test_bytes_that_travel_as_bytes_are_the_same(data: bytes) -> None:
    payload = b'{"$binary":"%b"}' % b64encode(data)
    message = Message(1, "c", Kind.PUBLIC, payload, event="e")
    assert face().message(message)[2:] == b"\x02\x01\x01ce" + data or len(data) > 100
    assert face("1.0.0").message(message).endswith(payload + b"}")
    long = Message(1, "c" * 256, Kind.PUBLIC, payload, event="e")
    assert json.loads(text_of(face().message(long)))[4] == json.loads(payload)


def test_a_token_is_blanked_wherever_it_stands() -> None:
    frame = b'["1","1","a","phx_join",{"access_token" : "se\\"cret.x-y_z","b":{"access_token":"secret"}}]'
    blanked = face().blanked(frame)
    assert b"secret" not in blanked
    assert b"cret.x" not in blanked
    assert json.loads(blanked)[4]["b"] == {"access_token": "***"}


def test_an_error_that_answers_nothing_is_told_to_the_connection() -> None:
    told = read(face().error("room", Code.KICKED, "Out.", "7"), "2.0.0")
    assert (told["topic"], told["event"]) == ("phoenix", "error")
    assert told["payload"] == {"reason": "Out.", "code": "kicked", "ref": "7"}


def test_versions() -> None:
    assert face_of(None, False) is face_of("1.0.0", False)
    assert face_of("2.1", True) is face_of("2.0.0", True)
    for vsn in ("", "0.9", "3.0.0", "x", "²", "1" * 5000):
        assert face_of(vsn, False) in ([face_of("1.0.0", False)] if vsn == "" else [None])
