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
    "a name that is a list": ("? [a]\n: 1\n", "a name that is no text"),
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


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "1:" * 5000 + "1",
        "a: 1:30.5",
        "a: " + "9" * 21,
        "1: a",
        "? [a]\n: b",
        "a: !!bool x",
        "a: !!timestamp x",
        'a: !!int ""',
        'a: !!float ""',
    ],
)
def test_what_yaml_alone_knows_is_refused_in_words(text: str) -> None:
    """Numbers with colons took half a minute to read, and names that are numbers can be made to collide."""
    with pytest.raises(NotationError):
        read(text, Notation.YAML)


def test_a_doubled_name_among_many_is_found_at_once() -> None:
    """Each name was counted among all others: for as many as these that would take minutes, and the loop with it."""
    many = ",".join(f'"k{number}":1' for number in range(200_000))
    with pytest.raises(NotationError, match="`k199999` is there twice"):
        read("{" + many + ',"k199999":1}', Notation.JSON)


def test_numbers_as_json_has_them_are_read() -> None:
    assert read("a: 100\nb: -1.5\nc: 1e3\nd: 0", Notation.YAML)["a"] == 100
