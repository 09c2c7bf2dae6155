"""Publish now: one switch goes into force at once, and the rest of the draft stays what it was."""

import html
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.core.ruleset import Rule
from webapp.core.targets import Target
from webapp.services import drafts, rules

from .conftest import Office

SignIn = Callable[..., FlaskClient]
CHAT = "switch?target=chat"


@pytest.fixture
def owner(signed_in: SignIn, office: Office) -> FlaskClient:
    office.publish({"pattern": "chat"}, {"pattern": "news"})
    return signed_in()


def post(client: FlaskClient, path: str, **fields: object) -> int:
    token = client.token  # type: ignore[attr-defined]
    return client.post(f"/w/default/channels/{path}", data={"csrf_token": token} | fields).status_code


def notice(client: FlaskClient) -> str:
    page = client.get("/w/default/channels").text
    found = re.search(r"data-notice>.*?<p>(.*?)</p>", page, re.DOTALL)
    assert found is not None
    return html.unescape(re.sub(r"<[^>]+>", "", found[1]))


def enabled(office: Office) -> dict[str, bool]:
    with office.app.app_context():
        return {rule.target.text: rule.enabled for rule in rules.active_rules(office.workspace).rules}


def edit(office: Office, text: str, **fields: object) -> None:
    with office.app.app_context():
        rule = Rule(Target(text), **fields)  # type: ignore[arg-type]
        drafts.save_rule(office.workspace, rule, replaces=Target(text), author="bob")


def behind(office: Office) -> bool:
    with office.app.app_context():
        draft = drafts.current(office.workspace)
        assert draft is not None
        return draft.behind


def test_it_is_said_what_it_would_hit_and_nothing_happens_yet(owner: FlaskClient, office: Office) -> None:
    page = owner.get("/w/default/channels/switch?target=chat").text
    assert "Switch off and publish" in page
    assert "No other rule covers these channels" in page
    assert office.version() == 1


def test_without_a_draft(owner: FlaskClient, office: Office) -> None:
    assert post(owner, CHAT, enabled="off", expected_version=1) == 303
    assert enabled(office) == {"chat": False, "news": True}
    assert notice(owner) == "chat is off. Version 2 is published."
    assert office.drafted() is None


def test_the_draft_that_held_only_this_switch_ends(owner: FlaskClient, office: Office) -> None:
    assert post(owner, "status?target=chat", enabled="off") == 303
    assert office.drafted() is not None
    assert post(owner, CHAT, enabled="off", expected_version=1) == 303
    assert enabled(office) == {"chat": False, "news": True}
    assert office.drafted() is None


@pytest.mark.parametrize("description", ["", "of Bob"])
def test_other_changes_stay_in_the_draft_on_top_of_the_new_version(
    owner: FlaskClient, office: Office, description: str
) -> None:
    edit(office, "chat", enabled=False, description=description)
    edit(office, "news", description="of Bob")
    assert post(owner, CHAT, enabled="off", expected_version=1) == 303
    assert "The other changes stay in the draft." in notice(owner)
    assert enabled(office) == {"chat": False, "news": True}
    assert office.drafted() == {"chat": description, "news": "of Bob"}
    assert not behind(office)


def test_a_rule_that_the_draft_changes_otherwise_waits_for_a_choice(owner: FlaskClient, office: Office) -> None:
    edit(office, "chat", enabled=True, description="of Bob")
    assert post(owner, CHAT, enabled="off", expected_version=1) == 303
    assert "The draft is behind now" in notice(owner)
    assert enabled(office) == {"chat": False, "news": True}
    assert office.drafted() == {"chat": "of Bob", "news": ""}
    assert behind(office)


def test_a_version_in_between_is_not_written_over(owner: FlaskClient, office: Office) -> None:
    office.publish({"pattern": "chat", "description": "new"}, {"pattern": "news"})
    assert post(owner, CHAT, enabled="off", expected_version=1) == 409
    assert enabled(office) == {"chat": True, "news": True}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"enabled": "off"},
        {"enabled": "sideways", "expected_version": 1},
        {"enabled": "off", "expected_version": "x"},
    ],
)
def test_what_says_nothing_clear_changes_nothing(owner: FlaskClient, office: Office, fields: dict[str, object]) -> None:
    assert post(owner, CHAT, **fields) in (409, 422)
    assert office.version() == 1


def test_a_rule_that_is_not_in_force_can_not_be_switched_there(owner: FlaskClient, office: Office) -> None:
    assert post(owner, "switch?target=nothing", enabled="off", expected_version=1) == 404
    assert owner.get("/w/default/channels/foreseen?target=nothing&becomes=off").status_code == 404


def test_a_switch_for_a_rule_that_is_gone_says_so(owner: FlaskClient, office: Office) -> None:
    assert post(owner, "status?target=nothing", enabled="off") == 303
    assert "Not switched. There is no rule for nothing." in notice(owner)
    assert office.drafted() is None


def test_sending_it_twice_or_after_someone_else_did_it_never_switches_back(owner: FlaskClient, office: Office) -> None:
    path = f"{CHAT}&becomes=off"
    for _ in range(2):
        assert post(owner, path, enabled="off", expected_version=1) == 303
        assert enabled(office) == {"chat": False, "news": True}
    assert owner.get(f"/w/default/channels/{path}").status_code == 303
    assert "Switch on and publish" in owner.get(f"/w/default/channels/{CHAT}").text
    assert office.version() == 2
