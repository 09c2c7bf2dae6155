"""The audit log: order, filters, pages."""

from tests.services.making import BY, rules
from webapp.models import Action, Workspace
from webapp.services import audit, workspaces
from webapp.services import rules as service


def test_entries_are_listed_newest_first_in_pages(workspace: Workspace) -> None:
    for name in ("a", "b", "c"):
        service.publish(workspace, rules(name), **BY)
    newest = audit.entries(workspace.id, limit=2)
    assert [entry.after["version"] for entry in newest] == [3, 2]
    older = audit.entries(workspace.id, before_id=newest[-1].id)
    assert [entry.action for entry in older] == [Action.RULES_PUBLISH, Action.WORKSPACE_CREATE]


def test_entries_are_filtered(workspace: Workspace) -> None:
    service.publish(workspace, rules("a"), **BY)
    service.publish(workspace, rules("b"), author="bob", source="api")
    assert [entry.actor for entry in audit.entries(workspace.id, action=Action.RULES_PUBLISH)] == ["bob", "ada"]
    assert [entry.source for entry in audit.entries(workspace.id, actor="bob")] == ["api"]


def test_entries_of_other_workspaces_are_not_shown(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    audit.write(Action.CLIENT_CLOSE, actor="ada", source="web", workspace_id=other.id, after={"socket_id": "s"})
    audit.write(Action.SETUP_LINK_CREATE, actor="root", source="cli")
    assert {entry.workspace_id for entry in audit.entries(workspace.id)} == {workspace.id}
    assert {entry.workspace_id for entry in audit.entries(other.id, with_global=True)} == {other.id, None}
    assert [entry.action for entry in audit.entries()] == [Action.SETUP_LINK_CREATE]


def test_a_moment_is_in_utc(workspace: Workspace) -> None:
    at = audit.entries(workspace.id)[0].at
    assert at.utcoffset() is not None
    assert at.utcoffset().total_seconds() == 0  # type: ignore[union-attr]
