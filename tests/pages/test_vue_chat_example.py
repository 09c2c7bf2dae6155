"""The example for Vue on a real server, in Chromium: two people talk, come and go, are refused, and come back."""

import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.parallel import locked
from tests.servers import Server, rule, serving, until
from webapp.web import vendor

from .conftest import ROOT
from .test_pages_fit_and_are_accessible import AXE, OVERFLOW

EXAMPLE = ROOT / "docs/examples/vue-chat"
RULES = (rule("chat/*", "A P M", history=25), rule("members/*", "P M Ma"), rule("quiet", "A P"))
LOST = re.compile("WebSocket connection to .* failed")
WATCH_ALERTS = """() => {
  window.alerts = [];
  new MutationObserver(() => window.alerts.push(document.querySelector('[role="alert"]')?.textContent ?? ""))
    .observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
Open = Callable[..., Page]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The example's folder, installed and served as its page says."""
    with locked(EXAMPLE / "package-lock.json"):
        vendor.install(EXAMPLE)
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(EXAMPLE)))
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join(10)
    http.server_close()


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        yield server


@pytest.fixture
def enter(running: Server, browser: Browser, site: str, front_end: Path) -> Iterator[Open]:
    """Open the page and enter a channel; whatever is reported on the console fails the test."""
    contexts: list[BrowserContext] = []
    reports: list[str] = []
    running.publish(*RULES)

    def open_one(channel: str, name: str = "", token: str = "", width: int = 1024) -> Page:
        context = browser.new_context(base_url=site, viewport={"width": width, "height": 800})
        contexts.append(context)
        context.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
        context.on("weberror", lambda error: reports.append(str(error.error)))
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Address").fill(f"ws://127.0.0.1:{running.port}/socket")
        page.get_by_label("Channel").fill(channel)
        page.get_by_label("Token").fill(token)
        page.get_by_label("Your name").fill(name)
        page.get_by_role("button", name="Enter").click()
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [report for report in reports if not LOST.search(report)] == []


def state(page: Page) -> Locator:
    return page.get_by_role("status")


def said(page: Page) -> Locator:
    return page.get_by_role("log").get_by_role("listitem")


def members(page: Page) -> Locator:
    return page.get_by_role("complementary").get_by_role("listitem")


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_two_people_talk_and_see_each_other(enter: Open, running: Server) -> None:
    ada = enter("chat/two-people", "Ada", running.token("1", extras={"name": "Ada"}))
    expect(state(ada)).to_have_text("Connected")
    expect(members(ada)).to_have_text(["Ada (you)"])
    guest = enter("chat/two-people", "Somebody")
    expect(members(ada)).to_have_text(["Ada (you)", "Guest"])
    expect(members(guest)).to_have_text(["Ada", "Guest (you)"])
    say(ada, "Hello <b>there</b>")
    say(guest, "Hello yourself")
    for page in (ada, guest):
        expect(said(page)).to_have_count(2)
        expect(said(page).first).to_contain_text("Ada")
        expect(said(page).first).to_contain_text("Hello <b>there</b>")
        expect(said(page).last).to_contain_text("Somebody")
        expect(page.get_by_label("Message", exact=True)).to_have_value("")
    guest.get_by_role("button", name="Leave").click()
    expect(guest.locator(".tidegate-chat")).to_have_count(0)
    expect(members(ada)).to_have_text(["Ada (you)"])
    until(lambda: len(running.call("clients")) == 1, what="the connection's end")
    later = enter("chat/two-people", "Late")
    expect(said(later)).to_have_count(2)
    expect(said(later).first).to_contain_text("Ada")
    # What was kept is signed with what the server knows, whatever name its sender chose.
    expect(said(later).last).to_contain_text("Somebody")


def test_who_is_not_let_in_is_told_why_and_may_try_again(enter: Open, running: Server) -> None:
    page = enter("members/only")
    expect(page.get_by_role("alert")).to_contain_text("Anonymous clients cannot join this channel.")
    expect(state(page)).to_have_text("Not let in")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    refusal = [each for each in running.call("refusals") if each["code"] == "anonymous_not_allowed"][-1]
    expect(page.get_by_role("alert")).to_contain_text(f"Reference {refusal['ref']}")
    running.publish(rule("members/*", "A P M"))
    page.get_by_role("button", name="Try again").click()
    expect(state(page)).to_have_text("Connected")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_message_that_is_refused_stays_in_the_field(enter: Open) -> None:
    page = enter("quiet")
    expect(state(page)).to_have_text("Connected")
    say(page, "Can you hear me?")
    expect(page.get_by_role("alert")).to_contain_text("Public messages are switched off on this channel.")
    expect(page.get_by_label("Message", exact=True)).to_have_value("Can you hear me?")
    expect(said(page)).to_have_count(0)


