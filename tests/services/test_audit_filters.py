"""Looking for entries of the audit log, and whose entries somebody may see."""

from datetime import timedelta
from typing import Any

import pytest

from tests.services.making import BY
from webapp.models import Action, Source, Workspace, now
from webapp.services import audit, workspaces
from webapp.services.audit import Filter, Reach


@pytest.fixture
def entries(workspace: Workspace) -> Reach:
    """Three entries besides that of the workspace's making."""

    def write(action: Action, actor: str, source: str, **details: Any) -> None:
        audit.write(action, actor=actor, source=source, workspace_id=workspace.id, **details)

    write(Action.RULE_DELETE, "ada", "web", before={"was": {"pattern": "chat/*"}}, reason="50% less Lärm")
    write(Action.RULE_CREATE, "API key Ci_1", "api", after={"is": {"pattern": 'Grüße/ß"\\x'}})
    write(Action.TOKEN_MINT, "bob", "cli", after={"sub": "u%1"})
    return Reach(workspace.id)


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (Filter(), ["token:mint", "rule:create", "rule:delete", "workspace:create"]),
        (Filter(action=Action.RULE_CREATE), ["rule:create"]),
        (Filter(source=Source.CLI), ["token:mint"]),
        (Filter(actor="ADA"), ["rule:delete"]),
        (Filter(actor="ci_"), ["rule:create"]),
        (Filter(actor="i%1"), []),
        (Filter(actor="\x00"), ["token:mint", "rule:create", "rule:delete", "workspace:create"]),
        (Filter(text="CHAT/*"), ["rule:delete"]),
        (Filter(text="% less lä"), ["rule:delete"]),
        (Filter(text="grüße/"), ["rule:create"]),
        (Filter(text='"\\x'), ["rule:create"]),
        (Filter(text="u%1"), ["token:mint"]),
        (Filter(text="u_1"), []),
        (Filter(since=now() + timedelta(days=1)), []),
        (Filter(until=now() - timedelta(days=1)), []),
        (Filter(since=now() - timedelta(days=1), until=now() + timedelta(days=1), actor="bob"), ["token:mint"]),
    ],
)
def test_entries_are_found(entries: Reach, which: Filter, found: list[str]) -> None:
    assert [entry.action for entry in audit.find(entries, which)] == found


def test_all_are_gone_through_in_batches(entries: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH", 2)
    every = [entry.id for entry in audit.every(entries, Filter())]
    assert every == [entry.id for entry in audit.find(entries, Filter())]
    assert len(every) == 4


def test_other_workspaces_stay_out_of_sight(entries: Reach) -> None:
    other = workspaces.create("other", "Other", **BY)
    for reach in (Reach(other.id), Reach(other.id, with_global=True)):
        assert [entry.action for entry in audit.find(reach, Filter())] == ["workspace:create"]
    assert audit.find(Reach(other.id), Filter(text="chat")) == []


def test_what_belongs_to_no_workspace_is_shown_of_the_people_named(workspace: Workspace) -> None:
    for name in ("ada", "eve"):
        audit.write(Action.ADMIN_SIGN_IN, actor=name, source="web", after={"username": name})
    audit.write(Action.ADMIN_PASSWORD, actor="root", source="cli", after={"username": "eve"})
    audit.write(Action.ADMIN_DELETE, actor="root", source="cli", before={"username": "ada"})
    audit.write(Action.ADMIN_SIGN_IN_FAILED, actor="not signed in", source="web", after={"username": None})

    def seen(**how: Any) -> list[tuple[str, str]]:
        which = Reach(workspace.id, **how)
        return [(e.action, e.actor) for e in audit.find(which, Filter()) if e.workspace_id is None]

    assert seen() == []
    assert seen(with_global=True, people=frozenset({"ada"})) == [("admin:delete", "root"), ("admin:sign_in", "ada")]
    assert len(seen(with_global=True)) == 5
