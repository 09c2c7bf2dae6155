"""The settings: switches are drafted and overwrite nobody, name and origins are the owners', limits are shown."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from tests.core.making import pattern, rule_set
from tests.sockets.live import Live
from webapp.config import setting_infos
from webapp.core.ruleset import Switches
from webapp.models import RoleName
from webapp.services import drafts, rules

from .conftest import Office

SignIn = Callable[..., FlaskClient]
PAGE = "/w/default/settings"


def save(client: FlaskClient, seen: str, *on: str) -> int:
    form = dict.fromkeys(on, "y") | {"seen": seen, "csrf_token": client.token}  # type: ignore[attr-defined]
    return client.post(f"{PAGE}/switches", data=form).status_code


def test_a_switch_is_in_the_draft_and_not_in_force(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat"})
    at_home.goto(PAGE)
    at_home.get_by_label("Strict anonymous").check()
    at_home.get_by_role("button", name="Save to the draft").click()
    expect(at_home.locator("#notices")).to_contain_text("in the draft")
    expect(at_home.get_by_label("Strict anonymous")).to_be_checked()
    expect(at_home.locator(".hits", has_text="in the draft on")).to_contain_text("in force still off")
    with office.app.app_context():
        assert not rules.active_rules(office.workspace).switches.strict_anonymous
        assert drafts.working_rules(office.workspace).switches == Switches(strict_anonymous=True)
    at_home.get_by_role("link", name="See the draft").click()
    expect(at_home.get_by_role("main")).to_contain_text("Strict anonymous")
    at_home.goto(PAGE)
    at_home.get_by_label("Strict anonymous").uncheck()
    at_home.get_by_role("button", name="Save to the draft").click()
    expect(at_home.locator("#notices")).to_contain_text("as in force again")
    with office.app.app_context():
        assert drafts.summary(office.workspace) is None


def test_two_people_switching_different_things_keep_both(signed_in: SignIn, office: Office) -> None:
    office.publish({"pattern": "chat"})
    client = signed_in(RoleName.EDITOR)
    with office.app.app_context():  # somebody else, after the page was loaded with `enabled` alone
        drafts.set_switches(office.workspace, Switches(access_manager=True), author="bob")
    assert save(client, "enabled", "enabled", "strict_anonymous") == 303
    with office.app.app_context():
        expected = Switches(access_manager=True, strict_anonymous=True)
        assert drafts.working_rules(office.workspace).switches == expected


def test_saving_without_switching_makes_no_draft(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    assert save(client, "enabled", "enabled") == 303
    assert save(client, "enabled nonsense <b>", "enabled") == 303
    with office.app.app_context():
        assert drafts.summary(office.workspace) is None


def test_a_switch_says_whom_it_would_hit(signed_in: SignIn, office: Office) -> None:
    with office.app.app_context():
        from webapp.core.documents import parse_document

        row = {"pattern": "chat", "wildcard": True, "client_public_messaging": True}
        rules.publish(office.workspace, parse_document({"channels": [row]}).rules, author="t", source="cli")
    live = Live()
    live.publish(rule_set(pattern("chat/*", "M")))
    office.app.extensions["tidegate.realtime"] = live.realtime
    for user in (None, None, "42"):
        live.send(live.connect(user), "join", "chat/a")
    html = signed_in(RoleName.VIEWER).get(PAGE).text
    assert "it takes 3 members out of 1 channel now" in html
    assert "it takes 2 anonymous members out of a channel now" in html
    assert "3 clients of 3 connected now have no grants" in html


@pytest.mark.parametrize(("role", "status"), [(RoleName.EDITOR, 403), (RoleName.VIEWER, 403), (RoleName.OWNER, 303)])
def test_name_and_origins_are_the_owners(role: RoleName, status: int, signed_in: SignIn, office: Office) -> None:
    client = signed_in(role)
    form = {"name": "Other", "allowed_origins": "https://a.example", "csrf_token": client.token}  # type: ignore[attr-defined]
    assert client.post(f"{PAGE}/workspace", data=form).status_code == status
    with office.app.app_context():
        assert office.workspace.name == ("Other" if status == 303 else "Default")


def test_every_limit_is_shown_with_its_variable_and_meaning(signed_in: SignIn) -> None:
    html = signed_in(RoleName.VIEWER).get(PAGE).text
    limits = [info for info in setting_infos() if "_LIMIT_" in info.variable or "_PING_" in info.variable]
    assert len(limits) == 10
    for info in limits:
        assert info.variable in html
        assert info.help in html
    assert "65,536" in html
    assert "ws://localhost/rt/default" in html
    assert "SQLite" in html
