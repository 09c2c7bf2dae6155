"""Changing one rule publishes the active set with that change."""

import pytest

from tests.services.making import BY, rule, rules
from webapp.core.permissions import Permission
from webapp.core.ruleset import Switches
from webapp.core.targets import parse_target
from webapp.models import Action, Workspace
from webapp.services import audit
from webapp.services import rules as service
from webapp.services.errors import Conflict, InvalidInput, NotFound


@pytest.fixture(autouse=True)
def three_rules(workspace: Workspace) -> None:
    service.publish(workspace, rules("a", "b", "c"), **BY)


def targets(workspace: Workspace) -> list[str]:
    return [rule.target.text for rule in service.active_rules(workspace).rules]


def test_a_new_rule_comes_last(workspace: Workspace) -> None:
    assert service.change(workspace, service.saving(rule("d"), None), **BY).version == 2
    assert targets(workspace) == ["a", "b", "c", "d"]
    entry = audit.entries(workspace.id)[0]
    assert entry.action == Action.RULE_CREATE
    assert entry.after["is"]["pattern"] == "d"


def test_a_changed_rule_keeps_its_place(workspace: Workspace) -> None:
    service.change(workspace, service.saving(rule("b2", Permission.PRESENCE), parse_target("b", False)), **BY)
    assert targets(workspace) == ["a", "b2", "c"]
    entry = audit.entries(workspace.id)[0]
    assert (entry.before["was"]["pattern"], entry.after["is"]["pattern"]) == ("b", "b2")


def test_two_rules_cannot_have_the_same_target(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput) as caught:
        service.change(workspace, service.saving(rule("a"), None), **BY)
    assert caught.value.problems == {"pattern": "There is already a rule for `a`."}
    with pytest.raises(InvalidInput):
        service.change(workspace, service.saving(rule("a"), parse_target("b", False)), **BY)
    assert service.active_rules(workspace).version == 1


def test_a_pattern_and_a_name_that_look_alike_are_two_targets(workspace: Workspace) -> None:
    service.change(workspace, service.saving(rule("x/*", nested=True), None), **BY)
    service.change(workspace, service.saving(rule("x/*"), None), **BY)
    service.change(workspace, service.deleting(parse_target("x/*", nested=True)), **BY)
    assert targets(workspace) == ["a", "b", "c", "x/*"]
    assert not service.active_rules(workspace).rules[-1].target.nested


def test_a_rule_is_deleted_and_switched(workspace: Workspace) -> None:
    target = parse_target("b", False)
    service.change(workspace, service.switching(target, False), **BY)
    assert [rule.enabled for rule in service.active_rules(workspace).rules] == [True, False, True]
    assert audit.entries(workspace.id)[0].action == Action.RULE_DISABLE
    service.change(workspace, service.switching(target, True), **BY)
    service.change(workspace, service.deleting(target), **BY)
    assert targets(workspace) == ["a", "c"]


def test_a_rule_that_is_not_there_is_not_found(workspace: Workspace) -> None:
    nowhere = parse_target("nowhere", False)
    with pytest.raises(NotFound):
        service.change(workspace, service.saving(rule("x"), nowhere), **BY)
    with pytest.raises(NotFound):
        service.change(workspace, service.deleting(nowhere), **BY)
    with pytest.raises(NotFound):
        service.change(workspace, service.switching(nowhere, True), **BY)
    assert service.active_rules(workspace).version == 1


def test_a_change_of_an_old_version_is_a_conflict(workspace: Workspace) -> None:
    service.publish(workspace, rules("a"), **BY)
    with pytest.raises(Conflict):
        service.change(workspace, service.saving(rule("x"), None), expected_version=1, **BY)
    assert targets(workspace) == ["a"]


def test_switches_change_alone(workspace: Workspace) -> None:
    service.change(workspace, service.setting_switches(Switches(strict_anonymous=True)), **BY)
    active = service.active_rules(workspace)
    assert active.switches.strict_anonymous
    assert targets(workspace) == ["a", "b", "c"]
