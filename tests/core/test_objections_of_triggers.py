"""What triggers have against an event is the last that decides: it can only take away what the rules allow."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.actors import Actor
from webapp.core.codes import Code
from webapp.core.decision import State
from webapp.core.permissions import Operation
from webapp.core.policy import JOINED, Facts, Objection, Peer, decide, rights
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target
from webapp.core.triggers import Trigger, TriggerEvent

from .making import actor, rule, rule_set
from .strategies import kinds, near_channels, quickly, rule_sets

CODES = (Code.BLOCKED_BY_TRIGGER, Code.TRIGGER_FAILED, Code.RATE_LIMITED)
objections = st.builds(
    Objection, st.sampled_from(CODES), st.just("guard"), st.just("Why."), st.sampled_from(["", "No."])
)
facts = st.builds(
    Facts,
    joined=st.sampled_from([True, False, None]),
    marked_authenticated=st.booleans(),
    peer=st.none() | st.builds(Peer, st.booleans(), kinds),
    blocked=st.booleans(),
    banned=st.booleans(),
    muted=st.booleans(),
)


@quickly
@given(rule_sets(), kinds.map(Actor), st.sampled_from(Operation), near_channels, facts, objections)
def test_it_decides_last_and_lets_nothing_in(
    rules: RuleSet, who: Actor, operation: Operation, channel: str, given_facts: Facts, objection: Objection
) -> None:
    without = decide(rules, who, operation, channel, given_facts)
    decision = decide(rules, who, operation, channel, replace(given_facts, objection=objection))
    assert not decision.allowed
    if without.allowed:
        assert (decision.code, decision.told) == (objection.code, objection.told)
        assert decision.steps[:-1] == without.steps
        assert (decision.steps[-1].subject, decision.steps[-1].state) == ("trigger", State.BLOCKED)
        assert decision.steps[-1].sentence == "Why."
    else:
        assert (decision.code, decision.steps) == (without.code, without.steps)
        assert decision.told == "", "what the rules refuse is told in the words of its own code"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("operation", [Operation.JOIN, Operation.SEND_PUBLIC, Operation.RECEIVE_EVENT])
def test_its_code_and_what_the_client_is_told(code: Code, operation: Operation) -> None:
    objection = Objection(code, "guard", "Trigger `guard`: too long.", "At most 500 characters.")
    facts = replace(JOINED, objection=objection)
    decision = decide(rule_set(rule(letters="A+M")), actor(False), operation, "lobby", facts)
    assert (decision.code, decision.told) == (code, "At most 500 characters.")


def test_rights_say_which_triggers_run_on_messages() -> None:
    guard = Trigger("guard")
    for triggers, expected in (
        ((), ()),
        ((guard,), (guard,)),
        ((Trigger("guard", enabled=False),), ()),
        ((Trigger("guard", frozenset({TriggerEvent.JOIN, TriggerEvent.LEAVE, TriggerEvent.EVENT})),), ()),
        ((Trigger("off", enabled=False), guard), (guard,)),
    ):
        rules = RuleSet((Rule(Target("lobby"), triggers=triggers),))
        assert rights(rules, actor(True).kind, "lobby").triggers == expected
        assert rights(rules, actor(True).kind, "elsewhere").triggers == ()
