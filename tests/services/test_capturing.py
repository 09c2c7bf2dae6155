"""What the inspector captures: set by somebody, for a stated time, and in the audit log."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from webapp.inspector.capture import REDACTED_BY_DEFAULT, Mode
from webapp.models import Action, Workspace, now
from webapp.services import audit, capture, live, workspaces
from webapp.services.errors import InvalidInput
from webapp.services.transactions import writing

from .making import BY


def state(workspace: Workspace) -> capture.State:
    return capture.state(workspaces.by_id(workspace.id))


def entries(workspace: Workspace) -> list[tuple[str, str]]:
    found = audit.entries(workspace.id, action=Action.CAPTURE_SET)
    return [(entry.before["mode"], entry.after["mode"]) for entry in reversed(found)]


def test_metadata_alone_is_captured_until_somebody_says_otherwise(workspace: Workspace) -> None:
    assert state(workspace) == capture.State(Mode.METADATA, Mode.METADATA)
    assert sorted(workspaces.by_id(workspace.id).redacted_fields) == sorted(REDACTED_BY_DEFAULT)


def test_payloads_are_captured_for_a_stated_time_and_it_is_known_who_said_so(workspace: Workspace) -> None:
    before = workspaces.by_id(workspace.id).generation
    made = capture.start(workspace, 900, **BY)
    assert (made.mode, made.base, made.by) == (Mode.FULL, Mode.METADATA, "ada")
    assert made.until is not None
    assert abs((made.until - now()).total_seconds() - 900) < 60
    assert workspaces.by_id(workspace.id).generation == before + 1
    assert live.load_config(workspace.id).capture.until == pytest.approx(made.until.timestamp())
    capture.configure(workspaces.by_id(workspace.id), base="metadata", redacted=["x"], author="bob", source="web")
    assert state(workspace).by == "ada"  # who changed something else has not switched it on
    assert entries(workspace) == [("metadata", "full"), ("full", "full")]


def test_it_ends_by_itself(workspace: Workspace) -> None:
    capture.start(workspace, 900, **BY)
    with writing() as session:
        session.execute(update(Workspace).values(capture_until=now() - timedelta(seconds=1)))
    assert state(workspace) == capture.State(Mode.METADATA, Mode.METADATA)
    assert not capture.stop(workspaces.by_id(workspace.id), **BY)
    assert entries(workspace) == [("metadata", "full")]


def test_it_is_ended(workspace: Workspace) -> None:
    capture.start(workspace, 900, **BY)
    assert capture.stop(workspaces.by_id(workspace.id), **BY)
    assert state(workspace).mode is Mode.METADATA
    assert live.load_config(workspace.id).capture.until == 0
    assert entries(workspace) == [("metadata", "full"), ("full", "metadata")]


def test_off_is_what_holds_again_afterwards(workspace: Workspace) -> None:
    capture.configure(workspace, base=Mode.OFF, redacted=[], **BY)
    assert state(workspace).mode is Mode.OFF
    assert capture.start(workspaces.by_id(workspace.id), 60, **BY).base is Mode.OFF
    assert live.load_config(workspace.id).capture.mode is Mode.OFF


@pytest.mark.parametrize("seconds", [0, -5, 24 * 3600 + 1, True, 2.5])
def test_times_that_are_refused(workspace: Workspace, seconds: Any) -> None:
    with pytest.raises(InvalidInput):
        capture.start(workspace, seconds, **BY)
    assert state(workspace).mode is Mode.METADATA


def test_names_of_fields_are_kept_in_lower_case_each_once(workspace: Workspace) -> None:
    capture.configure(workspace, base="metadata", redacted=[" PIN", "pin", "Straße", ""], **BY)
    assert workspaces.by_id(workspace.id).redacted_fields == ["pin", "straße"]
    assert live.load_config(workspace.id).capture.redacted == frozenset({"pin", "straße"})


@pytest.mark.parametrize("names", [["x" * 101], [f"f{n}" for n in range(101)], ["a\x00"], "pin", [1]])
def test_names_that_are_refused(workspace: Workspace, names: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        capture.configure(workspace, base="metadata", redacted=names, **BY)
    assert list(refused.value.problems) == ["redacted"]


@pytest.mark.parametrize("base", ["full", "everything", ""])
def test_payloads_are_never_captured_for_good(workspace: Workspace, base: str) -> None:
    with pytest.raises(InvalidInput):
        capture.configure(workspace, base=base, redacted=[], **BY)


def test_what_changes_nothing_is_no_entry(workspace: Workspace) -> None:
    row = workspaces.by_id(workspace.id)
    capture.configure(row, base="metadata", redacted=["a"], **BY)
    capture.configure(row, base="metadata", redacted=["A"], **BY)
    assert len(entries(workspace)) == 1
