"""The table of rules: what the draft does to each, searching, filtering, sorting, paging, thousands of rules."""

import re
import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.core.permissions import Permission
from webapp.core.ruleset import Switches
from webapp.models import RoleName
from webapp.services import drafts

from .conftest import Office

SignIn = Callable[..., FlaskClient]
MANY = 5000
PARTIAL = {"HX-Request": "true", "HX-Request-Type": "partial"}


def rows(page: str) -> list[str]:
    """The rows of the table, without their tags."""
    body = page[page.index('<table class="rules">') :] if '<table class="rules">' in page else ""
    found = re.findall(r'<tr id="rule-[^>]*class="(.*?)">(.*?)</tr>', body, re.DOTALL)
    return [f"{marks} {re.sub(r'<[^>]+>', ' ', row)}" for marks, row in found]


def names(page: str) -> list[str]:
    found = re.findall(r'<tr id="rule-.*?<bdi class="target-name">(.*?)</bdi>', page, re.DOTALL)
    return [re.sub(r"<[^>]+>", "", name).strip() for name in found]


def many(number: int = MANY) -> list[dict[str, object]]:
    return [
        {"pattern": f"room/{n:04}/*", "wildcard": True, "description": f"Room {n}", "presence": n % 2 == 0,
         "enabled": n % 10 != 0, "history": 25 if n % 5 == 0 else 0}
        for n in range(number)
    ]  # fmt: skip


@pytest.fixture
def owner(signed_in: SignIn) -> FlaskClient:
    return signed_in()


def test_rows_say_what_the_draft_does_to_them(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "a"}, {"pattern": "b"}, {"pattern": "c"}, {"pattern": "d"})
    office.draft({"pattern": "a"}, {"pattern": "b", "history": 25, "presence": True},
                 {"pattern": "d", "enabled": False}, {"pattern": "e"})  # fmt: skip
    shown = rows(owner.get("/w/default/channels").text)
    assert [row.split()[0] for row in shown] == ["same", "changed", "deleted", "changed", "new"]
    assert "changed in the draft: message history, presence" in shown[1]
    assert "deleted in the draft" in shown[2]
    assert "switched off in the draft" in shown[3]
    assert "publish now" in shown[3]
    assert "publish now" not in shown[1]
    assert all(("take back" in row) == (i > 0) for i, row in enumerate(shown))


def test_without_a_draft_nothing_is_marked(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "a"}, {"pattern": "b", "enabled": False})
    assert not any("in the draft" in row for row in rows(owner.get("/w/default/channels").text))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=CHAT", ["chat/a", "chat/b"]),
        ("q=people", ["news"]),
        ("q=nothing+like+it", []),
        ("status=active", ["chat/a", "news"]),
        ("status=inactive", ["chat/b"]),
        ("status=draft", []),
        ("permission=presence", ["chat/b"]),
        ("q=chat&permission=presence&status=inactive", ["chat/b"]),
        ("status=wrong&permission=wrong&sort=wrong&page=wrong", ["chat/a", "chat/b", "news"]),
        ("sort=target", ["chat/a", "chat/b", "news"]),
        ("sort=-target", ["news", "chat/b", "chat/a"]),
        ("sort=-history", ["news", "chat/a", "chat/b"]),
        ("page=99", ["chat/a", "chat/b", "news"]),
        ("page=-1", ["chat/a", "chat/b", "news"]),
        ("page=0", ["chat/a", "chat/b", "news"]),
    ],
)
def test_what_is_asked_for(owner: FlaskClient, office: Office, asked: str, found: list[str]) -> None:
    office.publish(
        {"pattern": "chat/a", "history": 25},
        {"pattern": "chat/b", "enabled": False, "presence": True},
        {"pattern": "news", "description": "For all people", "history": 100},
    )
    page = owner.get(f"/w/default/channels?{asked}").text
    assert names(page) == found
    assert ("No rule is like that" in page) == (not found)


def test_a_part_of_the_page_comes_with_the_address_of_all_that_was_asked(owner: FlaskClient, office: Office) -> None:
    office.publish(*many(120))
    answer = owner.get(
        "/w/default/channels?q=room&status=active&permission=&page=2&channel=room/1/x&of=",
        headers=PARTIAL | {"HX-Target": "section#rules"},
    )
    assert "<html" not in answer.text
    assert len(rows(answer.text)) == 50
    assert answer.headers["HX-Replace-Url"] == "/w/default/channels?q=room&status=active&page=2&channel=room/1/x"


