"""Rule sets as JSON: what was exported imports the same; what is wrong is named by its path and changes nothing."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.core.documents import DocumentError, parse_document, rule_row, write_document
from webapp.core.permissions import HISTORY_DEPTHS
from webapp.core.ruleset import RuleSet, Switches

from .making import pattern, permissions, rule
from .permission_table import LETTERS
from .strategies import quickly, rule_sets


def content(rules: RuleSet) -> tuple[object, ...]:
    return (*rules.rules, rules.switches, rules.version)


def document(*rows: object, **top: object) -> dict[str, Any]:
    return {"channels": list(rows), **top}


def row(**fields: object) -> dict[str, Any]:
    return {"pattern": "lobby", **fields}


def problems(value: object) -> list[str]:
    """The paths of what is wrong with a document, which must be left as it was."""
    before = copy.deepcopy(value)
    with pytest.raises(DocumentError) as caught:
        parse_document(value)
    assert value == before
    assert all(problem.message for problem in caught.value.problems)
    assert all(problem.path in str(caught.value) for problem in caught.value.problems)
    return [problem.path for problem in caught.value.problems]


@quickly
@given(rule_sets(), st.text(max_size=5))
def test_what_was_exported_imports_the_same(rules: RuleSet, canonical: str) -> None:
    exported = json.loads(json.dumps(write_document(rules, canonical)))
    parsed = parse_document(exported, rules.version)
    assert content(parsed.rules) == content(rules)
    assert parsed.warnings == ()
    assert write_document(parsed.rules, canonical) == exported


def test_the_export_uses_the_names_of_xano() -> None:
    exported = write_document(RuleSet((pattern("chat", "A+M+Ma"),)), "c4n0n")
    assert (exported["enabled"], exported["hash"]) == (True, "c4n0n")
    [chat] = exported["channels"]
    assert (chat["pattern"], chat["wildcard"], chat["enabled"], chat["history"]) == ("chat/*", True, True, 100)
    ticked = {name for name in LETTERS.values() if chat[name]}
    assert ticked == {"anonymous_clients", "client_public_messaging", "client_public_messaging_authenticated_only"}
    assert rule_row(pattern("chat", "A+M+Ma")) == chat


def test_a_sparse_document_gets_the_defaults() -> None:
    parsed = parse_document(document(row(), {"pattern": "chat", "wildcard": True, "presence": True, "history": None}))
    lobby, chat = parsed.rules.rules
    assert (lobby.enabled, lobby.permissions, lobby.history, lobby.target.nested) == (True, frozenset(), 0, False)
    assert (str(chat.target), chat.permissions, chat.description) == ("chat/*", permissions("P"), "")
    assert parsed.rules.switches == Switches()


def test_the_hash_of_an_import_changes_nothing() -> None:
    plain, with_hash = parse_document(document(row())), parse_document(document(row(), hash="other"))
    assert content(plain.rules) == content(with_hash.rules)
    assert with_hash.warnings == ()


def test_unknown_fields_are_warnings_with_their_place() -> None:
    parsed = parse_document(document(row(), row(pattern="b", colour="red", Presence=True), plan="pro"))
    assert {warning.path for warning in parsed.warnings} == {"plan", "channels[1].colour", "channels[1].Presence"}
    assert parsed.rules.rules[1].permissions == frozenset()


@pytest.mark.parametrize("value", [None, [], "x", 3, True])
def test_what_is_no_document_is_refused(value: object) -> None:
    assert problems(value) == [""]


WRONG_FIELDS: list[tuple[str, list[object]]] = [
    ("pattern", [None, "", 5, "a\nb", "x" * 256, ["a"]]),
    ("wildcard", ["yes", 1, 0, []]),
    ("enabled", ["true", 1]),
    ("history", [1, 24, -25, 10**6, "25", True, [25], {"a": 1}, 25.5]),
    ("history_events", [1, "no"]),
    ("description", [5, ["a"], {"a": 1}, "x" * 2001]),
    *((name, ["on", 1, []]) for name in LETTERS.values()),
]


@pytest.mark.parametrize(("name", "values"), WRONG_FIELDS, ids=[name for name, _ in WRONG_FIELDS])
def test_a_wrong_field_is_named_by_its_path(name: str, values: list[object]) -> None:
    for value in values:
        assert problems(document(row(pattern="first"), row(**{name: value}), row(pattern="last"))) == [
            f"channels[1].{name}"
        ], value


@pytest.mark.parametrize(("name", "values"), [("history", [False, "", [], {}]), ("description", [False, 0, [], {}])])
def test_a_wrong_type_that_is_false_is_wrong_too(name: str, values: list[object]) -> None:
    accepted = []
    for value in values:
        try:
            parse_document(document(row(**{name: value})))
            accepted.append(value)
        except DocumentError:
            assert problems(document(row(**{name: value}))) == [f"channels[0].{name}"]
    assert accepted == []


def test_a_history_depth_is_a_whole_number_in_the_export() -> None:
    # JSON writers of other languages may spell 25 as 25.0; it may be read or refused, but not kept as it is.
    try:
        [lobby] = parse_document(document(row(history=25.0))).rules.rules
    except DocumentError:
        return
    assert json.dumps(rule_row(lobby)["history"]) == "25"


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, "channels"),
        ({"channels": None}, "channels"),
        ({"channels": {"a": 1}}, "channels"),
        (document(hash=5), "hash"),
        (document(enabled="yes"), "enabled"),
        (document(strict_anonymous=1), "strict_anonymous"),
        (document(access_manager="on"), "access_manager"),
        (document(refuse_bad_tokens=[1]), "refuse_bad_tokens"),
        (document(open_operations=0), "open_operations"),
        ({"channels": [row(), "lobby"]}, "channels[1]"),
        (document(row(pattern="a"), row(pattern="foo*", wildcard=True)), "channels[1].pattern"),
        (document(row(pattern="a"), row(pattern="b"), row(pattern="a")), "channels[2].pattern"),
        (document(row(pattern="a", wildcard=True), row(pattern="a/*", wildcard=True)), "channels[1].pattern"),
        (document(row(pattern="a", enabled=False), row(pattern="a")), "channels[1].pattern"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(value: object, path: str) -> None:
    assert problems(value) == [path]


def test_every_problem_is_named_at_once() -> None:
    value = document(row(wildcard="x", history=3), "no", row(pattern=""), enabled=2)
    assert set(problems(value)) == {
        "enabled",
        "channels[0].wildcard",
        "channels[0].history",
        "channels[1]",
        "channels[2].pattern",
    }


def test_doubled_targets_are_named_among_the_other_problems() -> None:
    value = document(row(pattern="a", history=3), row(pattern="b"), row(pattern="b"), row(pattern="b"))
    assert set(problems(value)) == {"channels[0].history", "channels[2].pattern", "channels[3].pattern"}


@quickly
@given(rule_sets().filter(lambda rules: rules.rules), st.data())
def test_one_wrong_field_anywhere_is_found(rules: RuleSet, data: st.DataObject) -> None:
    exported = write_document(rules)
    index = data.draw(st.integers(0, len(rules.rules) - 1))
    name, values = data.draw(st.sampled_from(WRONG_FIELDS))
    exported["channels"][index][name] = data.draw(st.sampled_from(values))
    assert problems(exported) == [f"channels[{index}].{name}"]


@pytest.mark.parametrize("depth", HISTORY_DEPTHS)
def test_the_depths_of_history(depth: int) -> None:
    assert HISTORY_DEPTHS == (0, 25, 50, 100, 250, 1000)
    assert parse_document(document(row(history=depth))).rules.rules == (rule("lobby", "none", history=depth),)
