"""The draft: changed by several, never in force by itself, published and ended in one step."""

import pytest

from tests.services.making import BY, rule, rules
from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import Target, parse_target
from webapp.models import Action, Workspace
from webapp.services import audit, drafts, ruletests
from webapp.services import rules as service
from webapp.services.changes import Choice
from webapp.services.errors import Conflict, InvalidInput, NotFound

A, B, C, NEW = (Target(name, nested=False) for name in ("a", "b", "c", "new"))
ADA = {"author": "ada"}
BOB = {"author": "bob"}


@pytest.fixture(autouse=True)
def three_rules(workspace: Workspace) -> None:
    service.publish(workspace, rules("a", "b", "c"), **BY)


def state(workspace: Workspace) -> drafts.DraftState:
    draft = drafts.current(workspace)
    assert draft is not None
    return draft


def in_draft(workspace: Workspace) -> list[str]:
    return [rule.target.text for rule in drafts.working_rules(workspace).rules]


def in_force(workspace: Workspace) -> list[str]:
    return [rule.target.text for rule in service.active_rules(workspace).rules]


def find(rules: RuleSet, target: Target) -> Rule | None:
    return next((rule for rule in rules.rules if rule.target == target), None)


def publish(workspace: Workspace, **how: object) -> service.Publication:
    arguments = {"expected_revision": state(workspace).revision, "reason": "because"} | how
    return drafts.publish(workspace, **arguments, **BY)  # type: ignore[arg-type]


def test_there_is_none_until_something_is_changed(workspace: Workspace) -> None:
    assert drafts.current(workspace) is None
    assert drafts.summary(workspace) is None
    assert in_draft(workspace) == ["a", "b", "c"]


def test_changes_gather_and_none_is_in_force(workspace: Workspace) -> None:
    drafts.save_rule(workspace, rule("new"), **ADA)
    drafts.save_rule(workspace, rule("b", Permission.PRESENCE), replaces=B, **BOB)
    drafts.delete_rule(workspace, A, **ADA)
    drafts.set_enabled(workspace, C, False, **BOB)
    drafts.set_switches(workspace, Switches(strict_anonymous=True), **ADA)
    draft = state(workspace)
    assert in_draft(workspace) == ["b", "c", "new"]
    assert [(change.actor, change.action) for change in draft.log] == [
        ("ada", Action.RULE_CREATE),
        ("bob", Action.RULE_UPDATE),
        ("ada", Action.RULE_DELETE),
        ("bob", Action.RULE_DISABLE),
        ("ada", Action.RULES_PUBLISH),
    ]
    comparison = draft.comparison
    assert comparison.added == (NEW,)
    assert [changed.target for changed in comparison.changed] == [B, C]
    assert comparison.removed == (A,)
    assert comparison.switches == ("strict_anonymous",)
    assert in_force(workspace) == ["a", "b", "c"]
    assert service.active_rules(workspace).version == 1
    said = drafts.summary(workspace)
    assert said is not None
    assert said.revision == draft.revision
    assert (said.base, said.active, said.updated_by, said.changes, said.behind) == (1, 1, "ada", 5, False)
    drafts.save_rule(workspace, rule("b"), replaces=B, **BOB)
    said = drafts.summary(workspace)
    assert said is not None
    assert (said.changes, len(state(workspace).log)) == (4, 6)  # fmt: skip


def test_it_ends_when_everything_was_taken_back(workspace: Workspace) -> None:
    drafts.set_enabled(workspace, A, False, **ADA)
    drafts.set_enabled(workspace, A, True, **BOB)
    assert drafts.current(workspace) is None
    assert drafts.summary(workspace) is None


def test_a_change_that_changes_nothing_begins_none(workspace: Workspace) -> None:
    drafts.set_enabled(workspace, A, True, **ADA)
    assert drafts.current(workspace) is None


def test_one_rule_is_taken_back(workspace: Workspace) -> None:
    drafts.save_rule(workspace, rule("b", Permission.PRESENCE), replaces=B, **ADA)
    drafts.save_rule(workspace, rule("new"), **ADA)
    drafts.delete_rule(workspace, A, **ADA)
    drafts.take_back(workspace, B, **ADA)
    assert state(workspace).comparison.changed == ()
    drafts.take_back(workspace, NEW, **ADA)
    assert state(workspace).comparison.added == ()
    with pytest.raises(Conflict):
        drafts.take_back(workspace, C, **ADA)
    drafts.take_back(workspace, A, **ADA)
    assert drafts.current(workspace) is None


