"""Saved tests of rules: written, changed, replaced from a file, and held against rule sets."""

import time
from typing import Any

import pytest

from tests.services.making import BY, rule
from webapp.core.permissions import Permission
from webapp.core.ruleset import RuleSet
from webapp.models import Action, RuleTest, Workspace
from webapp.services import audit, ruletests, workspaces
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.ruletests import Spec

GUEST = {"sub": "bob", "extras": {"role": "guest"}}
QUIET = Spec("quiet", "chat/a", "send_public", None, False)
OPEN = RuleSet((rule("chat/*", Permission.CLIENT_PUBLIC_MESSAGING, nested=True),))


def made(workspace: Workspace, **fields: Any) -> RuleTest:
    given = {"name": "", "channel": "chat/a", "operation": "join", "identity": None, "allowed": True} | fields
    return ruletests.create(workspace, **given, **BY)


def names(workspace: Workspace) -> list[str]:
    return [test.name for test in ruletests.list_all(workspace)]


def actions(workspace: Workspace) -> list[str]:
    return [entry.action for entry in audit.entries(workspace.id) if entry.action.startswith("test:")]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"identity": GUEST, "operation": "send_public", "allowed": False, "channel": "moderated-chat/x"},
         "bob (role=guest) may not send public in `moderated-chat/x`"),
        ({}, "anonymous may join `chat/a`"),
        ({"identity": {}, "operation": "read_history"}, "someone with a token may read the history of `chat/a`"),
        ({"identity": {"sub": "a", "authorized_channels": ["b"]}, "allowed": False},
         "a (a narrowed token) may not join `chat/a`"),
        ({"identity": {"sub": "a\nb"}}, "a b may join `chat/a`"),
    ],
)  # fmt: skip
def test_it_is_named_for_what_it_holds(workspace: Workspace, fields: dict[str, Any], name: str) -> None:
    assert made(workspace, **fields).name == name


@pytest.mark.parametrize("operation", ruletests.decisions.OPERATIONS)
def test_a_proposed_name_is_never_too_long(operation: str) -> None:
    identity = {"sub": "u" * 500, "extras": {"k" * 500: "v" * 500}}
    assert len(ruletests.proposed_name("x" * 255, operation, identity, False)) <= ruletests.NAME_MOST
    assert operation in ruletests.WORDS


BAD: list[tuple[dict[str, Any], set[str]]] = [
    ({"channel": ""}, {"channel"}),
    ({"channel": "x" * 256, "operation": "fly"}, {"channel", "operation"}),
    ({"channel": 7}, {"channel"}),
    ({"name": "n" * 201}, {"name"}),
    ({"name": "a\x00"}, {"name"}),
    ({"identity": []}, {"identity"}),
    ({"identity": {"sub": []}}, {"identity"}),
    ({"identity": {"extras": "x" * 20_000}}, {"identity"}),
    ({"identity": {"exp": float("nan")}}, {"identity"}),
    ({"allowed": "yes"}, {"allowed"}),
]


