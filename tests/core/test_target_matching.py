"""Which channels a target covers, and whether two targets have one in common."""

import pytest
from hypothesis import example, given

from webapp.core.targets import Target

from . import naive
from .strategies import channels, patterns, quickly, targets


@pytest.mark.parametrize(
    ("text", "covers", "leaves"),
    [
        (
            "chatroom/*",
            ["chatroom/a", "chatroom/a/b", "chatroom//"],
            ["chatroom", "chatroom/", "Chatroom/a", "chatrooms/a"],
        ),
        (
            "org/*/rooms/*",
            ["org/1/rooms/2", "org/1/rooms/2/3"],
            ["org//rooms/2", "org/1/2/rooms/3", "org/1/rooms/", "org/1/rooms"],
        ),
        ("*/info", ["a/info"], ["/info", "info", "a/b/info", "a/info/b"]),
        ("*", ["a", "a/b", "/", "*", "/a"], [""]),
        ("*/*", ["a/b", "a/b/c"], ["a", "/b", "a/"]),
        ("a//*", ["a//b"], ["a/b", "a//"]),
    ],
)
def test_the_examples_of_the_page(text: str, covers: list[str], leaves: list[str]) -> None:
    target = Target(text, nested=True)
    assert [channel for channel in covers if not target.matches(channel)] == []
    assert [channel for channel in leaves if target.matches(channel)] == []


@pytest.mark.parametrize("text", ["chat", "chat/*", "*", "foo*", "a/*/b"])
def test_without_nesting_a_target_is_exactly_that_name(text: str) -> None:
    target = Target(text)
    assert target.matches(text)
    for other in ("chat/a", "a", "foo", "foobar", "a/x/b", text + "/", text.upper() + "x"):
        assert target.matches(other) == (other == text)


def test_every_small_target_covers_what_the_naive_matcher_says() -> None:
    wrong = [
        (t.text, t.nested, c) for t in naive.TARGETS for c in naive.CHANNELS if t.matches(c) != naive.matches(t, c)
    ]
    assert wrong == []


@quickly
@given(targets, channels)
def test_any_target_covers_what_the_naive_matcher_says(target: Target, channel: str) -> None:
    assert target.matches(channel) == naive.matches(target, channel)


def test_two_targets_overlap_exactly_if_some_channel_is_covered_by_both() -> None:
    # All pairs of small targets against all small channels. A witness needs at most one segment more than the
    # longer target, and one name that is in neither.
    covered = {t: frozenset(c for c in naive.CHANNELS if naive.matches(t, c)) for t in naive.TARGETS}
    wrong = [
        (a.text, a.nested, b.text, b.nested)
        for a in naive.TARGETS
        for b in naive.TARGETS
        if a.overlaps(b) == covered[a].isdisjoint(covered[b])
    ]
    assert wrong == []


@quickly
@given(targets, targets, channels)
@example(Target("a/*/b", True), Target("a/*", True), "a/x/b")
def test_overlap_is_symmetric_and_holds_wherever_a_channel_is_shared(a: Target, b: Target, channel: str) -> None:
    assert a.overlaps(b) == b.overlaps(a)
    assert a.overlaps(a)
    if a.matches(channel) and b.matches(channel):
        assert a.overlaps(b)


@quickly
@given(patterns, channels)
def test_what_the_stars_stood_for_gives_the_channel_again(target: Target, channel: str) -> None:
    if not target.matches(channel):
        return
    stood_for = list(target.params(channel))
    assert all(stood_for)
    filled = [stood_for.pop(0) if segment == "*" else segment for segment in target.text.split("/")]
    assert stood_for == []
    assert "/".join(filled) == channel


def test_params_by_example() -> None:
    assert Target("org/*/rooms/*", True).params("org/1/rooms/2/3") == ("1", "2/3")
    assert Target("*/info", True).params("a/info") == ("a",)
    assert Target("*").params("*") == ()
