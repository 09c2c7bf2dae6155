"""Documents as JSON and YAML: what is written is read again, and what could do harm is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.strategies import quickly, rule_sets
from webapp.core.documents import parse_document, write_document
from webapp.core.ruleset import RuleSet
from webapp.services.notations import Notation, NotationError, read, write

BAD = {
    "an alias": ("a: &a 1\nb: *a\n", "line 2 holds an alias"),
    "aliases that double": ("a: &a [x, x]\nb: &b [*a, *a]\n", "alias"),
    "something that holds itself": ("a: &a [*a]\n", "alias"),
    "an object": ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    "a merge": ("<<: {a: 1}\n", "could not determine a constructor"),
    "a doubled name": ("a: 1\na: 2\n", "`a` is there twice"),
    "a doubled name in JSON": ('{"a": 1, "a": 2}', "`a` is there twice"),
    "two documents": ("--- a\n--- b\n", "another document"),
    "a name that is a list": ("? [a]\n: 1\n", "unhashable"),
    "a tab": ("a:\n\t- b\n", "neither JSON nor YAML"),
    "too deep": ("[" * 100_000, "nested too deeply"),
    "too deep in YAML": ("- " * 3000 + "x", "nested too deeply"),
    "an impossible day": ("a: 2020-99-99\n", "month"),
    "half of a surrogate pair": ("a: \ud800\n", "surrogates"),
    "a broken line": ('{"a": 1,\n x}', "line 2, column 2"),
}


@pytest.mark.parametrize("notation", Notation)
@quickly
@given(rules=rule_sets())
def test_rules_that_are_written_are_read_again(notation: Notation, rules: RuleSet) -> None:
    again = read(write(write_document(rules), notation), notation)
    parsed = parse_document(again)
    assert (parsed.rules.rules, parsed.rules.switches) == (rules.rules, rules.switches)
    assert parsed.warnings == ()


@pytest.mark.parametrize("notation", Notation)
@quickly
@given(text=st.text())
def test_any_text_stays_as_it_is(notation: Notation, text: str) -> None:
    assert read(write([text], notation), notation) == [text]


def test_what_begins_with_a_bracket_is_json() -> None:
    assert read(' {"a": [1]}') == read("a: [1]\n") == {"a": [1]}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_taken(name: str) -> None:
    text, expected = BAD[name]
    with pytest.raises(NotationError, match=expected):
        read(text)
