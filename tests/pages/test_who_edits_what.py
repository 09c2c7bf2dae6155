"""Open forms are remembered while they say something, and never too many of them."""

from webapp.core.targets import Target
from webapp.web.channels.editors import SILENCE, Editors

CHAT, NEWS = Target("chat"), Target("news")


def others(editors: Editors, now: float, target: Target = CHAT, username: str = "ada") -> list[tuple[str, float]]:
    return [(other.username, now - other.since) for other in editors.others("default", target, username, now)]


def test_others_in_the_same_rule_are_told_since_when() -> None:
    editors = Editors()
    editors.beat("default", CHAT, "bob", 0)
    editors.beat("default", CHAT, "ada", 10)
    editors.beat("default", CHAT, "bob", 12)
    editors.beat("default", NEWS, "cy", 12)
    editors.beat("second", CHAT, "dan", 12)
    assert others(editors, 15) == [("bob", 15)]
    assert others(editors, 15, username="bob") == [("ada", 5)]
    assert [editing.username for editing in editors.in_workspace("default", 15)] == ["bob", "ada", "cy"]


def test_an_exact_name_and_a_pattern_are_two_rules() -> None:
    editors = Editors()
    editors.beat("default", Target("*", nested=True), "bob", 0)
    assert others(editors, 1, Target("*")) == []


def test_who_falls_silent_or_is_done_is_forgotten() -> None:
    editors = Editors()
    for at, username in ((-0.2, "bob"), (-0.1, "cy"), (0, "dan")):
        editors.beat("default", CHAT, username, at)
    editors.gone("default", CHAT, "dan")
    editors.beat("default", CHAT, "bob", 20)
    assert [name for name, _ in others(editors, SILENCE - 0.5)] == ["bob", "cy"]
    assert [name for name, _ in others(editors, SILENCE + 1)] == ["bob"]
    assert others(editors, 20 + SILENCE + 1) == []


def test_of_too_many_those_silent_longest_go() -> None:
    editors = Editors(most=3)
    for number in range(5):
        editors.beat("default", CHAT, f"user{number}", number)
    assert [name for name, _ in others(editors, 5)] == ["user2", "user3", "user4"]
