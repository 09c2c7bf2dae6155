"""The life of a rule in a real browser: from the set-up link to its deletion."""

import re

from playwright.sync_api import Page, expect

from .conftest import PASSWORD, Office

HOSTILE = "\"><img src=x onerror=alert(1)>'{{7+7}}"


def rule_row(page: Page, text: str) -> object:
    return page.locator("table.rules tbody tr").filter(has_text=text)


def test_from_the_setup_link_to_the_first_rule(page: Page, office: Office) -> None:
    page.goto(office.setup_link())
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, repeated").fill(PASSWORD)
    page.get_by_role("button", name="Create owner").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.get_by_role("link", name="Channels").click()
    page.get_by_role("link", name=re.compile("Read freely")).click()
    expect(page.get_by_label("Channel name")).to_have_value("chat/*")
    page.get_by_role("button", name="Save and publish").click()
    expect(page.locator("#notices")).to_contain_text("Version 1")
    assert office.patterns() == ["chat/*"]


def test_errors_stand_beside_the_field(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    at_home.goto("/w/default/channels/new")
    at_home.get_by_label("Description").fill("kept")
    name = at_home.get_by_label("Channel name")
    name.fill("foo*")
    at_home.get_by_label("Nested channels").check()
    expect(at_home.locator("#target-says")).to_contain_text("whole segment")
    at_home.get_by_role("button", name="Save and publish").click()
    expect(at_home.locator("#pattern-error")).to_contain_text("stands for a whole segment")
    expect(name).to_be_focused()
    name.fill("chat")
    at_home.get_by_role("button", name="Save and publish").click()
    expect(at_home.locator("#pattern-error")).to_contain_text("already a rule for chat/*")
    expect(at_home.get_by_label("Description")).to_have_value("kept")
    assert office.version() == 1


def test_the_switch_publishes(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True}, {"pattern": "news"})
    at_home.goto("/w/default/channels")
    switch = at_home.get_by_role("switch", name="Rule chat/*")
    switch.click()
    expect(switch).not_to_be_checked()
    expect(at_home.locator("#notices")).to_contain_text("chat/* is off. Version 2")
    expect(at_home.locator(".table-foot")).to_contain_text("version 2")
    at_home.get_by_role("switch", name="Rule news").click()  # every row knows the new version
    expect(at_home.locator("#notices")).to_contain_text("Version 3")
    assert office.version() == 3


def test_a_switch_on_an_old_page_changes_nothing(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat"})
    at_home.goto("/w/default/channels")
    office.publish({"pattern": "chat"}, {"pattern": "news"})
    at_home.get_by_role("switch", name="Rule chat").click()
    expect(at_home.locator("#notices")).to_contain_text("Not switched")
    expect(at_home.get_by_role("switch", name="Rule chat")).to_be_checked()
    expect(at_home.get_by_role("switch", name="Rule news")).to_be_visible()


def test_a_conflict_keeps_what_was_typed(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat"})
    at_home.goto("/w/default/channels/edit?target=chat")
    at_home.get_by_label("Description").fill("mine")
    office.publish({"pattern": "chat", "description": "theirs"})
    at_home.get_by_role("button", name="Save and publish").click()
    expect(at_home.get_by_role("alert")).to_contain_text("What you typed is kept")
    expect(at_home.get_by_label("Description")).to_have_value("mine")
    assert office.version() == 2
    at_home.get_by_role("button", name="Save and publish").click()
    expect(at_home.locator("#notices")).to_contain_text("Version 3")


def test_deleting_says_what_it_hits(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat/staff"}, {"pattern": "chat", "wildcard": True})
    at_home.goto("/w/default/channels")
    at_home.get_by_role("link", name="Delete chat/staff").click()
    expect(at_home.locator(".consequences")).to_contain_text("chat/*")
    at_home.get_by_role("button", name="Delete and publish").click()
    expect(at_home.locator("#notices")).to_contain_text("The rule for chat/staff is deleted.")
    assert office.patterns() == ["chat/*"]


def test_which_rule_decides_can_be_linked(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True}, {"pattern": "*", "wildcard": True})
    at_home.goto("/w/default/channels")
    at_home.keyboard.press("/")
    at_home.keyboard.type("chat/a")
    expect(at_home.locator("#deciding .winner")).to_contain_text("chat/*")
    expect(at_home.locator("#deciding")).to_contain_text("less specific")
    expect(at_home).to_have_url(re.compile(r"channel=chat%2Fa"))
    at_home.reload()
    expect(at_home.locator("#deciding .winner")).to_contain_text("chat/*")
    at_home.get_by_role("searchbox").fill("")
    expect(at_home.locator("#deciding")).to_be_empty()


def test_rows_open_by_keyboard_and_the_back_button_works(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "one"}, {"pattern": "two"})
    at_home.goto("/w/default/channels")
    for key in ("j", "j", "k", "j", "Enter"):
        at_home.keyboard.press(key)
    expect(at_home.get_by_label("Channel name")).to_have_value("two")
    at_home.go_back()
    expect(at_home.locator("table.rules")).to_be_visible()
    at_home.keyboard.press("?")
    expect(at_home.get_by_role("dialog")).to_be_visible()


def test_hostile_texts_are_only_texts(at_home: Page, office: Office) -> None:
    office.publish(
        {"pattern": HOSTILE, "description": "<script>alert(1)</script> `x` *y* {{7*7}}"},
        {"pattern": f"{HOSTILE}/*", "wildcard": True},
    )
    at_home.goto("/w/default/channels?channel=" + "%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    expect(at_home.get_by_text("<script>alert(1)</script>")).to_be_visible()
    expect(at_home.locator("main img")).to_have_count(0)
    at_home.get_by_role("switch").first.click()
    expect(at_home.locator("#notices")).to_contain_text(HOSTILE)
    expect(at_home.locator("#notices img")).to_have_count(0)
    at_home.get_by_role("link", name=f"Edit {HOSTILE}", exact=True).click()
    expect(at_home.get_by_label("Channel name")).to_have_value(HOSTILE)
    at_home.get_by_role("button", name="Save and publish").click()
    expect(at_home.locator("#notices")).to_contain_text("Version 3")
    at_home.get_by_role("link", name=f"Delete {HOSTILE}", exact=True).click()
    expect(at_home.get_by_role("heading", level=1)).to_contain_text(HOSTILE)


def test_spaces_around_a_typed_target_are_not_meant(at_home: Page, office: Office) -> None:
    at_home.goto("/w/default/channels/new")
    at_home.get_by_label("Channel name").fill("  chat*  ")
    expect(at_home.locator("#target-says")).to_contain_text("Careful: without nested channels * has no meaning")
    at_home.get_by_role("button", name="Save and publish").click()
    expect(at_home.locator("#notices")).to_contain_text("Version 1")
    assert office.patterns() == ["chat*"]


def test_a_target_that_has_spaces_keeps_them_where_it_is_not_retyped(at_home: Page, office: Office) -> None:
    office.publish({"pattern": " odd "})
    at_home.goto("/w/default/channels/edit?target=%20odd%20")
    at_home.get_by_label("Description").fill("made over the API")
    at_home.get_by_role("button", name="Save and publish").click()
    expect(at_home.locator("#notices")).to_contain_text("Version 2")
    assert office.patterns() == [" odd "]
