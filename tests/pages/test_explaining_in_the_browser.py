"""Explaining a user in a real browser: the answer follows what is typed, and every verdict tells its steps."""

from playwright.sync_api import Page, expect

from webapp.services import tokens

from .conftest import Office

CHAT = {"pattern": "chat", "wildcard": True, "client_public_messaging": True}
NEWS = {"pattern": "news", "anonymous_clients": True}


def test_the_answer_follows_the_channel_that_is_typed(at_home: Page, office: Office) -> None:
    office.publish(CHAT, NEWS)
    at_home.get_by_role("link", name="Explain a user").click()
    at_home.wait_for_url("**/explain")  # the key is listened to once the page's script has run
    at_home.keyboard.press("/")
    expect(at_home.get_by_label("On channel")).to_be_focused()
    at_home.keyboard.type("news")
    on = at_home.locator(".on-channel")
    expect(on).to_contain_text("is exactly this channel")
    expect(on.locator("li", has_text="Send public messages")).to_contain_text("public_messaging_off")
    expect(at_home).to_have_url("/w/default/explain?channel=news&who=anonymous")
    at_home.keyboard.type("x")
    expect(on).to_contain_text("No rule matches this channel")
    at_home.get_by_label("On channel").fill("")
    expect(on).to_have_count(0)


def test_a_verdict_tells_its_steps_to_the_keyboard(at_home: Page, office: Office) -> None:
    office.publish(CHAT)
    at_home.goto("/w/default/explain")
    verdict = at_home.get_by_role("button", name="Send private messages: denied")
    steps = verdict.locator("xpath=following-sibling::*")
    expect(steps).to_be_hidden()
    verdict.focus()
    expect(steps).to_be_visible()
    expect(steps).to_contain_text("Client private messaging is off")
    at_home.keyboard.press("Tab")
    expect(steps).to_be_hidden()


def test_a_pasted_token_stays_out_of_the_address(at_home: Page, office: Office) -> None:
    office.publish(CHAT, NEWS)
    with office.app.app_context():
        token = tokens.mint(
            office.workspace, sub="42", authorized_channels=["chat/*"], author="ada", source="cli"
        ).token
    at_home.goto("/w/default/explain")
    at_home.get_by_role("link", name="A token or claims").click()
    at_home.get_by_label("Token or claims").fill(token)
    at_home.get_by_role("button", name="Explain").click()
    expect(at_home.locator(".token-facts").first).to_contain_text("User 42")
    at_home.get_by_label("On channel").press_sequentially("news")
    expect(at_home.locator(".on-channel")).to_contain_text("channel_not_authorized")
    expect(at_home.get_by_label("On channel")).to_be_focused()
    at_home.get_by_role("button", name="chat/example").click()
    expect(at_home.get_by_role("heading", name="On chat/example")).to_be_visible()
    assert at_home.url.endswith("/w/default/explain")
