"""The inspector when much passes or answers come late: the newest choice is shown, and every line is counted."""

# ruff: noqa: F811  (fixtures that are imported)

from playwright.sync_api import Page, Route, expect

from tests.sockets.clients import Connect, settle

from .test_inspector_in_the_browser import connect, inspector, joined, lines, new_page, page, running  # noqa: F401


def test_of_several_lines_chosen_in_a_row_the_last_is_shown(page: Page, connect: Connect) -> None:
    """The third was dropped while the first was on its way, and the second stayed."""
    inspector(page)
    client = joined(connect, "chat/a")
    for number in range(3):
        client.say("chat/a", number)
    settle(client)
    messages = lines(page).filter(has_text="public message")
    expect(messages).to_have_count(3)
    late: list[Route] = []
    page.route("**/inspector/look/*", lambda route: route.continue_() if late else late.append(route))
    for number in range(3):
        messages.nth(number).click()
    expect(messages.nth(2)).to_have_attribute("aria-current", "true")
    late[0].continue_()
    expect(page.locator("#look")).to_contain_text(f"Reference {messages.nth(2).get_attribute('data-id')}")
    page.go_back()
    expect(page.locator("#look")).to_contain_text(f"Reference {messages.nth(1).get_attribute('data-id')}")


def test_what_passes_in_a_long_pause_is_counted_in_full(page: Page, connect: Connect) -> None:
    """Only the newest lines are held back; what was folded away was no longer counted."""
    client = joined(connect, "chat/long")
    inspector(page, "?channel=chat/long")
    page.get_by_role("button", name="Pause").click()
    sent = 0
    words = page.locator("[data-state]")
    while sent < 15 * 40:  # each batch brings at most 40 lines, and 500 are held
        for number in range(40):
            client.say("chat/long", number)
        sent += 40
        settle(client)
        expect(words).to_have_text(f"Paused; {sent} lines passed since")
    page.get_by_role("button", name="Resume").click()
    left_out = page.locator("[data-left-out]")
    expect(left_out).to_contain_text("lines left out")
    shown = lines(page).filter(has_text="public message").count()
    assert int(left_out.inner_text().split()[0]) + shown == sent
