"""Rates, recent messages, keys and values: exact where they say so, expired when they say so, bounded in every way."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.triggers import memory
from webapp.triggers.memory import EXACT_MOST, KeyValues, Lately, Rates, Recent

quickly = settings(max_examples=200, deadline=None, database=None)
steps = st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 8).map(lambda n: n / 4)), max_size=60)


class Naive:
    """Every moment that was let pass, of every key, for ever."""

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit, self.seconds = limit, seconds
        self.passed: list[tuple[str, float]] = []

    def within(self, key: str, now: float) -> float:
        lately = [at for other, at in self.passed if other == key and at > now - self.seconds]
        if len(lately) >= self.limit:
            return lately[-self.limit] + self.seconds - now
        self.passed.append((key, now))
        return 0.0


@quickly
@given(st.integers(1, 5), st.integers(1, 4), steps)
def test_a_window_moves_and_is_exact(limit: int, seconds: int, came: list[tuple[str, float]]) -> None:
    rates, naive, now = Rates(), Naive(limit, seconds), 1000.0
    for key, passed in came:
        now += passed
        assert rates.within(key, limit, seconds, now) == pytest.approx(naive.within(key, now))


@quickly
@given(st.integers(1, 5), st.integers(1, 60), st.floats(0, 1e6))
def test_after_the_seconds_that_it_says_another_one_may_come(limit: int, seconds: int, now: float) -> None:
    rates = Rates()
    for _ in range(limit):
        assert rates.within("a", limit, seconds, now) == 0
    wait = rates.within("a", limit, seconds, now + seconds / 3)
    assert 0 < wait <= seconds
    assert rates.within("a", limit, seconds, now + seconds / 3 + wait * 0.99) > 0
    assert rates.within("a", limit, seconds, now + seconds / 3 + wait + 1e-6) == 0


@settings(max_examples=15, deadline=None, database=None)
@given(st.floats(1.1, 4), st.floats(0, 100))
def test_above_a_thousand_it_is_exact_to_a_few_per_cent(pressure: float, began: float) -> None:
    limit, seconds = EXACT_MOST * 4, 10
    rates, passed = Rates(), []
    for number in range(int(limit * pressure * 5)):
        now = began + number * seconds / (limit * pressure)
        if rates.within("a", limit, seconds, now) == 0:
            passed.append(now)
    for begin in range(1, 41):
        since = began + begin
        within = sum(1 for at in passed if since <= at < since + seconds)
        assert within <= limit
    in_all = len([at for at in passed if at >= began + seconds])
    assert in_all >= limit * 4 * 0.93, "and as many as may come do come"


def test_a_thousand_is_counted_exactly() -> None:
    rates = Rates()
    assert sum(rates.within("a", EXACT_MOST, 60, 1.0 + n / 1e4) == 0 for n in range(2 * EXACT_MOST)) == EXACT_MOST


def test_what_was_touched_longest_ago_goes_first() -> None:
    kept: Lately[int] = Lately(3)
    for number in range(3):
        kept.put(number, number)
    assert kept.get(0) == 0
    kept.put(3, 3)
    assert (kept.get(1), kept.get(0), kept.get(2), kept.get(3)) == (None, 0, 2, 3)
    assert (len(kept), kept.forgotten) == (3, 1)
    kept.put(3, 33)
    assert (kept.get(3), len(kept), kept.forgotten) == (33, 3, 1)


def test_rates_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "RATES_MOST", 100)
    rates = Rates()
    for number in range(1_000):
        rates.within(str(number), 5, 60, 1.0)
    assert len(rates._windows) == 100


def test_recent_messages_are_those_of_the_last_hour_and_of_that_user_and_channel() -> None:
    recent, hour = Recent(), 3_600_000.0
    for user, channel, at in (("a", "x", 0.0), ("a", "x", 1.0), ("b", "x", 2.0), ("a", "y", 3.0), ("a", "x", hour)):
        recent.note("w", user, channel, at)
    assert recent.of("w", "a", "x", hour) == [0.0, 1.0, hour]
    assert recent.of("w", "a", "x", hour + 1) == [1.0, hour]
    assert recent.of("w", "b", "x", hour) == [2.0]
    assert recent.of("other", "a", "x", hour) == []
    assert recent.of("w", "a", "x", 3 * hour) == []


def test_recent_messages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "TALKERS_MOST", 50)
    recent = Recent()
    for at in range(500):
        recent.note("w", "a", "x", float(at))
    assert recent.of("w", "a", "x", 500.0) == [float(at) for at in range(300, 500)]
    for number in range(500):
        recent.note("w", str(number), "x" * 100_000, 1.0)
    assert len(recent._talkers) == 50
    assert all(len(text) <= 500 for key in recent._talkers._kept for text in key)
    assert recent.of("w", "499", "x" * 100_000, 1.0) == [1.0]


def test_values_are_kept_for_their_time_by_trigger_and_key() -> None:
    values = KeyValues()
    values.set("t", "a", {"n": [1, None, "é"]}, 10, 100.0)
    assert values.get("t", "a", 109.9) == {"n": [1, None, "é"]}
    assert values.get("other", "a", 109.9) is None
    assert values.get("t", "a", 110.0) is None
    values.set("t", "a", 1, None, 100.0)
    assert values.get("t", "a", 100.0 + 3599) == 1
    assert values.get("t", "a", 100.0 + 3600) is None
    values.set("t", 7, "seven", 10, 100.0)
    assert values.get("t", "7", 100.0) == "seven", "a number is as good as its text"
    assert (values.delete("t", 7), values.delete("t", 7), values.delete("none", 7)) == (True, False, False)


def test_what_is_kept_is_a_copy() -> None:
    values, made = KeyValues(), {"a": [1]}
    values.set("t", "k", made, 10, 0.0)
    made["a"].append(2)
    values.get("t", "k", 1.0)["a"].append(3)
    assert values.get("t", "k", 1.0) == {"a": [1]}


@pytest.mark.parametrize("key", ["", "x" * 201, None, True, 1.5, [], {}])
def test_keys_that_cannot_be(key: object) -> None:
    values = KeyValues()
    for use in (
        lambda: values.get("t", key, 0),
        lambda: values.set("t", key, 1, 1, 0),
        lambda: values.delete("t", key),
    ):
        with pytest.raises(ValueError, match="A key is a text of 1 to 200 characters"):
            use()


@pytest.mark.parametrize("seconds", [0, -1, 7 * 86_400 + 1, True, "5", float("nan"), []])
def test_times_that_cannot_be(seconds: object) -> None:
    with pytest.raises(ValueError, match="Expected how many seconds"):
        KeyValues().set("t", "k", 1, seconds, 0)


def test_values_are_bounded_in_size_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "KEYS_MOST", 10)
    monkeypatch.setattr(memory, "TRIGGERS_MOST", 5)
    values = KeyValues()
    values.set("t", "k", "x" * 4094, 10, 0.0)
    with pytest.raises(ValueError, match="at most 4096 bytes of JSON; this one takes 4097"):
        values.set("t", "k", "x" * 4095, 10, 0.0)
    assert len(values.get("t", "k", 0.0)) == 4094
    for number in range(9):
        values.set("t", number, number, 10 if number else 5, 0.0)
    with pytest.raises(ValueError, match="at most 10 keys"):
        values.set("t", "more", 1, 10, 1.0)
    values.set("t", "k", "others are changed", 10, 1.0)
    values.set("t", "more", "in the place of what has expired", 10, 5.0)
    assert values.get("t", 0, 5.0) is None
    for number in range(20):
        values.set(f"t{number}", "k", 1, 10, 5.0)
    assert values.get("t", "k", 5.0) is None, "the store that was used longest ago is gone"
    assert values.get("t19", "k", 5.0) == 1


def test_all_values_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand keys of 4 KiB in a thousand triggers would be 40 GB."""
    monkeypatch.setattr(memory, "VALUES_MOST", 100_000)
    values = KeyValues()
    for trigger in range(10):
        for key in range(10):
            values.set(f"t{trigger}", key, "x" * 4000, 10, 0.0)
    assert sum(values.get(f"t{trigger}", key, 0.0) is not None for trigger in range(10) for key in range(10)) <= 25
    assert values.get("t9", 9, 0.0) is not None
    with pytest.raises(ValueError, match="There is no room"):
        deque((values.set("t9", key, "x" * 4000, 10, 0.0) for key in range(100)), 0)
    for key in range(100):
        values.delete("t9", key)
    values.set("t9", 1, "x" * 4000, 10, 0.0)


