"""What a channel's name may be: 1–255 characters, case-sensitive, no control characters."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.targets import channel_problem

from .making import actor, ask, code_of, rule, rule_set
from .strategies import quickly

CONTROLS = [chr(point) for point in range(0x10FFFF + 1) if unicodedata.category(chr(point)) == "Cc"]


@pytest.mark.parametrize(
    "name", ["a", "/", "*", " ", "a b", "é", "日本", "🌊", "a/b//c", "x" * 255, "🌊" * 255, "\u2028"]
)
def test_names_that_are_channels(name: str) -> None:
    assert channel_problem(name) is None


@pytest.mark.parametrize("name", ["", "x" * 256, "🌊" * 256])
def test_names_of_the_wrong_length(name: str) -> None:
    assert channel_problem(name)


def test_control_characters_are_refused_wherever_they_are() -> None:
    assert {"\x00", "\n", "\x1f", "\x7f", "\x80", "\x85", "\x9f"} <= set(CONTROLS)
    for control in CONTROLS:
        for name in (control, f"a{control}", f"{control}a", f"a{control}b"):
            assert channel_problem(name), repr(name)
    for neighbour in (" ", "~", "\xa0"):
        assert channel_problem(f"a{neighbour}b") is None


@pytest.mark.parametrize("point", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
def test_lone_surrogates_are_refused(point: int) -> None:
    # JSON can spell them, and no frame can carry them back.
    assert channel_problem(f"a{chr(point)}")


@quickly
@given(st.text(max_size=300))
def test_a_name_is_a_channel_exactly_if_length_and_characters_are_right(name: str) -> None:
    allowed = 1 <= len(name) <= 255 and not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)
    assert (channel_problem(name) is None) == allowed


@quickly
@given(st.text(min_size=1, max_size=300))
def test_a_channel_can_be_sent_in_a_frame(name: str) -> None:
    if channel_problem(name) is None:
        assert name.encode().decode() == name


def test_names_are_case_sensitive() -> None:
    rules = rule_set(rule("Lobby"))
    assert ask(rules, actor(False), "join", "Lobby").allowed
    assert code_of(ask(rules, actor(False), "join", "lobby")) == "no_rule"
