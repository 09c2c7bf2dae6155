"""The inspector on a real server: what passes is shown as it passes, explained, filtered, paused, and linked to."""

import itertools
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Connect, connecting, settle

RULES = (rule("chat/*", "A M P V"), rule("news", "A"), rule("team/*", "M Ma P X", history=25), rule("members", "M Ma"))
NOISE = re.compile("Failed to load resource|WebSocket connection to .* failed|Failed to fetch")
"""What a browser says while the server is away."""
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        yield server


@pytest.fixture
def connect(running: Server) -> Iterator[Connect]:
    running.publish(*RULES)
    with connecting(running) as connect:
        yield connect


@pytest.fixture
def new_page(running: Server, browser: Browser, front_end: object) -> Iterator[object]:
    """Open browsers of their own; whatever they report on their consoles fails the test."""
    contexts = []
    reports: list[str] = []

    def open_one(name: str, role: str = "owner") -> Page:
        context = browser.new_context(
            base_url=f"http://127.0.0.1:{running.port}", viewport={"width": 1440, "height": 900}
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        cookie = running.call("sign_in", username=f"{name}{next(numbers)}", role=role)
        context.add_cookies([{"name": "tidegate", "value": cookie, "url": f"http://127.0.0.1:{running.port}"}])
        page = context.new_page()
        page.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: reports.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert [report for report in reports if not NOISE.search(report)] == []


@pytest.fixture
def page(new_page) -> Page:  # type: ignore[no-untyped-def]
    opened: Page = new_page("ada")
    return opened


def inspector(page: Page, query: str = "") -> Page:
    """Open the inspector and wait until its stream has begun."""
    page.goto(f"/w/default/inspector{query}")
    expect(page.locator("[data-state]")).to_contain_text("Live")
    return page


def lines(page: Page) -> Locator:
    return page.locator(".lines a.line")


def state(page: Page) -> list[str]:
    """Everything that the lines say."""
    return [re.sub(r"\s+", " ", text) for text in lines(page).all_inner_texts()]


def joined(connect: Connect, *channels: str, token: str | None = None) -> Client:
    client = connect(token) if token is not None else connect()
    for channel in channels:
        client.join(channel)
        client.sync()
    return client


def test_a_denied_message_is_explained_when_its_line_is_chosen(page: Page, connect: Connect) -> None:
    inspector(page)
    client = joined(connect, "news")
    client.say("news", "hello")
    ref = client.error()["ref"]
    line = lines(page).filter(has_text="public_messaging_off")
    expect(line).to_have_count(1)
    line.click()
    look = page.locator("#look")
    expect(look).to_contain_text("Client public messaging is off.")
    expect(look.get_by_role("heading", name=re.compile("^Send public, decided by"))).to_contain_text("news")
    expect(look.locator(".route .dot.denied")).to_have_count(1)
    expect(look).to_contain_text(f"Reference {ref}")
    assert page.url.endswith(f"/inspector?selected={ref}")


def test_a_shared_link_opens_the_same_message_with_the_same_filter(page: Page, connect: Connect) -> None:
    client = joined(connect, "news", "chat/a")
    client.say("news", "hello")
    client.say("chat/a", "hello")
    inspector(page, "?channel=news&verdict=denied")
    lines(page).last.click()
    expect(page.locator("#look .trail")).to_be_visible()
    before, told = state(page), page.locator("#look").inner_text()
    page.goto("/w/default")
    page.go_back()
    expect(page.locator("[data-state]")).to_contain_text("Live")
    assert state(page) == before
    assert page.locator("#look").inner_text() == told
    assert lines(page).last.get_attribute("aria-current") == "true"


def test_a_client_s_reference_number_finds_its_message(page: Page, connect: Connect) -> None:
    client = connect()
    client.send("join", "nowhere", {})
    ref = client.error()["ref"]
    inspector(page)
    page.keyboard.press("/")
    page.keyboard.type(ref)
    page.keyboard.press("Enter")
    expect(page.locator("#look")).to_contain_text("no_rule")
    page.get_by_label("Reference number").fill("12345")
    page.keyboard.press("Enter")
    expect(page.locator("#look")).to_contain_text("Not kept any more")


def test_what_is_on_the_page_is_what_a_new_page_shows(page: Page, new_page, running: Server, connect: Connect) -> None:  # type: ignore[no-untyped-def]
    """Every kind of line, come live, against the same lines loaded afresh."""
    inspector(page)
    ada, guest = joined(connect, "chat/a", "team/a", token=running.token("ada")), joined(connect, "chat/a")
    guest_id = next(c["socket_id"] for c in running.call("clients") if c["user_id"] is None)
    ada.say("chat/a", "public")
    ada.say("team/a", "kept", authenticated=True)
    ada.whisper("chat/a", guest_id, "psst")
    guest.say("news", "not joined")
    guest.send("join", "members", {})
    guest.send("history", "nowhere")
    guest.text("garbage")
    guest.send("leave", "nowhere")
    settle(ada, guest)
    running.call("event", channel="chat/a", data={"x": 1}, event="breaking")
    running.call("event", channel="empty", data=1)
    running.call("take_out", channel="chat/a", user="ada")
    guest.send("leave", "chat/a")
    guest.sync()
    running.call("kick", socket_id=guest_id)
    guest.closed()
    joined(connect, token="not.a.token")
    ada.leave()
    expect(lines(page).filter(has_text="connection ended: 1000")).to_have_count(1)
    expect(lines(page).filter(has_text="token_invalid")).to_have_count(1)
    other = inspector(new_page("eve"))
    expect(lines(other)).to_have_count(lines(page).count())
    assert state(page) == state(other)
    words = " | ".join(state(page))
    for kind in (
        "connected over xano", "joined", "public message", "authenticated message", "private message to", "not_joined",
        "anonymous_not_allowed", "no_rule", "invalid_frame", "event breaking", "event of the server", "taken out",
        " left", "kicked", "token_invalid", "connection ended: 1000", "connection ended: 4401",
    ):  # fmt: skip
        assert kind in words, kind
    page.reload()
    expect(page.locator("[data-state]")).to_contain_text("Live")
    assert state(page) == state(other)


def test_two_viewers_each_with_a_filter_of_their_own(page: Page, new_page, connect: Connect) -> None:  # type: ignore[no-untyped-def]
    one, two = (
        inspector(page, "?channel=chat/*&action=message"),
        inspector(new_page("bob"), "?verdict=denied&action=message"),
    )
    before = (lines(one).count(), lines(two).count())
    client = joined(connect, "chat/a", "news")
    client.say("chat/a", "fine")
    client.say("news", "denied")
    expect(lines(one)).to_have_count(before[0] + 1)
    expect(lines(two)).to_have_count(before[1] + 1)
    expect(lines(one).last).to_contain_text("chat/a")
    expect(lines(two).last).to_contain_text("public_messaging_off")


def test_a_filter_is_set_by_hand_and_taken_back(page: Page, connect: Connect) -> None:
    client = joined(connect, "chat/a", "news")
    client.say("news", "denied")
    inspector(page)
    everything = lines(page).count()
    page.get_by_label("Verdict").select_option("denied")
    page.wait_for_url("**/inspector?verdict=denied")
    expect(page.locator(".chips")).to_contain_text("denied")
    expect(page.locator(".lines a.line:not(.denied)")).to_have_count(0)
    page.get_by_label("Channel or pattern").fill("news")
    page.get_by_label("Channel or pattern").press("Enter")
    expect(page.locator(".chips .chip")).to_have_count(2)
    page.go_back()
    expect(page.locator(".chips .chip")).to_have_count(1)
    page.get_by_role("link", name="Remove the filter verdict").click()
    expect(lines(page)).to_have_count(everything)
    page.get_by_label("Channel or pattern").fill("a*b")
    page.get_by_label("Channel or pattern").press("Enter")
    expect(page.locator("#filter-problem")).to_contain_text("stands for a whole segment")
    expect(lines(page)).to_have_count(everything)


def test_pause_flood_resume(page: Page, connect: Connect) -> None:
    inspector(page)
    client = joined(connect, "chat/a")
    expect(lines(page).last).to_contain_text("joined")
    before = lines(page).count()
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Resume")).to_have_attribute("aria-pressed", "true")
    tally = page.locator("[data-number=messages]")
    begun = int(tally.inner_text().replace(",", ""))
    for _ in range(20):
        for number in range(50):
            client.say("chat/a", number)
        client.sync()
    expect(tally).to_have_text(f"{begun + 1000:,}")
    assert lines(page).count() == before
    expect(page.locator("[data-state]")).to_contain_text("1,000 lines passed since")
    page.keyboard.press("p")
    expect(page.locator("[data-state]")).to_contain_text("Live")
    gone = re.search(r"([\d,]+) lines? left out", page.locator("[data-left-out]").inner_text())
    left_out = int(gone[1].replace(",", "")) if gone else 0
    assert lines(page).count() - before + left_out == 1000
    page.get_by_role("button", name="Clear").click()
    expect(lines(page)).to_have_count(0)
    expect(page.locator("[data-nothing]")).to_contain_text("Cleared")


def test_a_filter_that_is_set_while_paused_holds_at_once(page: Page, connect: Connect) -> None:
    """The lines from before stood under the new filter's chips until the stream went on."""
    client = joined(connect, "chat/a", "news")
    client.say("chat/a", "fine")
    client.say("news", "denied")
    settle(client)
    inspector(page)
    page.keyboard.press("p")
    page.get_by_label("Verdict").select_option("denied")
    expect(page.locator(".lines a.line:not(.denied)")).to_have_count(0)
    before = lines(page).count()
    client.say("news", "denied again")
    client.sync()
    expect(page.locator("[data-state]")).to_contain_text("Paused; 1 line passed since")
    assert lines(page).count() == before


def test_escape_closes_what_is_open(page: Page, connect: Connect) -> None:
    joined(connect, "chat/a")
    inspector(page)
    lines(page).last.click()
    expect(page.locator("#look .particulars")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#look")).to_contain_text("Why did it arrive, or not?")
    page.wait_for_url("**/inspector")


def test_a_message_without_a_join_leads_to_the_join_that_was_refused(page: Page, connect: Connect) -> None:
    client = connect()
    client.send("join", "members", {})
    client.say("members", "too early")
    settle(client)
    inspector(page, "?code=not_joined")
    lines(page).last.click()
    page.get_by_role("link", name="see why").click()
    expect(page.locator("#look .look-head")).to_contain_text("anonymous_not_allowed")


def test_the_rule_that_decided_is_a_click_away(page: Page, connect: Connect) -> None:
    client = joined(connect, "chat/a")
    client.say("chat/a", "hello")
    inspector(page, "?channel=chat/a&action=message")
    lines(page).last.click()
    page.locator("#decision-title").get_by_role("link", name="chat/*").click()
    expect(page.get_by_label("Channel name")).to_have_value("chat/*")


@pytest.mark.parametrize(("pasted", "told"), [('"ref": "{ref}"', "no_rule"), ("abc", "No reference number")])
def test_a_number_is_found_in_whatever_was_pasted(page: Page, connect: Connect, pasted: str, told: str) -> None:
    client = connect()
    client.send("join", "nowhere", {})
    ref = client.error()["ref"]
    inspector(page)
    page.get_by_label("Reference number").fill(pasted.replace("{ref}", ref))
    page.keyboard.press("Enter")
    expect(page.locator("#look")).to_contain_text(told)


def test_a_viewer_sees_no_payload_and_developers_do(page: Page, new_page, running: Server, connect: Connect) -> None:  # type: ignore[no-untyped-def]
    running.call("capture", seconds=600)
    client = joined(connect, "chat/a")
    client.say("chat/a", {"text": "between us", "password": "hunter2"})
    client.sync()
    running.call("capture", seconds=-1)
    viewer, developer = inspector(new_page("vic", "viewer")), inspector(new_page("dev", "developer"))
    for one, sees in ((viewer, False), (developer, True)):
        line = lines(one).filter(has_text="public message").last
        line.click()
        expect(one.locator("#look .route")).to_be_visible()
        assert ("between us" in one.content()) is sees
        assert "hunter2" not in one.content()
    expect(viewer.locator("#look")).to_contain_text("Payloads are shown to developers, editors and owners.")
    expect(developer.locator("#look .json-value").filter(has_text="between us")).to_be_visible()
    expect(viewer.locator("#look form")).to_have_count(0)


def test_a_payload_of_60_kb_stays_usable(page: Page, running: Server, connect: Connect) -> None:
    running.call("capture", seconds=600)
    client = joined(connect, "chat/a")
    client.say(
        "chat/a", {"rows": [{"id": n, "name": "x" * 40} for n in range(800)], "deep": deep(200), "long": "y" * 9000}
    )
    client.sync()
    running.call("capture", seconds=-1)
    inspector(page)
    lines(page).filter(has_text="public message").last.click()
    look = page.locator("#look")
    expect(look.get_by_role("heading", name=re.compile("^Payload"))).to_be_visible()
    assert look.locator(".json, .json-leaf").count() <= 500
    look.get_by_text("As text").click()
    expect(look.locator(".raw pre")).to_contain_text('"rows"')
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def deep(levels: int) -> object:
    value: object = "bottom"
    for _ in range(levels):
        value = [value]
    return value


def test_keys_lead_through_the_lines(page: Page, connect: Connect) -> None:
    joined(connect, "chat/a", "news")
    inspector(page, "?action=join")
    lines(page).first.focus()
    page.keyboard.press("j")
    expect(lines(page).nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#look")).to_contain_text("joined")
    page.keyboard.press("k")
    expect(lines(page).first).to_be_focused()


def test_whoever_is_signed_out_sees_nothing_more(page: Page, connect: Connect) -> None:
    inspector(page)
    other = page.context.new_page()
    other.goto("/account")
    other.locator(".who").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in**", timeout=20_000)
    assert lines(page).count() == 0


def test_the_stream_comes_back_after_a_restart(new_page, running: Server, connect: Connect) -> None:  # type: ignore[no-untyped-def]
    page = inspector(new_page("ida"))
    running.restart()
    running.publish(*RULES)
    expect(page.locator("[data-state]")).to_contain_text("Live", timeout=20_000)
    with connecting(running) as connect_again:
        joined(connect_again, "chat/after")
        expect(lines(page).filter(has_text="chat/after")).to_have_count(1)
