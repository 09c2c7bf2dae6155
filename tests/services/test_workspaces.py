"""Workspaces: the default one, settings, and what a running server reads."""

from typing import Any

import pytest
from flask import Flask

from tests.services.making import BY, rules
from webapp.extensions import db
from webapp.models import Action, RoleName, Workspace
from webapp.services import admins, audit, keys, tokens, workspaces
from webapp.services import rules as rule_service
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.history import DatabaseStore

PASSWORD = "correct horse battery"


def test_the_default_workspace_is_made_once(app: Flask) -> None:
    first = workspaces.ensure_default()
    assert (first.canonical, workspaces.ensure_default().id) == ("default", first.id)
    assert [workspace.canonical for workspace in workspaces.list_all()] == ["default"]
    assert len(keys.list_all(first)) == 1


@pytest.mark.parametrize("canonical", ["", "-a", "a b", "a/b", "ä", "x" * 65, "a\n", None, 7])
def test_a_canonical_fits_in_an_address(workspace: Workspace, canonical: Any) -> None:
    with pytest.raises(InvalidInput, match="canonical"):
        workspaces.create(canonical, "Name", **BY)


def test_a_canonical_is_there_once(workspace: Workspace) -> None:
    with pytest.raises(Conflict):
        workspaces.create("default", "Again", **BY)
    for canonical in ("nowhere", "", "\x00", "\ud800", "x" * 9999):
        with pytest.raises(NotFound):
            workspaces.get(canonical)
    with pytest.raises(NotFound):
        workspaces.load_config(999)


def test_origins_are_kept_as_browsers_send_them(workspace: Workspace) -> None:
    given = [
        "https://App.example.com",
        "http://localhost:3000/",
        "https://a.example:443",
        " ",
        "https://App.example.com",
    ]
    changed = workspaces.update_settings(workspace, allowed_origins=given, name="New", **BY)
    assert changed.allowed_origins == ["http://localhost:3000", "https://a.example", "https://app.example.com"]
    assert workspaces.load_config(workspace.id).origins == tuple(changed.allowed_origins)
    entry = audit.entries(workspace.id)[0]
    assert (entry.action, entry.before["name"], entry.after["name"]) == (Action.WORKSPACE_UPDATE, "Default", "New")
    workspaces.update_settings(workspace, allowed_origins=given, **BY)
    assert workspaces.by_id(workspace.id).generation == changed.generation  # nothing changed


@pytest.mark.parametrize(
    "origins",
    ["https://a.example", [7], ["a.example"], ["*"], ["https://*.example.com"], ["https://a.example/path"],
     ["https://a.example?x"], ["ftp://a.example"], ["https://u:p@a.example"], ["https://a.example:x"], ["https://"],
     ["https://[::1"], ["https://a.example"] * 101, ["https://" + "a" * 300]],
)  # fmt: skip
def test_what_is_no_origin_is_refused(workspace: Workspace, origins: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        workspaces.update_settings(workspace, allowed_origins=origins, **BY)
    assert list(caught.value.problems) == ["allowed_origins"]
    assert workspaces.by_id(workspace.id).allowed_origins == []


def test_a_server_reads_rules_keys_and_revocations(workspace: Workspace) -> None:
    rule_service.publish(workspace, rules("chat"), **BY)
    minted = tokens.mint(workspace, **BY)
    tokens.revoke(workspace, minted.jti, **BY)
    config = workspaces.load_config(workspace.id)
    assert (config.id, config.canonical, config.rules.version) == (workspace.id, "default", 1)
    assert config.verifier.revoked == {minted.jti}
    assert [key.algorithm for key in config.verifier.keys] == ["HS256"]
    assert config.generation == workspaces.by_id(workspace.id).generation


def test_without_a_server_nothing_is_refreshed(workspace: Workspace) -> None:
    assert workspaces.running() is None
    assert workspaces.refresh(workspace.id) is None
    assert workspaces.watch() == 0


def test_a_server_in_this_process_is_told_before_publishing_returns(workspace: Workspace, app: Flask) -> None:
    from webapp.realtime.limits import Limits
    from webapp.realtime.server import Realtime

    app.extensions["tidegate.realtime"] = realtime = Realtime(Limits(), DatabaseStore(db.engine))
    assert workspaces.watch() == 1
    assert workspaces.watch() == 0
    publication = rule_service.publish(workspace, rules("chat"), **BY)
    assert publication.report is not None
    assert publication.report.version == 1
    live = realtime.workspace("default")
    assert live is not None
    assert [rule.target.text for rule in live.rules.rules] == ["chat"]
    # What another process has written is found by watching.
    del app.extensions["tidegate.realtime"]
    rule_service.publish(workspace, rules("news"), **BY)
    assert live.rules.version == 1
    app.extensions["tidegate.realtime"] = realtime
    assert workspaces.watch() == 1
    assert live.rules.version == 2


def test_a_new_workspace_belongs_to_those_who_own_all_others(workspace: Workspace) -> None:
    everywhere = admins.create("everywhere", PASSWORD, **BY)
    here = admins.create("here", PASSWORD, role="viewer", workspace=workspace, **BY)
    made = workspaces.create("second", "Second", **BY)
    assert admins.role_in(everywhere, made) is RoleName.OWNER
    assert admins.role_in(here, made) is None
    owner_of_one = admins.create("one", PASSWORD, role="owner", workspace=made, **BY)
    third = workspaces.create("third", "Third", **BY)
    assert admins.role_in(everywhere, third) is RoleName.OWNER
    assert admins.role_in(owner_of_one, third) is None
