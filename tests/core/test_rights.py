"""What is compiled for members equals what the judge says, for every operation."""

from hypothesis import given

from webapp.core.actors import Actor, Kind
from webapp.core.permissions import Operation
from webapp.core.policy import Facts, decide, rights
from webapp.core.ruleset import RuleSet

from .making import pattern, rule_set
from .permission_table import ALL_LETTERS, EXPECTED, EXPECTED_STRICT, OPERATIONS
from .strategies import kinds, near_channels, near_targets, quickly, rule_sets


@quickly
@given(rule_sets(near_targets), kinds, near_channels)
def test_rights_equal_the_decisions_about_a_member(rules: RuleSet, kind: Kind, channel: str) -> None:
    compiled = rights(rules, kind, channel)
    for who in (Actor(kind), Actor(kind, user_id="u-17", extras={"a": 1}, is_test=True)):
        for operation in Operation:
            assert getattr(compiled, operation.value) == decide(rules, who, operation, channel, Facts()).allowed
    assert compiled.version == rules.version
    assert compiled.rule is rules.resolve(channel)
    assert compiled.history == (compiled.rule.history if compiled.rule else 0)


def test_rights_equal_the_table() -> None:
    for letters in ALL_LETTERS:
        for authenticated in (False, True):
            for strict, table in ((False, EXPECTED), (True, EXPECTED_STRICT)):
                rules = rule_set(pattern("*", letters), strict_anonymous=strict)
                compiled = rights(rules, Kind(authenticated), "lobby")
                row = {operation: getattr(compiled, operation) for operation in OPERATIONS}
                assert row == {operation: table[letters, authenticated, operation] for operation in OPERATIONS}


@quickly
@given(rule_sets(near_targets), kinds, near_channels)
def test_a_token_only_narrows(rules: RuleSet, kind: Kind, channel: str) -> None:
    plain = rights(rules, Kind(kind.authenticated), channel)
    narrowed = rights(rules, kind, channel)
    if not rules.switches.access_manager:
        for operation in Operation:
            assert getattr(plain, operation.value) or not getattr(narrowed, operation.value)
