"""The audit log: in words, filtered by the address, in pages, exported; and who sees what."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from markupsafe import Markup
from playwright.sync_api import Page

from webapp.models import Action, AuditEntry, RoleName
from webapp.services import admins, audit, workspaces
from webapp.web.audit.differences import Field, differences
from webapp.web.audit.telling import WORDS, names_told, told, told_plainly

from .conftest import PASSWORD, Office, csrf_token

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def write(office: Office, action: Action, **details: Any) -> None:
    with office.app.app_context():
        how = {"actor": "ada", "source": "web", "workspace_id": office.workspace.id, **details}
        audit.write(action, **how)


def entry(action: Action, **fields: Any) -> AuditEntry:
    return AuditEntry(action=action.value, **{"actor": "ada", **fields})


def test_every_action_has_words() -> None:
    assert set(WORDS) == set(Action)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (entry(Action.RULE_DELETE, before={"version": 1, "was": {"pattern": "chat/*"}}), "deleted the rule chat/*"),
        (entry(Action.RULE_CREATE, after={"is": {"pattern": HOSTILE}}), f"made the rule {HOSTILE}"),
        (entry(Action.ADMIN_PASSWORD, after={"username": "bob"}), "set the password of bob"),
        (entry(Action.ADMIN_PASSWORD, after={"username": "ada"}), "changed their own password"),
        (entry(Action.ROLE_SET, after={"username": "bob", "role": "editor"}), "gave bob the role editor"),
        (entry(Action.ROLE_REMOVE, before={"username": "ada"}, after={"username": "ada"}), "left the workspace"),
        (entry(Action.TOKEN_MINT, after={"sub": None}), "made a token for nobody in particular"),
        (entry(Action.MESSAGE_DELETE, after="nonsense"), "deleted a message of something"),
    ],
)
def test_an_entry_is_told(made: AuditEntry, words: str) -> None:
    assert told_plainly(made) == words
    assert "<script>" not in told(made)
    assert isinstance(told(made), Markup)


def test_differences_are_told_field_by_field() -> None:
    row = {"pattern": "chat", "history": 25, "description": ""}
    changed = entry(
        Action.RULE_UPDATE,
        before={"version": 1, "was": row | {"anonymous_clients": False}},
        after={"version": 2, "is": row | {"anonymous_clients": True, "nested": {"a": [1, None]}}},
    )
    assert differences(changed, names_told(changed)) == [
        Field("version", "1", "2"),
        Field("anonymous_clients", "false", "true"),
        Field("nested.a", None, "[1, null]"),
    ]


def test_what_the_sentence_says_is_not_said_again() -> None:
    signed_in = entry(Action.ADMIN_SIGN_IN, after={"username": "ada", "with": "password"})
    assert differences(signed_in, names_told(signed_in)) == []
    role = {"before": {"username": "bob", "role": "viewer"}, "after": {"username": "bob", "role": "owner"}}
    given = entry(Action.ROLE_SET, **role)
    assert differences(given, names_told(given)) == [Field("role", "viewer", "owner")]


def test_long_values_and_many_fields_are_cut() -> None:
    huge = entry(Action.RULE_UPDATE, after={str(i): "x" * 5000 for i in range(500)})
    shown = differences(huge)
    assert len(shown) == 100
    assert all(len(field.after or "") == 401 for field in shown)


def test_a_change_in_the_browser_is_found_by_its_filter(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    write(office, Action.RULE_DELETE, before={"was": {"pattern": "news", "history": 25}}, reason="not used")
    at_home.goto("/w/default/audit")
    at_home.get_by_label("What").select_option("rule:delete")
    at_home.get_by_label("Holds").fill("NEWS")
    at_home.get_by_role("button", name="Filter").click()
    at_home.wait_for_url("**action=rule%3Adelete**")
    assert at_home.locator(".entries > li").count() == 1
    item = at_home.locator(".entries > li")
    assert "ada deleted the rule news" in item.inner_text()
    assert "not used" in item.inner_text()
    item.locator("summary").click()
    assert item.get_by_role("row").all_inner_texts()[1:] == ["history\t25\tnot there"]
    at_home.get_by_role("link", name="All entries").click()
    assert at_home.locator(".entries > li").count() > 1


def test_pages_lead_through_all_entries(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    for i in range(60):
        write(office, Action.TOKEN_MINT, after={"sub": f"user{i}."})
    first = client.get("/w/default/audit?action=token:mint").text
    assert "user59." in first
    assert "user10." in first
    assert "user9." not in first
    with office.app.app_context():
        oldest = audit.entries(office.workspace.id, action=Action.TOKEN_MINT)[49].id
    assert f"/w/default/audit?action=token:mint&amp;before={oldest}" in first
    second = client.get(f"/w/default/audit?action=token:mint&before={oldest}").text
    assert "user9." in second
    assert "Newest" in second
    assert "Older" not in second


@pytest.mark.parametrize(
    "query",
    ["action=nonsense", "source=x", "since=yesterday", "until=9999-12-31", "since=9999-01-01", "actor=" + "x" * 201,
     "text=" + "x" * 5000],
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "/export.csv", "/export.jsonl"])
def test_a_filter_that_is_none_says_so(signed_in: Callable[..., FlaskClient], query: str, path: str) -> None:
    answer = signed_in().get(f"/w/default/audit{path}?{query}")
    assert answer.status_code == 422
    assert 'class="error"' in answer.text


@pytest.mark.parametrize(
    "query", ["before=x", "before=-1", "before=99999999999999999999", "text=%00", "text=%ff%fe", "since=0001-01-01",
              "until=9998-12-31"]
)  # fmt: skip
def test_odd_values_are_harmless(signed_in: Callable[..., FlaskClient], query: str) -> None:
    assert signed_in().get(f"/w/default/audit?{query}").status_code == 200


def test_exports_hold_what_the_filter_leaves(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in(RoleName.VIEWER)
    write(office, Action.RULE_DELETE, before={"was": {"pattern": "näws"}}, reason="first\nsecond", address="192.0.2.1")
    write(office, Action.TOKEN_MINT, after={"sub": "u1"})
    answer = client.get("/w/default/audit/export.csv?action=rule:delete")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="default-audit.csv"'
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert row["what"] == "deleted the rule näws"
    assert (row["actor"], row["reason"], row["address"]) == ("ada", "first\nsecond", "192.0.2.1")
    assert json.loads(row["before"]) == {"was": {"pattern": "näws"}}
    lines = client.get("/w/default/audit/export.jsonl?action=rule:delete").text.splitlines()
    assert [json.loads(line)["before"] for line in lines] == [{"was": {"pattern": "näws"}}]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(signed_in: Callable[..., FlaskClient], office: Office, text: str) -> None:
    client = signed_in()
    write(office, Action.TOKEN_MINT, actor=text, reason=text, after=text)
    (row,) = csv.DictReader(io.StringIO(client.get("/w/default/audit/export.csv?action=token:mint").text))
    assert row["actor"] == row["reason"] == row["after"] == f"'{text}"


@pytest.mark.parametrize(("role", "sees"), [(RoleName.OWNER, True), (RoleName.EDITOR, False), (RoleName.VIEWER, False)])
def test_sign_ins_are_for_owners(signed_in: Callable[..., FlaskClient], role: RoleName, sees: bool) -> None:
    client = signed_in(role)
    assert ("signed in with <bdi" in client.get("/w/default/audit").text) is sees
    assert ("admin:sign_in" in client.get("/w/default/audit/export.csv").text) is sees


def test_an_owner_of_one_workspace_sees_nothing_of_another(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    client = signed_in()
    with app.app_context():
        eve = admins.create("eve", PASSWORD, workspace=office.workspace, author="t", source="cli")
        workspaces.create("hidden", "Hidden", author="t", source="cli", owner=eve)
        admins.set_role(eve, office.workspace, None, author="t", source="cli")
    other = app.test_client()
    form = {"username": "eve", "password": PASSWORD, "csrf_token": csrf_token(other)}
    other.post("/sign-in", data=form)
    seen = client.get("/w/default/audit/export.jsonl").text
    assert '"action": "admin:sign_in"' in seen
    assert "hidden" not in seen
    assert not any(json.loads(line)["actor"] == "eve" for line in seen.splitlines())


def test_script_in_every_text_is_inert(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    hostile = {HOSTILE: HOSTILE, "pattern": HOSTILE}
    write(office, Action.RULE_UPDATE, actor=HOSTILE, reason=HOSTILE, before={"was": hostile}, after={"is": {}})
    page = client.get("/w/default/audit").text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;") >= 5