def test_a_change_of_the_rules_is_told(enter: Open, running: Server) -> None:
    page = enter("chat/lobby")
    expect(state(page)).to_have_text("Connected")
    running.publish(rule("elsewhere", "A"))
    expect(page.get_by_role("alert")).to_contain_text("No active rule allows this channel.")
    expect(state(page)).to_have_text("You were taken out")


def test_who_is_taken_out_is_told_and_may_come_back(enter: Open, running: Server) -> None:
    # An admin's taking out names no code and no number: the page showed "Connected" and an active field on.
    page = enter("chat/lobby", "Ada", running.token("ada", extras={"name": "Ada"}))
    expect(state(page)).to_have_text("Connected")
    assert running.call("take_out", channel="chat/lobby", user="ada") == 1
    expect(state(page)).to_have_text("You were taken out")
    expect(page.get_by_role("alert")).to_have_text("The server took this client out of this channel. Try again")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    expect(members(page)).to_have_count(0)
    page.get_by_role("button", name="Try again").click()
    expect(state(page)).to_have_text("Connected")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(members(page)).to_have_text(["Ada (you)"])


def test_what_ended_a_connection_is_not_said_of_the_next(enter: Open, running: Server) -> None:
    page = enter("chat/lobby", "Ada", running.token("ada", extras={"name": "Ada"}))
    expect(members(page)).to_have_text(["Ada (you)"])
    # The kick's warning stood beside "Connected" for as long as the page was open.
    page.evaluate(WATCH_ALERTS)
    (client,) = [each for each in running.call("clients") if each["user_id"] == "ada"]
    running.call("kick", socket_id=client["socket_id"])
    page.wait_for_function("window.alerts.some((text) => text.includes('An administrator ended this connection.'))")
    expect(state(page)).to_have_text("Connected", timeout=20_000)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(members(page)).to_have_text(["Ada (you)"])


def test_a_server_that_was_never_reached(enter: Open, running: Server) -> None:
    running.stop()
    try:
        page = enter("chat/lobby")
        expect(state(page)).to_have_text(f"Can't reach ws://127.0.0.1:{running.port}/socket. Trying again…")
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
    finally:
        running.start()
    expect(state(page)).to_have_text("Connected", timeout=20_000)


def test_a_token_that_is_not_accepted_is_told(enter: Open) -> None:
    page = enter("chat/lobby", token="not.a.token")
    expect(page.get_by_role("alert")).to_contain_text("The token was not accepted, so this client is anonymous.")


def test_another_channel_brings_its_own_messages(enter: Open, running: Server) -> None:
    page = enter("chat/one", "Ada")
    expect(state(page)).to_have_text("Connected")
    say(page, "in the first")
    expect(said(page)).to_have_count(1)
    page.get_by_label("Channel").fill("chat/two")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", name="chat/two")).to_be_visible()
    expect(state(page)).to_have_text("Connected")
    expect(said(page)).to_have_count(0)
    until(lambda: [client["channels"] for client in running.call("clients")] == [["chat/two"]], what="one connection")


def test_it_comes_back_after_a_restart(enter: Open, running: Server) -> None:
    ada = enter("chat/lobby", "Ada", running.token("1", extras={"name": "Ada"}))
    bob = enter("chat/lobby", "Bob")
    expect(members(ada)).to_have_count(2)
    say(ada, "before")
    expect(said(bob).last).to_contain_text("before")
    before = said(bob).count()
    running.stop()
    for page in (ada, bob):
        expect(state(page)).to_have_text("Connection lost. Trying again…")
        expect(page.get_by_role("button", name="Send")).to_be_disabled()
    running.start()
    for page in (ada, bob):
        expect(state(page)).to_have_text("Connected", timeout=20_000)
        expect(members(page)).to_have_count(2)
        expect(said(page)).to_have_count(before)
    say(bob, "after")
    expect(said(ada).last).to_contain_text("after")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_accessible(enter: Open, scheme: str) -> None:
    page = enter("chat/lobby", "Ada")
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    expect(state(page)).to_have_text("Connected")
    say(page, "x" * 300)
    refused = enter("members/only")
    refused.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    expect(refused.get_by_role("alert")).to_be_visible()
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    for each in (page, refused):
        for width in (1024, 390):
            each.set_viewport_size({"width": width, "height": 844})
            assert each.evaluate(OVERFLOW) <= 0, width
            each.evaluate(axe)
            assert each.evaluate(AXE) == [], width


def test_its_page_names_all_of_its_props() -> None:
    page = (ROOT / "docs/phoenix.md").read_text("utf-8")
    component = (EXAMPLE / "tidegate-chat.js").read_text("utf-8")
    props = re.findall(r"^    (\w+): \{ type: ", component, re.MULTILINE)
    assert props
    told = page[page.index("## A chat for Vue") :]
    assert set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)) == set(props)
