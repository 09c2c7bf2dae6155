"""The rule editor in a real browser: it follows every tick, works by keyboard alone, and loses nothing typed."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, expect

from webapp.models import RoleName
from webapp.services import ruletests, tokens

from .conftest import PASSWORD, Office

CHAT = "/w/default/channels/edit?target=chat/*&nested=1"
SAVE = "Save in the draft"
HOSTILE = "\"><img src=x onerror=alert(1)>'{{7+7}}"


def cell(page: Page, row: str, operation: str) -> Locator:
    return page.locator(f"#cell-{row}-{operation}")


def verdict(page: Page, row: str, operation: str) -> Locator:
    return cell(page, row, operation).locator(".verdict")


def allowed(page: Page, row: str, operation: str) -> None:
    expect(verdict(page, row, operation)).to_have_class("verdict allowed")


def denied(page: Page, row: str, operation: str) -> None:
    expect(verdict(page, row, operation)).to_have_class("verdict denied")


def test_it_follows_every_tick(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    at_home.goto(CHAT)
    denied(at_home, "anonymous", "join")
    allowed(at_home, "authenticated", "join")
    at_home.get_by_label("Client public messaging").check()
    allowed(at_home, "anonymous", "join")
    expect(cell(at_home, "anonymous", "send_public")).to_have_class(re.compile("changed"))
    expect(at_home.locator("#anonymous_clients-hint")).to_contain_text("On, implied by public messaging")
    at_home.get_by_label("Authenticated only").first.check()
    denied(at_home, "anonymous", "join")
    expect(cell(at_home, "anonymous", "join")).not_to_have_class(re.compile("changed"))
    expect(at_home.locator("#anonymous_clients-hint")).to_be_hidden()
    at_home.get_by_label("Message history").or_(at_home.get_by_label("Depth")).select_option("25")
    allowed(at_home, "authenticated", "read_history")
    at_home.get_by_label("Active", exact=True).uncheck()
    expect(at_home.locator("#other-decides")).to_contain_text("no active rule decides here")
    denied(at_home, "authenticated", "join")
    assert (office.version(), office.drafted()) == (1, None)


def test_it_follows_the_name_the_channel_and_the_identity(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True, "presence": True}, {"pattern": "chat/staff"})
    at_home.goto(CHAT)
    expect(at_home.locator(".matrix caption")).to_contain_text("chat/lobby")
    at_home.get_by_label("Channel name").fill("rooms/*")
    expect(at_home.locator(".matrix caption")).to_contain_text("rooms/lobby")
    at_home.get_by_label("Channel name").fill("chat/*")
    at_home.get_by_label("For channel").fill("chat/staff")
    expect(at_home.locator("#other-decides")).to_contain_text("chat/staff decides, not this rule")
    denied(at_home, "custom", "sees_presence")
    at_home.get_by_label("For channel").fill("chat/a")
    allowed(at_home, "custom", "sees_presence")
    claims = at_home.get_by_label("Custom identity")
    claims.fill('{"sub": "bob", "authorized_channels": ["chat/b"]}')
    denied(at_home, "custom", "sees_presence")
    claims.fill("{")
    expect(at_home.locator("#claims-says")).to_contain_text("not a JSON object")
    expect(cell(at_home, "custom", "join")).to_have_count(0)
    expect(claims).to_be_focused()
    expect(claims).to_have_value("{")
    allowed(at_home, "authenticated", "sees_presence")


def test_a_cell_says_why_to_the_mouse_and_to_the_keyboard(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    at_home.goto(CHAT)
    why = at_home.locator("#why-anonymous-join")
    expect(why).to_be_hidden()
    cell(at_home, "anonymous", "join").hover()
    expect(why).to_be_visible()
    expect(why).to_contain_text("neither open public messaging nor authenticated messaging lets them in")
    at_home.mouse.move(0, 0)
    expect(why).to_be_hidden()
    at_home.get_by_label("Custom identity").focus()
    at_home.keyboard.press("Tab")
    expect(why).to_be_visible()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "End"):
        at_home.keyboard.press(key)
    expect(cell(at_home, "authenticated", "read_history")).to_be_focused()
    expect(at_home.locator("#why-authenticated-read_history")).to_contain_text("The rule keeps no history.")
    expect(why).to_be_hidden()
    at_home.keyboard.press("Escape")
    expect(at_home.locator(".why:visible")).to_have_count(0)


def test_on_a_phone_the_matrix_is_turned_and_a_tap_says_why(browser: Browser, server: str, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    office.admin()
    context = browser.new_context(base_url=server, viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    sign_in(page)
    page.goto(CHAT)
    join, send = (cell(page, "anonymous", name).bounding_box() for name in ("join", "send_public"))
    assert join is not None
    assert send is not None
    assert join["x"] == send["x"]
    assert join["y"] < send["y"]
    cell(page, "anonymous", "join").tap()
    expect(page.locator("#why-anonymous-join")).to_be_visible()
    context.close()


def test_presets_tick_a_rule_that_exists_and_leave_the_rest(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True, "description": "kept", "history": 50, "presence": True})
    at_home.goto(CHAT)
    at_home.get_by_role("link", name="Open chat").click()
    expect(at_home.get_by_label("Client public messaging")).to_be_checked()
    expect(at_home.get_by_label("Presence")).not_to_be_checked()
    expect(at_home.get_by_label("Description")).to_have_value("kept")
    expect(cell(at_home, "anonymous", "send_public")).to_have_class(re.compile("changed"))
    at_home.get_by_role("button", name=SAVE).click()
    expect(at_home.locator("tr.changed")).to_contain_text("anonymous clients, presence, client public messaging")


def test_the_whole_way_by_keyboard_alone(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True}, {"pattern": "news"})
    at_home.goto("/w/default/channels")
    for key in ("/", "n", "e", "w", "s"):
        at_home.keyboard.press(key)
    expect(at_home.locator("table.rules tbody tr")).to_have_count(1)
    expect(at_home).to_have_url(re.compile("q=news"))
    for key in ("Escape", "j", "Enter"):
        at_home.keyboard.press(key)
    at_home.wait_for_url("**/edit?target=news")
    expect(at_home.locator("#outlook")).to_be_visible()
    reach(at_home, "#enabled")
    reach(at_home, "#description")
    at_home.keyboard.type("By keyboard")
    reach(at_home, "#presence")
    at_home.keyboard.press("Space")
    reach(at_home, "#rule-form .primary")
    reach(at_home, "#claims")
    reach(at_home, "#cell-anonymous-join")
    expect(at_home.locator("#why-anonymous-join")).to_be_visible()
    allowed(at_home, "authenticated", "sees_presence")
    reach(at_home, "#rule-form .primary", back=True)
    at_home.keyboard.press("Enter")
    expect(at_home.locator("#notices")).to_contain_text("saved in the draft")
    assert office.drafted() == {"chat/*": "", "news": "By keyboard"}


def reach(page: Page, selector: str, back: bool = False) -> None:
    """Press the tab key until it is there."""
    for _ in range(60):
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"{selector} can't be reached by keyboard")


def test_texts_of_others_are_only_texts(at_home: Page, office: Office) -> None:
    office.publish(
        {"pattern": f"{HOSTILE}/*", "wildcard": True, "description": HOSTILE},
        {"pattern": f"{HOSTILE}/<b>/*", "wildcard": True},
    )
    at_home.goto("/w/default/channels")
    at_home.get_by_role("link", name=f"Edit {HOSTILE}/*", exact=True).click()
    expect(at_home.locator("#near-title ~ ul")).to_contain_text("<b>")
    at_home.get_by_label("For channel").fill("<img src=x onerror=alert(2)>")
    expect(at_home.locator(".matrix caption")).to_contain_text("<img src=x onerror=alert(2)>")
    at_home.get_by_label("Custom identity").fill('{"sub": "<img src=x>", "extras": {"<b>": "</div>"}}')
    at_home.get_by_label("Presence").check()
    expect(cell(at_home, "custom", "in_presence")).to_be_visible()
    expect(at_home.locator("main img, main b")).to_have_count(0)


# What was typed is not lost


def sign_in(page: Page, username: str = "ada") -> None:
    page.goto("/sign-in")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/default")


@pytest.fixture
def loose(browser: Browser, server: str, office: Office) -> Iterator[Page]:
    """A page of an editor that may report failed requests and open dialogs."""
    office.publish({"pattern": "chat", "wildcard": True})
    office.admin("ada", RoleName.EDITOR)
    context = browser.new_context(base_url=server)
    context.set_default_timeout(10_000)
    page = context.new_page()
    sign_in(page)
    page.goto(CHAT)
    expect(page.locator(".matrix")).to_be_visible()
    yield page
    context.close()


def test_a_lost_connection_is_told_and_the_form_keeps_all(loose: Page, office: Office) -> None:
    loose.context.set_offline(True)
    loose.get_by_label("Description").fill("typed while away")
    loose.get_by_role("button", name=SAVE).click()
    notice = loose.locator("[data-lost]")
    expect(notice).to_contain_text("Not saved. The connection to the server is lost. What you typed is still here.")
    expect(loose.get_by_label("Description")).to_have_value("typed while away")
    expect(loose.get_by_role("button", name=SAVE)).to_be_enabled()
    expect(notice).to_have_count(1)
    assert office.drafted() is None
    loose.context.set_offline(False)
    loose.get_by_role("button", name=SAVE).click()
    expect(loose.locator("#notices")).to_contain_text("saved in the draft")
    assert office.drafted() == {"chat/*": "typed while away"}


def test_leaving_an_edited_form_asks_first(loose: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    loose.on("dialog", stay)
    loose.get_by_role("link", name="Cancel").click()
    loose.wait_for_url("**/channels")
    assert asked == []
    loose.goto(CHAT)
    loose.get_by_label("Description").fill("mine")
    loose.get_by_role("link", name="Cancel").click(no_wait_after=True)
    expect(loose.get_by_label("Description")).to_have_value("mine")
    assert asked == ["beforeunload"]
    loose.get_by_role("button", name=SAVE).click()
    loose.wait_for_url("**/channels")
    assert asked == ["beforeunload"]


def test_a_role_that_was_taken_away_is_told_and_the_form_keeps_all(loose: Page, office: Office) -> None:
    from sqlalchemy import delete

    from webapp.models.access import Role
    from webapp.services.transactions import writing

    loose.get_by_label("Description").fill("mine")
    with office.app.app_context(), writing() as session:
        session.execute(delete(Role))
    loose.get_by_role("button", name=SAVE).click()
    expect(loose.locator("#notices")).to_contain_text("There is nothing here")
    expect(loose.get_by_label("Description")).to_have_value("mine")
    assert office.drafted() is None


def test_who_was_signed_out_is_told_and_the_form_keeps_all(loose: Page, office: Office) -> None:
    loose.get_by_label("Description").fill("mine")
    loose.context.clear_cookies()
    loose.get_by_role("button", name=SAVE).click()
    expect(loose.locator("#notices")).to_contain_text("too old")
    # What the page asks by itself is sent to the sign-in, too; that must not take the form away.
    loose.evaluate("document.body.dispatchEvent(new Event('draft-changed'))")
    expect(loose.locator("#notices")).to_contain_text("you were signed out. What you typed is still here")
    expect(loose.get_by_label("Description")).to_have_value("mine")
    assert office.drafted() is None


def test_a_verdict_is_kept_as_a_saved_test(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True, "client_public_messaging": True})
    at_home.goto("/w/default/channels/edit?target=chat/*&nested=1")
    at_home.locator("#claims").fill('{"sub": "bob", "extras": {"role": "guest"}}')
    cell = at_home.locator("#cell-custom-send_private[data-keep*=guest]")
    cell.focus()
    at_home.keyboard.press("Enter")
    with at_home.context.expect_page() as opened:
        at_home.get_by_role("link", name="Save as a test: custom may not send private").click()
    form = opened.value
    expect(form.get_by_label("Channel")).to_have_value("chat/lobby")
    form.get_by_role("button", name="Save").click()
    expect(form.locator("main")).to_contain_text("bob")
    with office.app.app_context():
        saved = ruletests.list_all(office.workspace)
    assert [(t.channel, t.operation, t.identity, t.allowed) for t in saved] == [
        ("chat/lobby", "send_private", {"sub": "bob", "extras": {"role": "guest"}}, False)
    ]


def test_no_token_is_put_into_an_address(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    with office.app.app_context():
        token = tokens.mint(office.workspace, sub="bob", author="t", source="cli").token
    at_home.goto("/w/default/channels/edit?target=chat/*&nested=1")
    at_home.locator("#claims").fill(token)
    expect(at_home.locator("#cell-custom-join")).to_be_visible()
    expect(at_home.locator("#cell-custom-join[data-keep]")).to_have_count(0)
    assert token not in at_home.locator("#outlook").inner_html()
