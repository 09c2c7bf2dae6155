"""docs/triggers.md names every event, step, setting, field and helper, with the sentences that the code has."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from webapp.core.triggers import NAME_MOST, STEPS_MOST, TRIGGERS_MOST, StepKind, TriggerEvent
from webapp.triggers.hosts import HELPERS as ANSWERED
from webapp.triggers.moment import Occasion, Party, document_of
from webapp.triggers.shape import EVENT, HELPERS
from webapp.triggers.steps import STEPS

PAGE = (Path(__file__).resolve().parents[2] / "docs/triggers.md").read_text()
SETTINGS = [(kind, field) for kind, step in STEPS.items() for field in step.fields]


def section(kind: StepKind) -> str:
    return PAGE.partition(f"### {STEPS[kind].label} (`{kind.value}`)\n")[2].partition("\n### ")[0].partition("\n## ")[0]


@pytest.mark.parametrize("kind", STEPS)
def test_every_kind_of_step(kind: StepKind) -> None:
    assert STEPS[kind].help in section(kind)


@pytest.mark.parametrize(("kind", "field"), SETTINGS, ids=lambda value: getattr(value, "name", None))
def test_every_setting(kind: StepKind, field: Any) -> None:
    for name, one in [(field.name, field), *((f"{field.name}[].{column.name}", column) for column in field.columns)]:
        row = re.search(rf"^\| `{re.escape(name)}` \| {re.escape(one.label)}\..*", section(kind), re.MULTILINE)
        assert row is not None, name
        assert one.help in row[0]
        assert all(f"`{value}`: {label}" in row[0] for value, label in one.choices)


def test_settings_that_there_are_not() -> None:
    named = set(
        re.findall(r"^\| `([\w\[\].]+)` \|", PAGE.partition("## The steps")[2].partition("## The event")[0], re.M)
    )
    fields = [field for _, field in SETTINGS]
    assert named == {f.name for f in fields} | {f"{f.name}[].{c.name}" for f in fields for c in f.columns}


@pytest.mark.parametrize("event", TriggerEvent)
def test_every_event(event: TriggerEvent) -> None:
    assert f"| `{event.value}` |" in PAGE


@pytest.mark.parametrize("described", [*EVENT, *HELPERS], ids=lambda described: described.name)
def test_every_field_and_helper(described: Any) -> None:
    assert f"| `{described.name}` | {described.kind} | {described.says} |" in PAGE


def test_limits() -> None:
    assert f"{TRIGGERS_MOST} triggers a rule, {STEPS_MOST} steps a trigger, {NAME_MOST} characters of a name" in PAGE


def test_the_description_names_what_an_event_has_and_nothing_else() -> None:
    sender = b'{"socketId":"s","extras":{},"permissions":{}}'
    client = Party("s", sender, "7", True)
    found: set[str] = set()
    for on in TriggerEvent:
        head, tail = document_of(Occasion(on, "chat/a", ("a",), 1, client, client, event="named", to_user="8"))
        found |= set(names(msgspec.json.decode(head + b"null" + tail)))
    described = {field.name for field in EVENT} | {"event.client.id", "event.client.user_id", "event.options"}
    assert {name for name in found if not name.startswith("event.target.")} == described


def names(event: dict[str, Any]) -> Iterator[str]:
    for name, value in event.items():
        yield f"event.{name}"
        if isinstance(value, dict):
            yield from (f"event.{name}.{inner}" for inner in value)


def test_the_helpers_are_those_that_are_answered() -> None:
    assert {helper.name.partition("(")[0] for helper in HELPERS} == set(ANSWERED)