def test_increments_add_up_and_their_time_begins_with_the_first() -> None:
    values = KeyValues()
    assert values.increment("t", "n", None, 10, 0.0) == 1
    assert values.increment("t", "n", 2, 1000, 9.0) == 3
    assert values.increment("t", "n", -0.5, None, 9.9) == 2.5
    assert values.increment("t", "n", 1, 10, 10.0) == 1, "which has expired by now"
    values.set("t", "text", "1", 10, 0.0)
    values.set("t", "yes", True, 10, 0.0)
    for key in ("text", "yes"):
        with pytest.raises(ValueError, match="What is kept there is no number"):
            values.increment("t", key, 1, 10, 1.0)
    for by in ("1", True, [], {}):
        with pytest.raises(ValueError, match="Expected a number to add"):
            values.increment("t", "n", by, 10, 1.0)


@quickly
@given(
    st.lists(st.tuples(st.integers(-5, 5), st.floats(0, 3)), max_size=20), st.integers(1, 7 * 86_400), st.floats(0, 1e7)
)
def test_increments_equal_a_naive_sum(adds: list[tuple[int, float]], seconds: int, now: float) -> None:
    values = KeyValues()
    total, ends = 0, 0.0
    for by, passed in adds:
        now += passed
        if now >= ends:
            total, ends = 0, now + seconds
        total += by
        assert values.increment("t", "n", by, seconds, now) == total


@pytest.mark.parametrize("by", [1e300, float("inf"), float("nan"), 2**60])
def test_sums_that_no_number_holds_are_refused_and_change_nothing(by: float) -> None:
    values = KeyValues()
    values.increment("t", "n", 5, 10, 0.0)
    with pytest.raises(ValueError, match="too large to be kept"):
        values.increment("t", "n", by, 10, 0.0)
    assert values.get("t", "n", 1.0) == 5
