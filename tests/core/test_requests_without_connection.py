"""Publishing, history and presence over HTTP: the rule would have to let this client join."""

import pytest

from .making import CHANNEL, JOINED, WITHOUT_CONNECTION, actor, ask, code_of, holder, rule, rule_set
from .permission_table import OPERATIONS


@pytest.mark.parametrize("operation", OPERATIONS[1:])
def test_a_client_that_could_not_join_is_refused_as_if_it_tried(operation: str) -> None:
    for letters in ("V+P", "M+Ma", "none"):
        decision = ask(rule_set(rule(letters=letters)), actor(False), operation, facts=WITHOUT_CONNECTION)
        assert code_of(decision) == "anonymous_not_allowed"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_authorized_channels_hold_without_a_connection(operation: str) -> None:
    rules = rule_set(rule(letters="A+P+M+X+V"))
    there = ask(rules, holder(authorized=["other"]), operation, facts=WITHOUT_CONNECTION)
    assert code_of(there) == "channel_not_authorized"
    assert ask(rules, holder(authorized=["other", CHANNEL]), operation, facts=WITHOUT_CONNECTION).allowed


@pytest.mark.parametrize("operation", ["send_public", "send_authenticated", "send_private"])
@pytest.mark.parametrize("facts", [WITHOUT_CONNECTION, JOINED], ids=["without connection", "member"])
def test_no_grant_for_joining_is_asked_for(operation: str, facts: object) -> None:
    rules = rule_set(rule(letters="M+X+V"))
    writes = holder({"resources": {"channels": {CHANNEL: ["write"]}}})
    assert ask(rules, writes, operation, facts=facts).allowed  # type: ignore[arg-type]
    assert code_of(ask(rules, writes, "join")) == "grant_missing"


@pytest.mark.parametrize("operation", ["sees_presence", "read_history", "receive_public", "receive_event"])
def test_the_grant_of_the_operation_itself_is(operation: str) -> None:
    rules = rule_set(rule(letters="M+P"))
    joins = holder({"resources": {"channels": {CHANNEL: ["write", "join", "get"]}}})
    reads = holder({"resources": {"channels": {CHANNEL: ["read"]}}})
    assert code_of(ask(rules, joins, operation, facts=WITHOUT_CONNECTION)) == "grant_missing"
    assert ask(rules, reads, operation, facts=WITHOUT_CONNECTION).allowed


def test_a_silent_client_stays_silent_without_a_connection() -> None:
    rules = rule_set(rule(letters="X+P+V"))
    for operation in ("send_public", "send_private", "read_history", "sees_presence", "receive_event"):
        assert code_of(ask(rules, actor(False), operation, facts=WITHOUT_CONNECTION)) == "anonymous_not_allowed"
    marked = ask(rules, actor(False), "send_authenticated", facts=WITHOUT_CONNECTION)
    assert code_of(marked) == "authentication_required"
