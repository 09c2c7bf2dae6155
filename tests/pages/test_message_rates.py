"""Messages a minute, by rule, from counts that grow while a channel is open."""

from dataclasses import dataclass

import pytest

from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target, parse_target
from webapp.web.channels.rates import WINDOW, Rates

CHAT, NEWS = parse_target("chat", True), Target("news")
RULES = RuleSet((Rule(CHAT), Rule(NEWS)))


@dataclass
class Channel:
    name: str
    messages: int = 0


def look(rates: Rates, now: float, *channels: Channel) -> dict[Target, float] | None:
    found = rates.look("default", channels, RULES, now)
    return dict(found) if found is not None else None


def test_nothing_is_known_at_first() -> None:
    assert look(Rates(), 0, Channel("chat/a", 100)) is None


def test_what_came_since_counts_by_rule() -> None:
    rates = Rates()
    a, b, news, free = Channel("chat/a", 100), Channel("chat/b"), Channel("news", 7), Channel("free", 5)
    look(rates, 0, a, b, news, free)
    a.messages, b.messages, free.messages = 110, 20, 50
    assert look(rates, 30, a, b, news, free) == {CHAT: 60}
    opened_since = Channel("news2"), Channel("chat/c", 3)
    assert look(rates, 60, a, b, news, free, *opened_since) == {CHAT: pytest.approx(33)}


def test_a_channel_that_closed_and_opened_again_is_not_counted_below_zero() -> None:
    rates = Rates()
    look(rates, 0, Channel("news", 100))
    assert look(rates, 60, Channel("news", 4)) == {NEWS: 4}


def test_it_is_about_the_last_minute() -> None:
    rates = Rates()
    look(rates, 0, Channel("news", 0))
    assert look(rates, 30, Channel("news", 30)) == {NEWS: 60}
    assert look(rates, 60, Channel("news", 30)) == {NEWS: 30}
    assert look(rates, 91, Channel("news", 30)) == {}


def test_many_who_look_count_once() -> None:
    rates = Rates()
    look(rates, 0, Channel("news", 0))
    assert look(rates, 10, Channel("news", 10)) == {NEWS: 60}
    assert look(rates, 10.5, Channel("news", 1000)) == {NEWS: 60}


def test_after_nobody_looked_it_begins_anew() -> None:
    rates = Rates()
    look(rates, 0, Channel("news", 0))
    assert look(rates, WINDOW + 1, Channel("news", 10_000)) is None
    assert look(rates, WINDOW + 11, Channel("news", 10_001)) == {NEWS: 6}