@pytest.mark.parametrize(("fields", "problems"), BAD)
def test_what_can_not_be_taken_is_named_and_nothing_is_saved(
    workspace: Workspace, fields: dict[str, Any], problems: set[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(workspace, **fields)
    assert set(refused.value.problems) == problems
    assert names(workspace) == []
    assert actions(workspace) == []


def test_a_test_is_changed(workspace: Workspace) -> None:
    test = made(workspace, identity=GUEST)
    ruletests.update(workspace, test.id, QUIET, **BY)
    (changed,) = ruletests.list_all(workspace)
    assert ruletests.row(changed) == {
        "name": "quiet", "channel": "chat/a", "operation": "send_public", "identity": None, "allowed": False,
    }  # fmt: skip
    entry = audit.entries(workspace.id, action=Action.TEST_UPDATE)[0]
    assert (entry.before["identity"], entry.after["identity"]) == (GUEST, None)


def test_a_change_that_changes_nothing_leaves_no_entry(workspace: Workspace) -> None:
    test = ruletests.create(workspace, name="quiet", channel="chat/a", operation="send_public", identity=None,
                            allowed=False, **BY)  # fmt: skip
    ruletests.update(workspace, test.id, QUIET, **BY)
    assert actions(workspace) == ["test:create"]


def test_another_workspaces_tests_are_not_there(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    test = made(other)
    for use in (
        lambda: ruletests.get(workspace, test.id),
        lambda: ruletests.update(workspace, test.id, QUIET, **BY),
        lambda: ruletests.delete(workspace, test.id, **BY),
        lambda: ruletests.get(workspace, 2**40),
    ):
        with pytest.raises(NotFound):
            use()
    assert ruletests.get(other, test.id).name == test.name


def test_a_file_makes_the_tests_those_that_it_holds(workspace: Workspace) -> None:
    kept = made(workspace, name="kept")
    made(workspace, name="gone")
    wanted = [Spec("kept", "chat/a", "join", None, True), QUIET, QUIET]
    assert ruletests.replace_all(workspace, wanted, **BY) == (2, 1)
    assert names(workspace) == ["kept", "quiet", "quiet"]
    assert ruletests.list_all(workspace)[0].id == kept.id
    entry = audit.entries(workspace.id, action=Action.TEST_APPLY)[0]
    assert (entry.before["removed"], entry.after["added"]) == (["gone"], ["quiet", "quiet"])
    assert ruletests.replace_all(workspace, wanted, **BY) == (0, 0)
    assert actions(workspace).count("test:apply") == 1


def test_a_file_leaves_another_workspace_alone(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    made(other)
    ruletests.replace_all(workspace, [QUIET], **BY)
    assert names(other) == ["anonymous may join `chat/a`"]


def test_what_is_written_is_read_again(workspace: Workspace) -> None:
    made(workspace, identity=GUEST)
    made(workspace, name="second", operation="send", allowed=False)
    written = [ruletests.row(test) for test in ruletests.list_all(workspace)]
    ruletests.replace_all(workspace, [], **BY)
    ruletests.replace_all(workspace, ruletests.read_specs(written), **BY)
    assert [ruletests.row(test) for test in ruletests.list_all(workspace)] == written


GOOD = {"channel": "a", "operation": "join", "allowed": True}


@pytest.mark.parametrize(
    ("document", "places"),
    [
        ({}, {""}),
        ([1], {"[0]"}),
        ([GOOD, {}], {"[1].channel", "[1].operation", "[1].allowed"}),
        ([GOOD | {"colour": 1}], {"[0].colour"}),
        ([GOOD | {"name": 1}], {"[0].name"}),
        ([GOOD | {"operation": "fly"}, GOOD | {"identity": 1}], {"[0].operation", "[1].identity"}),
        ([GOOD | {"operation": ["join"]}], {"[0].operation"}),
        ([GOOD] * 1001, {""}),
    ],
)
def test_problems_of_a_file_are_told_with_their_places(document: object, places: set[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        ruletests.read_specs(document)
    assert set(refused.value.problems) == places


def test_an_outcome_is_the_judges_answer(workspace: Workspace) -> None:
    made(workspace, operation="send_public")
    made(workspace, operation="send_private", identity=GUEST)
    passed, failed = ruletests.run(workspace, OPEN)
    assert (passed.passed, failed.passed) == (True, False)
    assert failed.decision.code == "private_messaging_off"


def test_there_is_an_end_to_how_many(workspace: Workspace) -> None:
    ruletests.replace_all(workspace, [QUIET] * ruletests.TESTS_MOST, **BY)
    with pytest.raises(Conflict):
        made(workspace)


@pytest.mark.alone
def test_a_thousand_tests_on_five_thousand_rules_take_less_than_a_second(workspace: Workspace) -> None:
    many = RuleSet(tuple(rule(f"org/{i}/*", Permission.ANONYMOUS_CLIENTS, nested=True) for i in range(5000)))
    specs = [Spec(f"t{i}", f"org/{i}/a", "join", GUEST if i % 2 else None, True) for i in range(1000)]
    ruletests.replace_all(workspace, specs, **BY)
    began = time.perf_counter()
    outcomes = ruletests.run(workspace, many)
    assert time.perf_counter() - began < 1
    assert all(outcome.passed for outcome in outcomes)


@pytest.mark.parametrize(
    ("operation", "channel", "sentence"),
    [
        ("send_public", "chat/a", "*Client public messaging* is on."),
        ("send_private", "chat/a", "*Client private messaging* is off."),
        ("join", "nowhere", "No active rule of version 0 matches `nowhere`."),
        ("join", "chat/a", "On, implied by public messaging that is open to all."),
    ],
)
def test_the_deciding_step_is_where_it_ended_or_the_box_that_allowed_it(
    workspace: Workspace, operation: str, channel: str, sentence: str
) -> None:
    (outcome,) = ruletests.run_given(workspace, OPEN, [Spec("t", channel, operation, None, True)])
    assert ruletests.decisions.deciding_step(outcome.decision).sentence == sentence
