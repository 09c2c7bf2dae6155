"""What a client is told: a short sentence that reveals nothing about rules, other channels or other clients."""

from collections import defaultdict

from webapp.core.actors import Actor, Kind
from webapp.core.decision import Decision, State
from webapp.core.grants import parse_grants
from webapp.core.permissions import Operation
from webapp.core.policy import Facts, Peer, decide
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import parse_authorized_channel, parse_target

from .making import actor, ask, code_of, permissions, rule, rule_set
from .permission_table import ALL_LETTERS, OPERATIONS

SECRETS = ("zq", "41-secret")
CHANNEL = "zqroom/zqone"


def decisions() -> list[Decision]:
    """Every operation under many rules, tokens and facts; names that a client must not be shown hold ``zq``."""
    kinds = [
        Kind(),
        Kind(True),
        Kind(
            True, parse_grants({"resources": {"channels": {"zqother": ["read"]}}, "patterns": {"groups": {"zq": []}}})
        ),
        Kind(True, None, (parse_authorized_channel("zqelsewhere/*"),)),
    ]
    facts = [
        Facts(),
        Facts(joined=False),
        Facts(joined=None),
        Facts(peer=Peer(False)),
        Facts(peer=Peer(True), marked_authenticated=True),
        Facts(blocked=True),
        Facts(banned=True),
        Facts(muted=True),
    ]
    made = []
    for letters in ALL_LETTERS[::3]:
        for target, channel in (("zqroom/*", CHANNEL), ("zqroom/*", "zqnowhere"), ("*", "zq\x00")):
            for enabled in (True, False):
                rules = RuleSet(
                    (Rule(parse_target(target, True), permissions(letters), description="zq"),), Switches(enabled), 41
                )
                made += [
                    decide(rules, Actor(kind, user_id="41-secret"), operation, channel, fact)
                    for kind in kinds
                    for operation in Operation
                    for fact in facts
                ]
    return made


def test_texts_reveal_nothing() -> None:
    texts = defaultdict(set)
    for decision in decisions():
        assert not any(secret in decision.message for secret in SECRETS), decision.message
        texts[code_of(decision), decision.operation == "join"].add(decision.message)
    # One text a code, whatever the rule: what differs would tell rules, members or tokens apart.
    assert {key for key, messages in texts.items() if len(messages) != 1} == set()
    assert len({code for code, _ in texts}) >= 15


def test_an_anonymous_join_that_is_denied_gets_the_text_of_xano() -> None:
    decision = ask(rule_set(rule(letters="M+Ma")), actor(False), "join")
    assert code_of(decision) == "anonymous_not_allowed"
    assert decision.message == "Anonymous clients cannot join this channel."


def test_a_silent_member_is_not_told_that_it_could_not_join() -> None:
    rules = rule_set(rule(letters="X"))
    assert ask(rules, actor(False), "join").allowed
    for operation in ("send_public", "read_history"):
        decision = ask(rules, actor(False), operation)
        assert code_of(decision) == "anonymous_not_allowed"
        assert "join" not in decision.message


def test_every_text_is_one_short_line() -> None:
    for decision in decisions():
        assert 0 < len(decision.message) <= 120
        assert "\n" not in decision.message


def test_a_decision_carries_rule_version_and_steps() -> None:
    room = rule(letters="A")
    rules = rule_set(room)
    for operation in OPERATIONS:
        for authenticated in (False, True):
            decision = ask(rules, actor(authenticated), operation)
            assert decision.rule is room
            assert decision.version == 7
            assert decision.operation == operation
            assert decision.channel == "lobby"
            assert decision.allowed == (decision.code is None)
            assert all(step.subject and step.sentence and step.state in State for step in decision.steps)


def test_a_refusal_ends_with_the_step_that_blocked_and_an_approval_has_none() -> None:
    refusing = {State.BLOCKED, State.OFF, State.NO_MATCH}
    for decision in decisions():
        *before, last = decision.steps
        assert (last.state in refusing) == (not decision.allowed)
        assert not any(step.state in refusing for step in before)