def test_two_people_change_different_rules(workspace: Workspace) -> None:
    seen = drafts.fingerprint(rule("a"))
    drafts.save_rule(workspace, rule("b", Permission.PRESENCE), replaces=B, seen=drafts.fingerprint(rule("b")), **BOB)
    drafts.save_rule(workspace, rule("a", Permission.PRESENCE), replaces=A, seen=seen, **ADA)
    draft = state(workspace).rules
    assert find(draft, A) == rule("a", Permission.PRESENCE)
    assert find(draft, B) == rule("b", Permission.PRESENCE)


def test_two_people_change_the_same_rule(workspace: Workspace) -> None:
    seen = drafts.fingerprint(rule("a"))
    drafts.save_rule(workspace, rule("a", description="Bob's"), replaces=A, seen=seen, **BOB)
    with pytest.raises(drafts.RuleConflict) as caught:
        drafts.save_rule(workspace, rule("a", description="Ada's"), replaces=A, seen=seen, **ADA)
    assert caught.value.theirs == rule("a", description="Bob's")
    assert caught.value.actor == "bob"
    assert find(state(workspace).rules, A) == rule("a", description="Bob's")
    # Having looked at Bob's, Ada may put hers in its place.
    drafts.save_rule(
        workspace, rule("a", description="Ada's"), replaces=A, seen=drafts.fingerprint(caught.value.theirs), **ADA
    )
    assert find(state(workspace).rules, A) == rule("a", description="Ada's")


def test_one_deletes_what_the_other_edits(workspace: Workspace) -> None:
    seen = drafts.fingerprint(rule("a"))
    drafts.delete_rule(workspace, A, seen=seen, **BOB)
    with pytest.raises(drafts.RuleConflict) as caught:
        drafts.save_rule(workspace, rule("a", Permission.PRESENCE), replaces=A, seen=seen, **ADA)
    assert caught.value.theirs is None
    with pytest.raises(NotFound):
        drafts.save_rule(workspace, rule("a", Permission.PRESENCE), replaces=A, **ADA)
    assert in_draft(workspace) == ["b", "c"]


def test_a_target_that_is_taken_changes_nothing(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput):
        drafts.save_rule(workspace, rule("a"), **ADA)
    assert drafts.current(workspace) is None


def test_publishing_ends_it_and_says_why_and_who(workspace: Workspace) -> None:
    drafts.save_rule(workspace, rule("new"), **BOB)
    publication = publish(workspace, reason="A new room")
    assert publication.version == 2
    assert in_force(workspace) == ["a", "b", "c", "new"]
    assert drafts.current(workspace) is None
    assert service.version(workspace, 2).reason == "A new room"
    entry = audit.entries(workspace.id)[0]
    assert entry.action == Action.RULES_PUBLISH
    assert [(change["actor"], change["action"]) for change in entry.after["is"]["draft"]] == [("bob", "rule:create")]


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001, "\x00"])
def test_a_reason_is_asked_for(workspace: Workspace, reason: str) -> None:
    drafts.save_rule(workspace, rule("new"), **ADA)
    with pytest.raises(InvalidInput) as caught:
        publish(workspace, reason=reason)
    assert list(caught.value.problems) == ["reason"]
    assert in_force(workspace) == ["a", "b", "c"]
    assert in_draft(workspace) == ["a", "b", "c", "new"]


def test_only_what_was_looked_at_is_published(workspace: Workspace) -> None:
    drafts.save_rule(workspace, rule("new"), **ADA)
    looked_at = state(workspace).revision
    drafts.delete_rule(workspace, A, **BOB)
    with pytest.raises(Conflict, match="`bob` changed the draft"):
        publish(workspace, expected_revision=looked_at)
    with pytest.raises(Conflict, match="`bob` changed the draft"):
        drafts.discard(workspace, expected_revision=looked_at, **BY)
    assert service.active_rules(workspace).version == 1


def test_publishing_twice_publishes_once(workspace: Workspace) -> None:
    drafts.save_rule(workspace, rule("new"), **ADA)
    revision = state(workspace).revision
    publish(workspace, expected_revision=revision)
    with pytest.raises(Conflict, match="There is no draft"):
        drafts.publish(workspace, expected_revision=revision, reason="again", **BY)
    assert service.active_rules(workspace).version == 2


def test_discarding_leaves_what_is_in_force(workspace: Workspace) -> None:
    drafts.delete_rule(workspace, A, **ADA)
    drafts.discard(workspace, expected_revision=state(workspace).revision, **BY)
    assert drafts.current(workspace) is None
    assert in_force(workspace) == ["a", "b", "c"]
    assert audit.entries(workspace.id)[0].action == Action.DRAFT_DISCARD
    with pytest.raises(Conflict):
        drafts.discard(workspace, **BY)


