"""From the set-up link to the audit log on a real server, with a client of Xano's own SDK that feels every step.

Told twice: with the mouse, and by keyboard alone.
"""

# ruff: noqa: F811  (fixtures that are imported)

import re
from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.sdk.conftest import node, on_the_sdk_s_port  # noqa: F401
from tests.sdk.users import User
from tests.servers import Server

from .conftest import PASSWORD

LOBBY = "chat/lobby"
DENIED = "Anonymous clients cannot join this channel."


class Hands(Protocol):
    """How a person works a page."""

    def press(self, what: Locator) -> None: ...

    def tick(self, what: Locator) -> None: ...

    def write(self, what: Locator, text: str) -> None: ...


class Mouse:
    def press(self, what: Locator) -> None:
        what.click()

    def tick(self, what: Locator) -> None:
        what.click()

    def write(self, what: Locator, text: str) -> None:
        what.fill(text)


class Keyboard:
    """Tab until it is reached, then a key. Whatever can't be reached fails the test."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def press(self, what: Locator) -> None:
        self._reach(what)
        self._page.keyboard.press("Enter")

    def tick(self, what: Locator) -> None:
        self._reach(what)
        self._page.keyboard.press("Space")

    def write(self, what: Locator, text: str) -> None:
        self._reach(what)
        self._page.keyboard.press("Control+a")
        self._page.keyboard.type(text)

    def _reach(self, what: Locator) -> None:
        expect(what).to_be_visible()
        for _ in range(300):
            if what.evaluate("element => element === document.activeElement"):
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"Tab never reaches {what}")


@pytest.fixture(scope="module")
def sdk_server(node: str) -> Iterator[Server]:
    """A server that gives the port back when these tests are over: others need it."""
    with on_the_sdk_s_port() as server:
        yield server


@pytest.fixture
def site(browser: Browser, sdk_server: Server) -> Iterator[Page]:
    """A page on the real server, whose authority is the test's own."""
    context = browser.new_context(
        base_url="https://localhost", ignore_https_errors=True, viewport={"width": 1440, "height": 900}
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    reports: list[str] = []
    page.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: reports.append(str(error)))
    yield page
    context.close()
    assert reports == []


@pytest.fixture
def guest(sdk_server: Server, node: str) -> Iterator[User]:
    user = User(sdk_server, node)
    yield user
    user.end()


def place(page: Page, name: str) -> Locator:
    """An entry of the navigation."""
    return page.get_by_role("navigation", name="Workspace").get_by_role("link", name=name, exact=True)


def cell(page: Page, row: str, operation: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"(?<!\\w){row}: {operation}: "))


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_a_rule_from_its_preset_to_its_roll_back(
    site: Page,
    sdk_server: Server,
    guest: User,
    way: str,
) -> None:
    page, hands = site, Mouse() if way == "mouse" else Keyboard(site)
    sdk_server.publish()

    # The first owner.
    page.goto(sdk_server.call("setup_link"))
    hands.write(page.get_by_label("Username"), f"ada-{way}")
    hands.write(page.get_by_label("Password", exact=True), PASSWORD)
    hands.write(page.get_by_label("Password, repeated"), PASSWORD)
    hands.press(page.get_by_role("button", name="Create owner"))
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    # A rule from a preset; the matrix follows the ticks.
    hands.press(place(page, "Channels"))
    hands.press(page.get_by_role("link", name=re.compile("^Open chat")))
    expect(page.get_by_label("Channel name")).to_have_value("chat/*")
    expect(cell(page, "anonymous", "send public")).to_contain_text("allowed")
    narrow = page.get_by_label("Authenticated only").first
    hands.tick(narrow)
    expect(cell(page, "anonymous", "send public")).to_contain_text("denied, changed")
    hands.tick(narrow)
    expect(cell(page, "anonymous", "send public")).to_contain_text("allowed")
    hands.press(page.get_by_role("button", name="Save in the draft"))
    publish(page, hands, "The first room")

    # The SDK's client feels it.
    guest.join(LOBBY)
    guest.say(LOBBY, "hello")
    socket_id = guest.hears(LOBBY, "hello")["client"]["socketId"]

    # A change that it will feel; the preview names it, and only it.
    hands.press(place(page, "Channels"))
    hands.press(page.locator("table.rules a[data-row]").filter(has_text="chat"))
    expect(page.get_by_label("Channel name")).to_have_value("chat/*")
    hands.tick(page.get_by_label("Anonymous clients"))
    hands.tick(page.get_by_label("Authenticated only").first)
    expect(cell(page, "anonymous", "join")).to_contain_text("denied, changed")
    hands.press(page.get_by_role("button", name="Save in the draft"))
    hands.press(page.get_by_role("link", name="Review and publish"))
    preview = page.locator("#preview")
    expect(preview).to_contain_text("1 client taken out of 1 channel")
    expect(preview.locator("tbody tr")).to_have_count(1)
    expect(preview.locator("tbody tr")).to_contain_text(socket_id)
    guest.say(LOBBY, "still here")
    guest.hears(LOBBY, "still here")
    publish(page, hands, "Members only")
    expect(page.locator(".facts")).to_contain_text("Took 1 client out of 1 channel.")
    assert guest.error(LOBBY)["payload"]["message"] == DENIED

    # And back.
    hands.press(place(page, "Versions"))
    row = page.locator("tbody tr").filter(has_text="The first room").first
    hands.press(row.get_by_role("link", name="Roll back…"))
    hands.press(page.get_by_role("button", name="Roll back and publish"))
    expect(page.get_by_role("heading", name="in force")).to_be_visible()
    guest.join("chat/again")
    guest.say("chat/again", "back")
    guest.hears("chat/again", "back")

    # The audit log knows all of it.
    hands.press(place(page, "Audit"))
    log = page.locator("main")
    for told in ("The first room", "Members only", "Roll back to version", f"ada-{way}"):
        expect(log).to_contain_text(told)


def publish(page: Page, hands: Hands, reason: str) -> None:
    """Publish the draft, from wherever its bar is seen."""
    review = page.get_by_role("link", name="Review and publish")
    button = page.get_by_role("button", name=re.compile("^Publish version"))
    expect(review.or_(button)).to_be_visible()
    if review.is_visible():
        hands.press(review)
    hands.write(page.get_by_label("Why", exact=True), reason)
    hands.press(button)
    expect(page.get_by_role("heading", name="in force")).to_be_visible()
