"""The tap keeps what has just happened, within bounds, and finds a refusal by the number a client was told."""

import pytest

from webapp.core.codes import Code
from webapp.inspector import tap as tap_module
from webapp.inspector.tap import Tap
from webapp.realtime.events import Kind, Message, Refusal


def message(number: int, payload: bytes = b"1") -> Message:
    return Message(number, "a", Kind.PUBLIC, payload)


def deliver(tap: Tap, *messages: Message) -> None:
    for one in messages:
        tap.delivered("default", one, 3, 2, 1.0, 1.5)


def test_a_record_says_what_became_of_a_message() -> None:
    tap = Tap()
    deliver(tap, message(7))
    (trace,) = tap.recent()
    assert (trace.workspace, trace.message.id, trace.version, trace.recipients) == ("default", 7, 3, 2)
    assert trace.published - trace.received == 0.5
    assert tap.messages == 1


def test_the_oldest_go_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "MESSAGES_KEPT", 3)
    tap = Tap()
    deliver(tap, *map(message, range(5)))
    assert [trace.message.id for trace in tap.recent()] == [2, 3, 4]
    assert tap.messages == 5


def test_large_messages_push_out_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap_module, "BYTES_KEPT", 100)
    tap = Tap()
    deliver(tap, message(1), message(2, b"x" * 60), message(3, b"x" * 60), message(4))
    assert [trace.message.id for trace in tap.recent()] == [3, 4]


def test_a_refusal_is_found_by_its_number() -> None:
    tap = Tap()
    for ref, code in (("1", Code.NO_RULE), ("2", Code.MUTED), ("3", Code.MUTED)):
        tap.refusal(Refusal(ref, 0.0, "default", code, code.sentence))
    found = tap.find_refusal("2")
    assert found is not None
    assert found.code is Code.MUTED
    assert tap.find_refusal("4") is None
    assert tap.refused == {Code.NO_RULE: 1, Code.MUTED: 2}