def test_one_that_is_behind_is_brought_up_to_date_first(workspace: Workspace) -> None:
    drafts.save_rule(workspace, rule("new"), **ADA)
    service.change(workspace, service.saving(rule("b", Permission.PRESENCE), B), **BY)
    assert state(workspace).behind
    with pytest.raises(Conflict, match="Version 2 was published since"):
        publish(workspace)
    drafts.bring_up_to_date(workspace, **BY)
    draft = state(workspace)
    assert not draft.behind
    assert draft.comparison.added == (NEW,)
    assert draft.comparison.changed == ()
    assert find(draft.rules, B) == rule("b", Permission.PRESENCE)
    publish(workspace)
    assert in_force(workspace) == ["a", "b", "c", "new"]


def test_what_both_changed_is_for_a_person_to_choose(workspace: Workspace) -> None:
    mine, theirs = rule("b", description="mine"), rule("b", description="theirs")
    drafts.save_rule(workspace, mine, replaces=B, **ADA)
    drafts.delete_rule(workspace, C, **ADA)
    service.change(workspace, service.saving(theirs, B), **BY)
    with pytest.raises(Conflict, match="`b`"):
        drafts.bring_up_to_date(workspace, **BY)
    merged = drafts.merged(workspace)
    assert merged is not None
    assert [(c.target, c.base, c.mine, c.theirs) for c in merged.conflicts] == [(B, rule("b"), mine, theirs)]
    drafts.bring_up_to_date(workspace, {B: Choice.MINE}, **BY)
    assert find(state(workspace).rules, B) == mine
    assert in_draft(workspace) == ["a", "b"]


def test_one_whose_changes_were_published_by_others_ends(workspace: Workspace) -> None:
    drafts.set_enabled(workspace, A, False, **ADA)
    service.change(workspace, service.switching(A, False), **BY)
    drafts.bring_up_to_date(workspace, **BY)
    assert drafts.current(workspace) is None


def test_failing_tests_hold_it_back_until_a_reason_is_given(workspace: Workspace) -> None:
    ruletests.create(
        workspace, name="All may hear a", channel="a", operation="join", identity={"sub": "bob"}, allowed=True, **BY
    )
    drafts.delete_rule(workspace, A, **ADA)
    with pytest.raises(drafts.TestsFail) as caught:
        publish(workspace)
    assert caught.value.failed == 1
    assert in_force(workspace) == ["a", "b", "c"]
    publish(workspace, override="The room closes.")
    after = audit.entries(workspace.id)[0].after["is"]
    assert (after["failed_tests"], after["override"]) == (["All may hear a"], "The room closes.")


def test_a_draft_of_another_workspace_is_another_draft(workspace: Workspace) -> None:
    from webapp.services import workspaces

    other = workspaces.create("other", "Other", **BY)
    drafts.save_rule(other, rule("theirs"), **ADA)
    assert drafts.current(workspace) is None
    assert in_draft(other) == ["theirs"]
    assert parse_target("theirs", False) not in [r.target for r in drafts.working_rules(workspace).rules]


def test_an_import_puts_all_in_the_place_of_all(workspace: Workspace) -> None:
    drafts.save_rule(workspace, rule("new"), **ADA)
    drafts.replace_all(workspace, RuleSet((rule("x"), rule("a")), Switches(access_manager=True)), **ADA)
    draft = state(workspace)
    assert in_draft(workspace) == ["x", "a"]
    assert draft.rules.switches.access_manager
    assert set(draft.comparison.removed) == {B, C}


def test_who_changed_a_rule_last(workspace: Workspace) -> None:
    drafts.delete_rule(workspace, C, **ADA)
    drafts.replace_all(workspace, rules("a", "x"), **BOB)
    drafts.save_rule(workspace, rule("a", Permission.PRESENCE), replaces=A, author="cem")
    draft = state(workspace)
    assert [draft.changed_by(target) for target in (A, B, C)] == ["cem", "bob", "bob"]


def test_a_form_made_for_one_draft_fits_no_other(workspace: Workspace) -> None:
    """Revisions that began at 1 let a form publish what somebody else had put in the place of what was looked at."""
    drafts.save_rule(workspace, rule("looked-at"), **ADA)
    looked_at = state(workspace).revision
    drafts.discard(workspace, **BY)
    drafts.save_rule(workspace, rule("unseen"), **BOB)
    with pytest.raises(Conflict):
        publish(workspace, expected_revision=looked_at)
    with pytest.raises(Conflict):
        drafts.discard(workspace, expected_revision=looked_at, **BY)
    assert in_force(workspace) == ["a", "b", "c"]
