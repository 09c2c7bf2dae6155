"""Reading what an admin wrote as a target: nesting, misplaced stars, what to write instead."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.targets import Target, TargetError, parse_target

from .strategies import quickly


@pytest.mark.parametrize("text", ["chat", "foo*", "*", "a/*", "a/b", "/", "x" * 255])
def test_without_nesting_the_text_is_kept(text: str) -> None:
    assert parse_target(text, nested=False) == Target(text, nested=False)


@pytest.mark.parametrize(
    ("text", "becomes"),
    [("chatroom", "chatroom/*"), ("a/b", "a/b/*"), ("chatroom/*", "chatroom/*"), ("*", "*"), ("*/info", "*/info")],
)
def test_nesting_appends_a_star_where_there_is_none(text: str, becomes: str) -> None:
    assert parse_target(text, nested=True) == Target(becomes, nested=True)


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("text", ["", "x" * 256, "a\nb", "a\x7f", "a\x9fb", "\ud800"])
def test_what_can_be_no_channel_can_be_no_target(text: str, nested: bool) -> None:
    with pytest.raises(TargetError, match="target"):
        parse_target(text, nested)


def test_the_star_that_nesting_appends_counts_for_the_length() -> None:
    assert len(parse_target("x" * 253, nested=True).text) == 255
    with pytest.raises(TargetError, match="255"):
        parse_target("x" * 254, nested=True)


def suggestions(text: str) -> list[str]:
    """What the message about a misplaced star says to write: all it quotes but the segment at fault."""
    with pytest.raises(TargetError) as caught:
        parse_target(text, nested=True)
    message = str(caught.value)
    assert "whole segment" in message
    instead = message[message.index("Write") :]
    return re.findall("`([^`]*)`", instead)


@pytest.mark.parametrize(
    ("text", "instead"),
    [("foo*", {"*", "foo/*"}), ("*foo", {"*", "foo/*"}), ("a*b/c", {"*/c", "ab/*"}), ("**", {"*"}), ("a/**", {"a/*"})],
)
def test_a_star_beside_other_characters_is_refused_with_what_to_write_instead(text: str, instead: set[str]) -> None:
    assert instead <= set(suggestions(text))


@pytest.mark.parametrize(("text", "instead"), [("org/room*", "org/room/*"), ("org/*/room*", "org/*/room/*")])
def test_what_to_write_instead_keeps_what_comes_before_the_segment(text: str, instead: str) -> None:
    # `room/*` in its place would cover channels of which the admin never spoke.
    assert instead in suggestions(text)


@quickly
@given(st.lists(st.text("ab*", max_size=3), min_size=1, max_size=4).map("/".join).filter(bool))
def test_a_nested_target_has_whole_stars_or_is_refused_with_targets_that_work(text: str) -> None:
    segments = text.split("/")
    if all("*" not in segment or segment == "*" for segment in segments):
        target = parse_target(text, nested=True)
        assert target.nested
        assert "*" in target.segments
        assert target.text.startswith(text)
    else:
        found = suggestions(text)
        assert found
        for suggestion in found:
            assert "*" in parse_target(suggestion, nested=True).segments


@quickly
@given(st.text("ab/*", min_size=1, max_size=9), st.booleans())
def test_reading_a_target_twice_changes_nothing(text: str, nested: bool) -> None:
    try:
        target = parse_target(text, nested)
    except TargetError:
        return
    assert parse_target(target.text, nested) == target
    assert str(target) == target.text
