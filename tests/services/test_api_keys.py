"""API keys: hashed, shown once, bound to a workspace and to scopes."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.services.making import BY
from webapp.models import Action, ApiKey, Scope, Workspace, now
from webapp.services import apikeys, audit, workspaces
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.transactions import reading, writing


def test_a_key_opens_what_its_scopes_say(workspace: Workspace) -> None:
    made, plaintext = apikeys.create(workspace, "  ci  ", ["publish", Scope.READ], **BY)
    assert re.fullmatch(r"tg_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", plaintext)
    key = apikeys.authenticate(plaintext)
    assert key is not None
    assert (key.id, key.name, key.workspace_id) == (made.id, "ci", workspace.id)
    assert [scope for scope in Scope if key.may(scope)] == [Scope.PUBLISH, Scope.READ]


def test_without_scopes_a_key_may_do_everything(workspace: Workspace) -> None:
    made, _ = apikeys.create(workspace, "all", **BY)
    assert made.scopes == [scope.value for scope in Scope]


def test_only_a_hash_is_kept_and_nothing_secret_audited(workspace: Workspace) -> None:
    made, plaintext = apikeys.create(workspace, "ci", **BY)
    secret = plaintext.split("_", 2)[2]
    with reading() as session:
        row = session.get(ApiKey, made.id)
    assert row is not None
    assert all(secret not in str(value) for value in vars(row).values())
    entry = audit.entries(workspace.id)[0]
    assert entry.action == Action.APIKEY_CREATE
    assert secret not in json.dumps(entry.after)


def test_nothing_else_is_a_key(workspace: Workspace) -> None:
    _, plaintext = apikeys.create(workspace, "ci", **BY)
    _, prefix, secret = plaintext.split("_", 2)
    wrong = ["", "tg", "tg__", f"tg_{prefix}_", f"tg_{prefix}_{secret}x", f"tg_{prefix}_{secret[:-1]}", secret, prefix]
    wrong += [
        f"TG_{prefix}_{secret}",
        f"tg_00000000_{secret}",
        f" {plaintext}",
        "tg_%_x",
        "tg_\x00_x",
        "é",
        "\ud800",
        "x" * 9999,
    ]
    assert [text for text in wrong if apikeys.authenticate(text) is not None] == []


def test_a_revoked_key_opens_nothing(workspace: Workspace) -> None:
    made, plaintext = apikeys.create(workspace, "ci", **BY)
    other = workspaces.create("other", "Other", **BY)
    with pytest.raises(NotFound):
        apikeys.revoke(other, made.id, **BY)
    apikeys.revoke(workspace, made.id, **BY)
    apikeys.revoke(workspace, made.id, **BY)
    assert apikeys.authenticate(plaintext) is None
    assert apikeys.list_all(workspace) == []
    assert len(apikeys.list_all(workspace, with_revoked=True)) == 1
    assert len(audit.entries(workspace.id, action=Action.APIKEY_REVOKE)) == 1


def test_the_last_use_is_noted_about_once_a_minute(workspace: Workspace) -> None:
    made, plaintext = apikeys.create(workspace, "ci", **BY)
    apikeys.authenticate(plaintext)
    (first,) = apikeys.list_all(workspace)
    assert first.last_used_at is not None
    apikeys.authenticate(plaintext)
    assert apikeys.list_all(workspace)[0].last_used_at == first.last_used_at
    with writing() as session:
        row = session.get(ApiKey, made.id)
        assert row is not None
        row.last_used_at = now() - timedelta(minutes=2)
    apikeys.authenticate(plaintext)
    used = apikeys.list_all(workspace)[0].last_used_at
    assert used is not None
    assert used >= first.last_used_at


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "a\nb", None, 7, "\ud800"])
def test_a_key_needs_a_name(workspace: Workspace, name: Any) -> None:
    with pytest.raises(InvalidInput, match="name"):
        apikeys.create(workspace, name, **BY)
    assert apikeys.list_all(workspace) == []


@pytest.mark.parametrize("scopes", [[], ["admin"], ["publish", 7]])
def test_unknown_scopes_are_refused(workspace: Workspace, scopes: Any) -> None:
    with pytest.raises(InvalidInput, match="scopes"):
        apikeys.create(workspace, "ci", scopes, **BY)


def test_two_valid_keys_have_two_names(workspace: Workspace) -> None:
    made, _ = apikeys.create(workspace, "ci", **BY)
    with pytest.raises(Conflict, match="already a key `ci`"):
        apikeys.create(workspace, " ci ", **BY)
    apikeys.create(workspaces.create("second", "Second", **BY), "ci", **BY)
    apikeys.revoke(workspace, made.id, **BY)
    apikeys.create(workspace, "ci", **BY)
    assert len(apikeys.list_all(workspace)) == 1
