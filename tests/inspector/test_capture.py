"""What is captured: payloads of full capture alone, and never the values of redacted fields."""

import json
import timeit
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from webapp.inspector.capture import HIDDEN, TICKS_A_SECOND, Capture, Captured, Mode, hides, redacted

NAMES = frozenset({"password", "token"})
SECRET = "hunter2"


def tick(seconds: float) -> int:
    return int(seconds * TICKS_A_SECOND)


def test_only_what_passed_during_full_capture_is_shown() -> None:
    captured = Captured()
    captured.set(Capture(until=200.0), tick(100))
    assert [captured.shows(tick(t)) for t in (99.9, 100, 150, 199.9, 200)] == [False, True, True, True, False]


def test_switching_off_ends_it_and_what_was_captured_stays() -> None:
    captured = Captured()
    captured.set(Capture(until=200.0), tick(100))
    captured.set(Capture(), tick(150))
    assert [captured.shows(tick(t)) for t in (120, 160)] == [True, False]


def test_prolonging_does_not_lose_what_was_captured_before() -> None:
    captured = Captured()
    captured.set(Capture(until=200.0), tick(100))
    captured.set(Capture(until=300.0), tick(150))
    assert [captured.shows(tick(t)) for t in (110, 250, 301)] == [True, True, False]


def test_an_end_in_the_past_captures_nothing() -> None:
    captured = Captured()
    captured.set(Capture(Mode.METADATA, until=50.0), tick(100))
    assert not captured.shows(tick(40))


def test_fields_are_hidden_at_any_depth_and_in_any_case() -> None:
    value = {"Password": SECRET, "user": [{"token": {"deep": SECRET}}, "password"], "n": 1}
    shown = json.loads(redacted(json.dumps(value).encode(), NAMES))
    assert shown == {"Password": HIDDEN, "user": [{"token": HIDDEN}, "password"], "n": 1}


def test_what_can_not_be_looked_through_is_hidden_whole() -> None:
    assert json.loads(redacted(b'{"password": "hunter2"', NAMES)) == HIDDEN
    assert json.loads(redacted(b"[" * 5000 + b'"hunter2"' + b"]" * 5000, NAMES)) == HIDDEN


def test_without_names_nothing_is_touched() -> None:
    assert redacted(b"not json", frozenset()) == b"not json"


def test_a_field_that_is_there_twice_shows_neither() -> None:
    """Of two fields with one name a reader sees the last; what was in the first was shown as it was sent."""
    twice = b'{"a": {"password": "hunter2"}, "a": 1}'
    assert (json.loads(redacted(twice, NAMES)), hides(twice, NAMES)) == ({"a": 1}, False)
    frame = b'{"payload": {"pass\\u0077ord": "hunter2"}, "payload": {"n": [1]}}'
    assert json.loads(redacted(frame, NAMES)) == {"payload": {"n": [1]}}


def test_what_mentions_no_name_is_shown_as_it_was_sent() -> None:
    assert redacted(b'{ "n" : 1.50 }', NAMES) == b'{ "n" : 1.50 }'


def test_hiding_holds_nobody_up() -> None:
    """64 KiB of brackets took 25 ms, half a dozen times for one route; the loop stood still."""
    wide = b"[" + b",".join([b"[]"] * 21_000) + b',"token"]'
    assert min(timeit.repeat(lambda: redacted(wide, NAMES), number=1, repeat=10)) < 0.015


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["password", "PassWord", "token", "a", "b"]), inner, max_size=4)
    ),
    max_leaves=20,
)


def hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: HIDDEN if name.lower() in NAMES else hidden(inner) for name, inner in value.items()}
    return [hidden(item) for item in value] if isinstance(value, list) else value


@given(values)
def test_all_else_stays_as_it_was(value: Any) -> None:
    written = json.dumps(value).encode()
    assert json.loads(redacted(written, NAMES)) == hidden(value)
    assert hides(written, NAMES) == (hidden(value) != value)
