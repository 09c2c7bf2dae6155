"""Every example of triggers in the documentation can be imported as it stands, and its page says what it is."""

import json
from pathlib import Path

import pytest

from tests.sockets.test_triggers import RATE_LIMIT
from webapp.core.documents import parse_document, write_document
from webapp.triggers.steps import trigger_problems

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "trigger-examples.md").read_text()
EXAMPLES = sorted((DOCS / "examples/triggers").glob("*.json"))
names = pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 8


@names
def test_it_is_read_without_a_problem(example: Path) -> None:
    parsed = parse_document(json.loads(example.read_text()))
    assert parsed.warnings == ()
    for rule in parsed.rules.rules:
        assert trigger_problems(rule) == []
    assert parse_document(write_document(parsed.rules, "")).rules.rules == parsed.rules.rules


@names
def test_its_page_names_it_and_quotes_what_it_holds(example: Path) -> None:
    assert f"(examples/triggers/{example.name})" in PAGE
    [rule] = parse_document(json.loads(example.read_text())).rules.rules
    assert f"`{rule.target}`" in PAGE
    for trigger in rule.triggers:
        for step in trigger.steps:
            told = [step.values[name] for name in ("expression", "url", "text", "message") if name in step.values]
            assert all(json.dumps(text) in PAGE for text in told), told


def test_the_rate_limit_is_the_one_that_runs_unchanged() -> None:
    [rule] = json.loads((DOCS / "examples/triggers/five-a-minute.json").read_text())["channels"]
    assert rule["triggers"][0]["steps"][0]["code"] == RATE_LIMIT