def test_an_inactive_rule_names_those_that_decide_instead(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "chat/a", "enabled": False}, {"pattern": "chat", "wildcard": True},
                   {"pattern": "chat/b"}, {"pattern": "news", "enabled": False})  # fmt: skip
    shown = [re.sub(r"\s+", " ", row) for row in rows(owner.get("/w/default/channels").text)]
    assert "Inactive, so chat / * decides for its channels" in shown[0]
    assert not any("Inactive, so" in row for row in shown[1:])


@pytest.mark.alone
def test_thousands_of_rules_are_shown_page_by_page_in_time(owner: FlaskClient, office: Office) -> None:
    office.publish(*many())
    with office.app.app_context():
        drafts.set_enabled(office.workspace, drafts.working_rules(office.workspace).rules[7].target, False, author="b")
    owner.get("/w/default/channels")  # the documents are read once, whoever looks
    asked = ["", "?q=room+4999", "?status=inactive", "?permission=presence&sort=-history", "?sort=target&page=100",
             "?status=draft", "?channel=room/0007/x"]  # fmt: skip
    for query in asked:
        began = time.perf_counter()
        page = owner.get(f"/w/default/channels{query}").text
        assert time.perf_counter() - began < 1, query
        assert len(rows(page)) <= 50
    assert names(owner.get("/w/default/channels?q=room+4999").text) == ["room/4999/*"]
    assert names(owner.get("/w/default/channels?sort=target&page=100").text)[-1] == "room/4999/*"
    assert "500 of 5,000 rules" not in page
    page = owner.get("/w/default/channels?status=inactive&channel=room/0008/x").text
    assert "501 of 5,000 rules" in page
    assert "4,999 other rules do not match" in page
    assert 'rel="next"' in page
    assert 'rel="prev"' not in page


@pytest.mark.alone
def test_the_form_of_one_among_thousands_answers_in_time(owner: FlaskClient, office: Office) -> None:
    office.publish(*many())
    address = "?target=room/0007/*&nested=1"
    owner.get(f"/w/default/channels/edit{address}")
    form = {"csrf_token": owner.token, "pattern": "room/*", "wildcard": "y", "history": "0"}  # type: ignore[attr-defined]
    began = time.perf_counter()
    page = owner.post(f"/w/default/channels/look{address}", data=form).text
    assert time.perf_counter() - began < 1
    assert page.count("<li><a href") == 20
    assert "and 4,979 more" in page


@pytest.mark.parametrize("role", [RoleName.DEVELOPER, RoleName.VIEWER])
def test_who_only_reads_sees_the_draft_and_nothing_to_press(signed_in: SignIn, office: Office, role: RoleName) -> None:
    office.publish({"pattern": "a"}, {"pattern": "b"})
    office.draft({"pattern": "a", "enabled": False})
    page = signed_in(role).get("/w/default/channels").text
    shown = rows(page)
    assert "switched off in the draft" in shown[0]
    assert "deleted in the draft" in shown[1]
    table = page[page.index('<table class="rules">') : page.index("</table>")]
    assert "<form" not in table
    assert "<button" not in table
    assert not re.search(r"<a [^>]*(edit|delete|/switch)\?", table)


def test_which_rule_decides_by_the_draft_or_by_what_is_in_force(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    office.draft({"pattern": "chat", "wildcard": True}, {"pattern": "chat/a"})
    partial = PARTIAL | {"HX-Target": "div#deciding"}
    by_draft = owner.get("/w/default/channels?channel=chat/a", headers=partial).text
    in_force = owner.get("/w/default/channels?channel=chat/a&of=force", headers=partial).text
    assert "is exactly this channel" in by_draft
    assert "By the rules of the draft" in by_draft
    assert "is exactly this channel" not in in_force
    assert "By version 1, which is in force" in in_force


def test_permissions_can_be_asked_for_by_each_of_the_seven(owner: FlaskClient, office: Office) -> None:
    office.publish(*[{"pattern": permission.value, permission.value: True} for permission in Permission])
    for permission in Permission:
        assert names(owner.get(f"/w/default/channels?permission={permission}").text) == [permission.value]


def test_a_draft_of_switches_alone_leaves_the_first_steps(owner: FlaskClient, office: Office) -> None:
    with office.app.app_context():
        drafts.set_switches(office.workspace, Switches(strict_anonymous=True), author="bob")
    assert "No rules yet" in owner.get("/w/default/channels").text


def test_a_draft_that_deletes_all_rules_still_shows_them(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "a"})
    office.draft()
    page = owner.get("/w/default/channels").text
    assert names(page) == ["a"]
    assert "deleted in the draft" in rows(page)[0]
