"""Publishing a rule set: one transaction, immutable versions, one pointer, audited exactly if active."""

import json

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DBAPIError

from tests.services.making import BY, document, rule, rules
from webapp.core.permissions import Permission
from webapp.core.ruleset import Switches
from webapp.extensions import db
from webapp.models import Action, AuditEntry, RuleSetVersion, Workspace
from webapp.services import audit, workspaces
from webapp.services import rules as service
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.transactions import reading


def targets(workspace: Workspace) -> list[str]:
    return [rule.target.text for rule in service.active_rules(workspace).rules]


def test_a_new_workspace_has_no_rules_in_version_0(workspace: Workspace) -> None:
    active = service.active_rules(workspace)
    assert (active.version, active.rules) == (0, ())


def test_what_is_published_is_in_force_with_the_next_number(workspace: Workspace) -> None:
    before = workspaces.by_id(workspace.id).generation
    first = service.publish(workspace, rules("chat"), reason="first", **BY)
    second = service.publish(workspace, rules("chat", "news"), **BY)
    assert (first.version, second.version) == (1, 2)
    assert first.report is None  # no server runs in this process
    assert targets(workspace) == ["chat", "news"]
    assert service.active_rules(workspace).version == 2
    assert workspaces.by_id(workspace.id).generation == before + 2


def test_every_field_of_a_rule_survives(workspace: Workspace) -> None:
    whole = rule(
        "org/*/rooms",
        *Permission,
        nested=False,
        enabled=False,
        description="ü\n",
        history=250,
        history_events=True,
    )
    pattern = rule("org/*/rooms", Permission.PRESENCE, nested=True)
    switches = Switches(False, True, True, True, True)
    service.publish(workspace, type(rules())((whole, pattern), switches), **BY)
    active = service.active_rules(workspace)
    assert active.rules == (whole, pattern)
    assert active.switches == switches


def test_a_publication_is_audited_with_its_author(workspace: Workspace) -> None:
    service.publish(workspace, rules("chat"), author="ada", source="api", reason="because", address="192.0.2.1")
    entry = audit.entries(workspace.id)[0]
    assert (entry.action, entry.actor, entry.source) == (Action.RULES_PUBLISH, "ada", "api")
    assert (entry.before, entry.after) == ({"version": 0}, {"version": 1})
    assert (entry.reason, entry.address) == ("because", "192.0.2.1")
    version = service.version(workspace, 1)
    assert (version.author, version.source, version.reason) == ("ada", "api", "because")


@pytest.mark.parametrize("table", ["rule_set_version", "workspace", "audit_entry"])
def test_a_publication_that_fails_leaves_nothing(workspace: Workspace, table: str) -> None:
    """Whatever statement fails: the pointer, the versions and the audit log are as they were."""
    service.publish(workspace, rules("chat"), **BY)
    verbs = (f"INSERT INTO {table}", f"UPDATE {table}")

    def fail(conn, cursor, statement, parameters, context, executemany):  # type: ignore[no-untyped-def]
        if statement.startswith(verbs):
            raise DBAPIError(statement, {}, Exception("the disk is gone"))

    event.listen(db.engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(DBAPIError):
            service.publish(workspace, rules("other"), **BY)
    finally:
        event.remove(db.engine, "before_cursor_execute", fail)
    assert targets(workspace) == ["chat"]
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(RuleSetVersion)) == 1
        published = select(func.count()).where(AuditEntry.action == Action.RULES_PUBLISH.value)
        assert session.scalar(published) == 1


def test_another_version_than_the_expected_one_is_a_conflict(workspace: Workspace) -> None:
    service.publish(workspace, rules("chat"), expected_version=0, **BY)
    with pytest.raises(Conflict) as caught:
        service.publish(workspace, rules("mine"), expected_version=0, **BY)
    assert "Version 1 is in force, not 0" in caught.value.problems["version"]
    assert targets(workspace) == ["chat"]
    service.publish(workspace, rules("mine"), expected_version=1, **BY)


def test_rolling_back_publishes_the_old_rules_as_a_new_version(workspace: Workspace) -> None:
    service.publish(workspace, rules("chat"), **BY)
    service.publish(workspace, rules("news"), **BY)
    assert service.roll_back(workspace, 1, reason="too early", **BY).version == 3
    assert targets(workspace) == ["chat"]
    entry = audit.entries(workspace.id)[0]
    assert (entry.action, entry.after) == (Action.RULES_ROLLBACK, {"version": 3, "is": {"restored": 1}})
    with pytest.raises(NotFound):
        service.roll_back(workspace, 9, **BY)


