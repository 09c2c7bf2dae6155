"""Two editors in one draft: different rules both get in, the same one is never silently overwritten."""

import html
import re
import time
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from webapp.core.ruleset import Rule
from webapp.core.targets import Target
from webapp.models import RoleName
from webapp.services import drafts

from .conftest import PASSWORD, Office

SAVE = "Save in the draft"
NEWS = "/w/default/channels/edit?target=news"
SignIn = Callable[..., FlaskClient]


def signed_in_page(browser: Browser, server: str, username: str) -> Page:
    context = browser.new_context(base_url=server, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/default")
    return page


@pytest.fixture
def two(browser: Browser, server: str, office: Office) -> Iterator[tuple[Page, Page]]:
    """Ada and Bob, each in a browser of their own, in a workspace with two rules."""
    office.publish({"pattern": "chat"}, {"pattern": "news", "description": "old"})
    office.admin("ada")
    office.admin("bob", RoleName.EDITOR)
    ada, bob = (signed_in_page(browser, server, name) for name in ("ada", "bob"))
    yield ada, bob
    ada.context.close()
    bob.context.close()


def save(page: Page) -> None:
    page.get_by_role("button", name=SAVE).click()
    expect(page.locator("#notices")).to_contain_text("saved in the draft")


def test_different_rules_both_get_in(two: tuple[Page, Page], office: Office) -> None:
    ada, bob = two
    ada.goto("/w/default/channels/edit?target=chat")
    bob.goto(NEWS)
    ada.get_by_label("Description").fill("of Ada")
    bob.get_by_label("Description").fill("of Bob")
    save(ada)
    save(bob)
    assert office.drafted() == {"chat": "of Ada", "news": "of Bob"}


def test_of_the_same_rule_the_second_is_told_and_nothing_is_lost(two: tuple[Page, Page], office: Office) -> None:
    ada, bob = two
    ada.goto(NEWS)
    bob.goto(NEWS)
    ada.reload()  # its form says at once who else is there
    expect(ada.locator("#others")).to_contain_text("bob is editing this rule too")
    ada.get_by_label("Description").fill("of Ada")
    ada.get_by_label("Presence").check()
    save(ada)
    bob.get_by_label("Description").fill("of Bob")
    bob.get_by_role("button", name=SAVE).click()
    expect(bob.locator(".conflict")).to_contain_text("ada changed this rule")
    assert office.drafted() == {"chat": "", "news": "of Ada"}
    differing = bob.locator(".differing tbody tr")
    expect(differing).to_have_count(2)
    expect(differing.filter(has_text="Description")).to_contain_text("of Ada")
    expect(differing.filter(has_text="Description")).to_contain_text("of Bob")
    expect(bob.get_by_label("Description")).to_have_value("of Bob")
    bob.get_by_role("button", name="Put mine in its place").first.click()
    expect(bob.locator("#notices")).to_contain_text("saved in the draft")
    assert office.drafted() == {"chat": "", "news": "of Bob"}


def test_theirs_can_be_taken(two: tuple[Page, Page], office: Office) -> None:
    ada, bob = two
    bob.goto(NEWS)
    bob.get_by_label("Description").fill("of Bob")
    ada.goto(NEWS)
    ada.get_by_label("Description").fill("of Ada")
    save(ada)
    bob.get_by_role("button", name=SAVE).click()
    bob.get_by_role("link", name="Take theirs").click()
    expect(bob.get_by_label("Description")).to_have_value("of Ada")
    assert office.drafted() == {"chat": "", "news": "of Ada"}


def test_a_rule_that_was_deleted_meanwhile_can_be_made_anew(two: tuple[Page, Page], office: Office) -> None:
    ada, bob = two
    bob.goto(NEWS)
    bob.get_by_label("Description").fill("of Bob")
    ada.goto("/w/default/channels/delete?target=news")
    ada.get_by_role("button", name="Delete in the draft").click()
    expect(ada.locator("#notices")).to_contain_text("deleted in the draft")
    bob.get_by_role("button", name=SAVE).click()
    expect(bob.locator(".conflict")).to_contain_text("ada deleted this rule")
    save(bob)
    assert office.drafted() == {"chat": "", "news": "of Bob"}


# The same without a browser


def field(page: str, name: str) -> str:
    found = re.search(rf'<input id="{name}" name="{name}" type="hidden" value="([^"]*)">', page)
    assert found is not None
    return html.unescape(found[1])


def post(client: FlaskClient, path: str, **fields: str) -> tuple[int, str]:
    token = client.token  # type: ignore[attr-defined]
    answer = client.post(f"/w/default/channels/{path}", data={"csrf_token": token, "history": "0"} | fields)
    return answer.status_code, answer.text


def bob_writes(office: Office, description: str) -> None:
    with office.app.app_context():
        rule = Rule(Target("news"), description=description)
        drafts.save_rule(office.workspace, rule, replaces=Target("news"), author="bob")


@pytest.fixture
def owner(signed_in: SignIn, office: Office) -> FlaskClient:
    office.publish({"pattern": "chat"}, {"pattern": "news", "description": "old"})
    return signed_in()


def test_a_form_without_the_state_that_was_seen_changes_nothing(owner: FlaskClient, office: Office) -> None:
    for seen in ({}, {"seen": ""}, {"seen": "guessed"}):
        status, page = post(owner, "edit?target=news", pattern="news", enabled="y", description="mine", **seen)
        assert status == 409
        assert "Put mine in its place" in page
    assert post(owner, "delete?target=news", seen="guessed")[0] == 409
    assert office.drafted() is None


def test_sending_twice_is_one_change(owner: FlaskClient, office: Office) -> None:
    seen = field(owner.get(NEWS).text, "seen")
    for _ in range(2):
        fields = {"pattern": "news", "enabled": "y", "description": "mine", "seen": seen}
        assert post(owner, "edit?target=news", **fields)[0] == 303
        assert post(owner, "new", pattern="room", enabled="y")[0] == 303
    with office.app.app_context():
        draft = drafts.current(office.workspace)
    assert draft is not None
    assert len(draft.log) == 2
    seen = field(owner.get("/w/default/channels/delete?target=chat").text, "seen")
    assert [post(owner, "delete?target=chat", seen=seen)[0] for _ in range(2)] == [303, 303]
    assert office.drafted() == {"news": "mine", "room": ""}


def test_a_new_rule_does_not_replace_another(owner: FlaskClient, office: Office) -> None:
    status, page = post(owner, "new", pattern="news", enabled="y", description="mine")
    assert status == 422
    assert "already a rule for" in page
    assert office.drafted() is None


def test_deleting_what_someone_changed_meanwhile_asks_again(owner: FlaskClient, office: Office) -> None:
    seen = field(owner.get("/w/default/channels/delete?target=news").text, "seen")
    bob_writes(office, "of Bob")
    status, page = post(owner, "delete?target=news", seen=seen)
    assert status == 409
    assert "Nothing was deleted" in page
    assert office.drafted() == {"chat": "", "news": "of Bob"}
    assert post(owner, "delete?target=news", seen=field(page, "seen"))[0] == 303
    assert office.drafted() == {"chat": ""}


def test_an_open_form_hears_of_the_others(owner: FlaskClient, office: Office) -> None:
    seen = field(owner.get(NEWS).text, "seen")
    assert post(owner, "open?target=news", seen=seen) == (200, "")
    with office.app.test_request_context():
        from webapp.web.channels import state

        state.editors().beat("default", Target("news"), "<b>bob</b>", time.monotonic() - 20)
    page = post(owner, "open?target=news", seen=seen)[1]
    assert "<bdi>&lt;b&gt;bob&lt;/b&gt;</bdi> is editing this rule too" in page
    assert "is editing" not in post(owner, "open?target=chat", seen=seen)[1]
    bob_writes(office, "of Bob")
    assert "Someone changed this rule" in post(owner, "open?target=news", seen=seen)[1]
    with office.app.app_context():
        drafts.delete_rule(office.workspace, Target("news"), author="bob")
    assert "Someone deleted this rule" in post(owner, "open?target=news", seen=seen)[1]


def test_taking_back_what_is_not_changed_says_so(owner: FlaskClient, office: Office) -> None:
    assert post(owner, "take-back?target=chat")[0] == 303
    assert "Not taken back" in owner.get("/w/default/channels").text
    bob_writes(office, "of Bob")
    assert post(owner, "take-back?target=news")[0] == 303
    assert office.drafted() is None
