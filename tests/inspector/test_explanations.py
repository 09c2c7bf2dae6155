"""What one actor may do on every channel: the judge's own answers, for each active rule once."""

from hypothesis import given
from hypothesis import strategies as st

from tests.core.making import actor, holder, pattern, rule, rule_set
from tests.core.strategies import channels, kinds, quickly, rule_sets
from webapp.core.actors import ANONYMOUS, Actor, Kind
from webapp.core.codes import Code
from webapp.core.permissions import Operation
from webapp.core.policy import decide
from webapp.core.ruleset import RuleSet
from webapp.inspector.explanation import CHANNELS_MOST, example_channel, on_channel, on_rules


@quickly
@given(rule_sets(), kinds, channels)
def test_the_answer_is_the_judges(rules: RuleSet, kind: Kind, channel: str) -> None:
    who = Actor(kind=kind)
    answer = on_channel(rules, who, channel)
    join = decide(rules, who, Operation.JOIN, channel)
    assert [decision.operation for decision in answer.decisions] == list(Operation)
    assert answer.join == join
    for decision in answer.decisions[1:]:
        as_member = decide(rules, who, decision.operation, channel)
        if join.allowed or not as_member.allowed:
            assert decision == as_member
        else:
            assert join.code is Code.GRANT_MISSING
    assert all(reason in decision.steps for reason, decision in zip(answer.reasons, answer.decisions, strict=True))


@quickly
@given(rule_sets(), kinds, st.lists(channels, max_size=6), st.integers(1, 4))
def test_every_active_rule_is_answered_for_once(rules: RuleSet, kind: Kind, opened: list[str], most: int) -> None:
    who, seen = Actor(kind=kind), []
    for start in range(0, 12, most):
        page = on_rules(rules, who, opened=opened, start=start, most=most)
        seen += [entry.rule for entry in page.rules]
        for entry in page.rules:
            assert len(entry.answers) <= CHANNELS_MOST
            for answer in entry.answers:
                assert rules.resolve(answer.channel) is entry.rule
                assert answer.is_open == (answer.channel in opened)
    assert seen == [rule for rule in rules.rules if rule.enabled]


def test_an_example_is_a_channel_that_the_rule_decides() -> None:
    rules = rule_set(pattern("chat/*"), pattern("chat/example/*"), rule("chat/example"), pattern("org/*/rooms/*"))
    assert example_channel(rules, rules.rules[0]) == "chat/a"
    assert example_channel(rules, rules.rules[2]) == "chat/example"
    assert example_channel(rules, rules.rules[3]) == "org/example/rooms/example"


def test_channels_that_a_token_names_are_answered_for() -> None:
    rules = rule_set(pattern("*"), pattern("chat/*"))
    page = on_rules(rules, holder({"resources": {"channels": {"chat/a": ["read"]}}}, ["chat/*", "news"]))
    assert [a.channel for a in page.rules[0].answers] == ["news", "example"]
    assert [a.channel for a in page.rules[1].answers] == ["chat/example", "chat/a"]
    assert [a.join.allowed for a in page.rules[1].answers] == [False, True]


def test_channels_that_no_rule_decides_are_told_apart() -> None:
    page = on_rules(rule_set(rule("chat")), holder(None, ["news"]), own=["old"])
    assert [(a.channel, a.is_open, a.join.code) for a in page.unruled] == [
        ("old", True, Code.CHANNEL_NOT_AUTHORIZED),
        ("news", False, Code.NO_RULE),
    ]


def test_open_channels_beyond_those_shown_are_counted() -> None:
    opened = [f"chat/{n}" for n in range(20)]
    plain = on_rules(rule_set(pattern("chat/*")), ANONYMOUS, own=["chat/7"], opened=opened).rules[0]
    assert ([a.channel for a in plain.answers], plain.more) == (["chat/7"], 19)
    narrowed = on_rules(rule_set(pattern("chat/*")), holder(None, ["chat/*"]), opened=opened).rules[0]
    assert len(narrowed.answers) == CHANNELS_MOST
    assert narrowed.more == 20 - sum(a.is_open for a in narrowed.answers)


def test_without_a_grant_to_join_only_requests_without_connection_are_allowed() -> None:
    rules = rule_set(rule("chat", "A+P+M+V"))
    answer = on_channel(rules, holder({"resources": {"channels": {"chat": ["write"]}}}), "chat")
    allowed = {decision.operation for decision in answer.decisions if decision.allowed}
    assert allowed == {Operation.SEND_PUBLIC, Operation.SEND_PRIVATE}
    assert answer.only_without_connection
    assert not on_channel(rules, actor(authenticated=True), "chat").only_without_connection


def test_the_reason_is_the_step_that_says_most() -> None:
    answer = on_channel(rule_set(rule("chat", "M+Ma")), actor(authenticated=True), "chat")
    reasons = dict(zip(Operation, (reason.sentence for reason in answer.reasons), strict=True))
    assert reasons[Operation.SEND_PUBLIC] == "The client is authenticated."
    assert reasons[Operation.SEND_PRIVATE] == "*Client private messaging* is off."