def test_versions_are_listed_newest_first_and_never_change(workspace: Workspace) -> None:
    for name in ("a", "b", "c"):
        service.publish(workspace, rules(name), **BY)
    assert [version.number for version in service.versions(workspace)] == [3, 2, 1]
    assert [version.number for version in service.versions(workspace, before=3, limit=1)] == [2]
    assert json.loads(service.version(workspace, 1).document)["channels"][0]["pattern"] == "a"
    with pytest.raises(NotFound):
        service.version(workspace, 4)


def test_workspaces_have_rules_of_their_own(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    service.publish(workspace, rules("chat"), **BY)
    assert service.active_rules(other).version == 0
    assert service.publish(other, rules("news"), **BY).version == 1
    with pytest.raises(NotFound):
        service.version(other, 2)


def test_a_reason_has_a_bound(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="reason"):
        service.publish(workspace, rules("chat"), reason="x" * 2001, **BY)
    with pytest.raises(InvalidInput, match="reason"):
        service.publish(workspace, rules("chat"), reason="\x00", **BY)
    assert service.active_rules(workspace).version == 0


def test_what_could_not_be_read_again_is_not_published(workspace: Workspace) -> None:
    """Rules made in code pass no document on their way in; stored unreadable, they would stop the next start."""
    for bad in (rule("a", description="x" * 2001), rule("a", description="\ud800"), rule("a", history=3)):
        with pytest.raises(InvalidInput):
            service.change(workspace, service.saving(bad, None), **BY)
    assert service.active_rules(workspace).version == 0


def test_a_document_is_published_with_warnings_or_refused_strictly(workspace: Workspace) -> None:
    strange = {**document("chat"), "colour": "red"}
    strange["channels"][0]["shape"] = 1
    with pytest.raises(InvalidInput) as caught:
        service.publish_document(workspace, strange, strict=True, **BY)
    assert set(caught.value.problems) == {"colour", "channels[0].shape"}
    assert service.active_rules(workspace).version == 0
    publication = service.publish_document(workspace, strange, strict=False, **BY)
    assert {warning.path for warning in publication.warnings} == {"colour", "channels[0].shape"}


def test_the_hash_of_a_document_changes_no_canonical(workspace: Workspace) -> None:
    service.publish_document(workspace, {**document("chat"), "hash": "elsewhere"}, strict=True, **BY)
    assert workspaces.by_id(workspace.id).canonical == "default"


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        (None, ""),
        ([], ""),
        ("text", ""),
        ({}, "channels"),
        ({"channels": {}}, "channels"),
        ({"channels": ["chat"]}, "channels[0]"),
        ({"channels": [], "enabled": "yes"}, "enabled"),
        ({"channels": [], "hash": 7}, "hash"),
        ({"channels": [{}]}, "channels[0].pattern"),
        ({"channels": [{"pattern": ""}]}, "channels[0].pattern"),
        ({"channels": [{"pattern": "a\x00"}]}, "channels[0].pattern"),
        ({"channels": [{"pattern": "x" * 256}]}, "channels[0].pattern"),
        ({"channels": [{"pattern": "foo*", "wildcard": True}]}, "channels[0].pattern"),
        ({"channels": [{"pattern": "a", "history": 30}]}, "channels[0].history"),
        ({"channels": [{"pattern": "a", "history": True}]}, "channels[0].history"),
        ({"channels": [{"pattern": "a", "presence": 1}]}, "channels[0].presence"),
        ({"channels": [{"pattern": "a", "description": 3}]}, "channels[0].description"),
        ({"channels": [{"pattern": "a"}, {"pattern": "a"}]}, "channels[1].pattern"),
        (
            {"channels": [{"pattern": "a", "wildcard": True}, {"pattern": "a/*", "wildcard": True}]},
            "channels[1].pattern",
        ),
        ({"channels": [{"pattern": "a"}] * 10_001}, "channels"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_bad_document_is_refused_at_its_place(workspace: Workspace, bad: object, path: str, strict: bool) -> None:
    with pytest.raises(InvalidInput) as caught:
        service.publish_document(workspace, bad, strict=strict, **BY)
    assert list(caught.value.problems) == [path]
    assert service.active_rules(workspace).version == 0
