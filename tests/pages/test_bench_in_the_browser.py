"""The test bench on a real server: cards that are real clients, events, traces, snippets that run."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Connect, connecting, settle
from tests.sockets.phoenix import Phoenix, binary_push

from .conftest import ROOT
from .test_hostile_texts_are_inert import HOSTILE, INJECTED
from .test_pages_fit_and_are_accessible import AXE, OVERFLOW

RULES = (rule("chat/*", "A P M X V", history=25), rule("members", "M Ma V Va P"), rule("quiet", "X"))
NOISE = re.compile("Failed to load resource|WebSocket connection to .* failed|Failed to fetch")
NewContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        server.call("sign_in", username="nobody-in-particular", role="owner")
        yield server


@pytest.fixture
def reports() -> list[str]:
    return []


@pytest.fixture
def new_context(running: Server, browser: Browser, front_end: object, reports: list[str]) -> Iterator[NewContext]:
    """Sign browsers in; whatever they report on their consoles fails the test."""
    contexts: list[BrowserContext] = []
    running.publish(*RULES)

    def open_one(role: str = "owner") -> BrowserContext:
        address = f"http://127.0.0.1:{running.port}"
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        context.set_default_timeout(15_000)
        contexts.append(context)
        cookie = running.call("sign_in", username=f"{role}{len(running.call('audited'))}", role=role)
        context.add_cookies([{"name": "tidegate", "value": cookie, "url": address}])
        context.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
        context.on("weberror", lambda error: reports.append(str(error.error)))
        context.on("dialog", lambda dialog: (reports.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return context

    yield open_one
    for context in contexts:
        context.close()
    assert [report for report in reports if not NOISE.search(report)] == []


@pytest.fixture
def page(new_context: NewContext) -> Page:
    return new_context().new_page()


@pytest.fixture
def connect(running: Server) -> Iterator[Connect]:
    with connecting(running) as connect:
        yield connect


def bench(page: Page, channel: str = "chat/lobby") -> Page:
    page.goto("/w/default/bench")
    expect(page.get_by_role("button", name="Add a client")).to_be_enabled()
    page.get_by_label("Channel", exact=True).first.fill(channel)
    expect(page.get_by_role("heading", name=f"Code for {channel}")).to_be_visible()
    return page


def card(page: Page, number: int) -> Locator:
    return page.locator(".client").nth(number - 1)


def added(page: Page, **fields: str) -> Locator:
    number = page.locator(".client").count() + 1
    page.get_by_role("button", name="Add a client").click()
    new = card(page, number)
    for name, value in fields.items():
        field = new.locator(f"[data-field={name}]")
        if name in ("who", "protocol", "audience"):
            field.select_option(value)
        else:
            field.fill(value)
    return new


def connected(new: Locator) -> Locator:
    new.get_by_role("button", name="Connect", exact=True).click()
    expect(new.locator("[data-status]")).to_have_text("connected")
    expect(new.locator("[data-socket]")).not_to_be_empty()
    return new


def joined(new: Locator) -> Locator:
    connected(new).get_by_role("button", name="Join", exact=True).click()
    expect(new.get_by_role("button", name="Leave")).to_be_visible()
    return new


def pair(page: Page) -> tuple[Locator, Locator]:
    """The preset: an anonymous client and a user, both joined."""
    page.get_by_role("button", name="Anonymous + signed-in").click()
    cards = (card(page, 1), card(page, 2))
    for each in cards:
        expect(each.get_by_role("button", name="Leave")).to_be_visible()
        expect(each.locator("[data-socket]")).not_to_be_empty()
    return cards


def send(new: Locator, payload: Any, audience: str = "public", to: str = "") -> None:
    new.locator("[data-field=audience]").select_option(audience)
    if audience == "private":
        new.locator("[data-field=to]").fill(to)
    new.locator("[data-field=payload]").fill(json.dumps(payload))
    new.get_by_role("button", name="Send", exact=True).click()


def frames(new: Locator, way: str, text: str) -> Locator:
    return new.locator(f".frame.{way}").filter(has_text=text)


def socket_id(new: Locator) -> str:
    return new.locator("[data-socket]").inner_text()


def outcome(page: Page) -> Locator:
    return page.locator("#outcome")


def test_two_cards_are_two_real_clients(page: Page, running: Server) -> None:
    guest, ada = pair(bench(page))
    info = {client["socket_id"]: client for client in running.call("clients")}
    assert info[socket_id(guest)]["authenticated"] is False
    assert (info[socket_id(ada)]["user_id"], info[socket_id(ada)]["extras"]) == ("test:ada", {"name": "Ada"})
    for each in (guest, ada):
        expect(each.locator("[data-presence-count]")).to_have_text("2")
        expect(each.locator("[data-present] .tag")).to_have_text("this one")
        expect(each.locator("[data-left]")).to_contain_text(re.compile(r"valid for 1[45]:\d\d"))
    send(guest, {"said": "to all"})
    for each in (guest, ada):
        expect(frames(each, "in", '{"said":"to all"}')).to_have_count(1)
    send(ada, {"said": "to members"}, "authenticated")
    expect(frames(ada, "in", "to members")).to_have_count(1)
    send(ada, {"said": "a secret"}, "private", socket_id(guest))
    expect(frames(guest, "in", "a secret")).to_have_count(1)
    expect(frames(ada, "in", "a secret")).to_have_count(1)
    expect(frames(guest, "in", "to members")).to_have_count(0)
    ada.get_by_role("button", name="Leave").click()
    expect(guest.locator("[data-presence-count]")).to_have_text("1")
    expect(ada.get_by_role("button", name="Join", exact=True)).to_be_visible()


def test_an_error_tells_its_code_and_leads_to_its_reason(page: Page) -> None:
    guest, _ = pair(bench(page))
    send(guest, "x", "authenticated")
    trouble = guest.locator("[data-trouble]")
    expect(trouble).to_contain_text("authentication_required")
    expect(trouble).to_contain_text("connect with a valid token")
    with page.expect_popup() as beside:
        trouble.get_by_role("link", name="Why?").click()
    expect(beside.value.locator("#look")).to_contain_text("authentication_required")
    expect(beside.value.locator("#look")).to_contain_text("test client")
    # The clients stay: their message can be sent again as theirs, once the rule is changed.
    assert guest.get_attribute("data-state") == "connected"


def test_all_cards_are_connected_at_once(page: Page) -> None:
    pair(bench(page))
    page.reload()
    expect(page.locator("[data-cards] > li")).to_have_count(2)
    page.get_by_role("button", name="Connect all").click()
    for number in (1, 2):
        expect(card(page, number).locator("[data-presence-count]")).to_have_text("2")


def test_a_denied_join_is_told_and_changes_nothing(page: Page) -> None:
    guest = connected(added(bench(page, "members")))
    guest.get_by_role("button", name="Join", exact=True).click()
    expect(guest.locator("[data-trouble]")).to_contain_text("Anonymous clients cannot join this channel.")
    expect(guest.get_by_role("button", name="Join", exact=True)).to_be_visible()


def test_two_users_in_private_are_ready_to_write_to_each_other(page: Page) -> None:
    bench(page, "members").get_by_role("button", name="Two users in private").click()
    first, second = card(page, 1), card(page, 2)
    expect(first.get_by_label("To socketId")).to_have_value(re.compile(r"\S{16}"))
    assert first.get_by_label("To socketId").input_value() == socket_id(second)
    first.get_by_role("button", name="Send", exact=True).click()
    expect(frames(second, "in", '{"hello":"world"}')).to_have_count(1)
    second.locator("[data-present] button").first.click()
    expect(second.get_by_label("To socketId")).to_have_value(re.compile(r"\S{16}"))


def test_signing_out_ends_all_of_them_at_once(new_context: NewContext, running: Server) -> None:
    context = new_context()
    here, there = context.new_page(), context.new_page()
    # What asks every few seconds is answered by the way to the sign-in, to which the page would go.
    for asked in ("**/draft/bar*", "**/inspector/capture*"):
        here.route(asked, lambda route: route.abort())
    cards = [*pair(bench(here)), *pair(bench(there))]
    there.goto("/account")  # its own two went with the page
    expect(cards[0].locator("[data-presence-count]")).to_have_text("2")
    there.get_by_role("button", name="Sign out").first.click()
    expect(there.get_by_role("heading", name="Sign in")).to_be_visible()
    assert running.call("clients") == []
    for each in cards[:2]:
        expect(each.locator("[data-status]")).to_contain_text("The sign-in that made this client has ended")
        expect(each.locator("[data-trouble]")).to_contain_text("token_revoked")
        each.get_by_role("button", name="Connect", exact=True).click()
        expect(each.locator("[data-problem]")).to_contain_text("signed out")


def test_a_reload_brings_the_cards_back_and_no_token(page: Page) -> None:
    bench(page)
    new = added(page, who="user", user="test:eve", extras='{"name": "Eve"}', payload='{"kept": true}')
    joined(new)
    added(page, who="claims", claims='{"sub": "test:x"}')
    kept = page.evaluate("JSON.stringify([sessionStorage, localStorage, document.cookie, location.href])")
    assert "test:eve" in kept
    assert "eyJ" not in kept
    assert "eyJ" not in page.content()
    page.reload()
    expect(page.locator(".client")).to_have_count(2)
    again = card(page, 1)
    expect(again.locator("[data-status]")).to_have_text("not connected")
    expect(again.locator("[data-field=user]")).to_have_value("test:eve")
    expect(again.locator("[data-field=payload]")).to_have_value('{"kept": true}')
    expect(page.get_by_label("Channel", exact=True).first).to_have_value("chat/lobby")
    assert "channel=chat%2Flobby" in page.url
    joined(again)


def test_cards_are_duplicated_removed_and_bounded(page: Page) -> None:
    bench(page)
    new = added(page, who="user", user="test:eve")
    new.get_by_role("button", name="Duplicate").click()
    expect(page.locator(".client")).to_have_count(2)
    expect(card(page, 2).locator("[data-field=user]")).to_have_value("test:eve")
    for _ in range(10):
        page.get_by_role("button", name="Add a client").click()
    expect(page.locator(".client")).to_have_count(12)
    expect(page.get_by_role("button", name="Add a client")).to_be_disabled()
    assert (
        len(set(page.eval_on_selector_all(".client [id]", "all => all.map(each => each.id)")))
        == page.locator(".client [id]").count()
    )
    joined(card(page, 1))
    card(page, 1).get_by_role("button", name="Remove").click()
    expect(page.locator(".client")).to_have_count(11)
    assert page.evaluate("JSON.parse(sessionStorage['tidegate.bench.default']).length") == 11


def test_what_is_wrong_with_an_identity_is_told_beside_its_field(page: Page) -> None:
    new = added(bench(page), who="claims", claims='{"grants": 5}')
    new.get_by_role("button", name="Connect", exact=True).click()
    claims = new.get_by_label("Claims")
    expect(claims).to_have_attribute("aria-invalid", "true")
    expect(claims.locator("xpath=..")).to_contain_text("grants:")
    claims.fill('{"sub": "test:x", "authorized_channels": ["elsewhere"]}')
    connected(new).get_by_role("button", name="Join", exact=True).click()
    expect(new.locator("[data-trouble]")).to_contain_text("channel_not_authorized")
    send_form = new.locator("[data-field=payload]")
    send_form.fill("{")
    new.get_by_role("button", name="Send", exact=True).click()
    expect(new.locator("[data-payload-problem]")).to_contain_text("not JSON")


def test_a_developer_s_user_is_nobody_real(new_context: NewContext, running: Server) -> None:
    page = new_context("developer").new_page()
    new = joined(added(bench(page), who="user", user="42"))
    expect(new.locator("[data-title]")).to_have_text("test:42")
    assert [client["user_id"] for client in running.call("clients")] == ["test:42"]


def test_a_token_is_renewed_as_an_sdk_does(page: Page, running: Server) -> None:
    new = joined(added(bench(page), who="user", user="test:eve"))
    before = socket_id(new)
    new.get_by_role("button", name="Renew").click()
    expect(new.locator("[data-status]")).to_contain_text("coming back")
    expect(new.locator("[data-status]")).to_have_text("connected")
    expect(new.get_by_role("button", name="Leave")).to_be_visible()
    until(lambda: socket_id(new) not in ("", before), what="another connection")
    assert len(running.call("clients")) == 1


def test_a_client_that_is_kicked_stays_away(page: Page, running: Server) -> None:
    new = joined(added(bench(page)))
    running.call("kick", socket_id=socket_id(new))
    expect(new.locator("[data-status]")).to_contain_text("Closed with 4401")
    expect(new.locator("[data-status]")).to_contain_text("An SDK stays away after this")
    expect(new.locator("[data-trouble]")).to_contain_text("kicked")


def test_a_client_comes_back_after_a_restart_and_joins_again(new_context: NewContext, running: Server) -> None:
    new = joined(added(bench(new_context().new_page())))
    running.restart()
    running.publish(*RULES)
    expect(new.get_by_role("button", name="Leave")).to_be_visible(timeout=20_000)
    expect(new.locator("[data-status]")).to_have_text("connected")


def test_an_event_is_sent_and_its_way_is_shown(page: Page, running: Server) -> None:
    guest, ada = pair(bench(page))
    sending = page.locator("#sending")
    sending.get_by_label("Event name").fill("greeting")
    sending.get_by_label("Payload").fill('{"from": "the server"}')
    sending.get_by_role("button", name="Send event").click()
    for each in (guest, ada):
        expect(frames(each, "in", "the server")).to_have_count(1)
    expect(outcome(page)).to_contain_text("Delivered to 2 clients.")
    sent = next(entry for entry in running.call("audited") if entry["action"] == "event:send")
    assert (sent["after"]["channel"], sent["after"]["recipients"], sent["after"]["event"]) == (
        "chat/lobby",
        2,
        "greeting",
    )
    assert "the server" not in json.dumps(sent)
    sending.get_by_label("To socketId").fill(socket_id(ada))
    sending.get_by_label("Payload").fill('"only you"')
    sending.get_by_role("button", name="Send event").click()
    expect(frames(ada, "in", "only you")).to_have_count(1)
    expect(outcome(page)).to_contain_text("Delivered to 1 client.")
    expect(frames(guest, "in", "only you")).to_have_count(0)
    outcome(page).get_by_role("link", name="Open in the inspector").click()
    expect(page.locator("#look")).to_contain_text("Delivered to 1 client.")


def test_a_trace_says_what_the_real_event_would_and_delivers_nothing(page: Page, running: Server) -> None:
    guest, ada = pair(bench(page, "quiet"))
    before = running.call("overview")
    trace, real = page.get_by_role("button", name="Trace only").first, page.get_by_role("button", name="Send event")
    trace.click()
    expect(outcome(page)).to_contain_text("only traced")
    expect(outcome(page)).to_contain_text("Allowed; it would reach 1 client.")
    traced = outcome(page).locator(".branch").all_inner_texts()
    assert {name: running.call("overview")[name] for name in ("messages", "deliveries", "refusals")} == {
        name: before[name] for name in ("messages", "deliveries", "refusals")
    }
    real.click()
    expect(outcome(page)).to_contain_text("Delivered to 1 client.")
    assert outcome(page).locator(".branch").all_inner_texts() == traced
    assert any("anonymous" in line and "✕" not in line for line in traced)
    expect(frames(ada, "in", "hello")).to_have_count(1)
    expect(frames(guest, "in", "hello")).to_have_count(0)


def test_a_card_s_message_is_traced_as_that_client(page: Page, running: Server) -> None:
    guest, _ = pair(bench(page, "quiet"))
    before = running.call("overview")
    guest.get_by_role("button", name="Trace only").click()
    expect(outcome(page)).to_contain_text("anonymous_not_allowed")
    traced = outcome(page).locator(".trail li").all_inner_texts()
    assert running.call("overview")["refusals"] == before["refusals"]
    expect(guest.locator("[data-trouble]")).to_be_hidden()
    guest.get_by_role("button", name="Send", exact=True).click()
    with page.expect_popup() as beside:
        guest.locator("[data-trouble]").get_by_role("link", name="Why?").click()
    expect(beside.value.locator("#look .trail").last).to_be_visible()
    assert beside.value.locator("#look .trail li").all_inner_texts() == traced
    beside.value.close()
    card(page, 2).get_by_role("button", name="Disconnect").click()
    # Whoever is not connected is one who joins first.
    page.get_by_label("Channel", exact=True).first.fill("members")
    again = card(page, 2)
    again.locator("[data-field=channel]").fill("members")
    again.get_by_role("button", name="Trace only").click()
    expect(outcome(page)).to_contain_text("nobody is there who could receive it")
    expect(page.get_by_label("Claims, or a token")).to_have_value('{"sub":"test:ada","extras":{"name":"Ada"}}')
    page.get_by_label("From", exact=True).select_option("anonymous")
    page.get_by_role("button", name="Trace only").first.click()
    expect(outcome(page)).to_contain_text("anonymous_not_allowed")


def test_frames_are_bounded_counted_and_opened_by_keyboard(page: Page, connect: Connect) -> None:
    new = joined(added(bench(page)))
    talker = connect()
    talker.join("chat/lobby")
    for n in range(700):
        talker.say("chat/lobby", n)
    settle(talker)
    expect(new.locator("[data-frame-count]")).to_contain_text("the last 500 shown")
    assert int(new.locator("[data-frame-count]").inner_text().split(",")[0]) >= 704
    assert new.locator(".frame").count() == 500
    new.locator("[data-log]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(new.locator(".frame details[open] pre")).to_contain_text('"payload": 698')
    page.keyboard.press("Shift+Tab")
    expect(new.locator("[data-log]")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(new.get_by_role("button", name="Clear")).to_be_focused()
    page.keyboard.press("Enter")
    expect(new.locator(".frame")).to_have_count(0)


def test_the_whole_bench_is_worked_by_keyboard(page: Page) -> None:
    bench(page)
    page.get_by_role("button", name="Add a client").focus()
    page.keyboard.press("Enter")
    expect(card(page, 1).locator("[data-field=who]")).to_be_focused()
    page.keyboard.press("Tab")  # the protocol
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("'connect' in document.activeElement.dataset"):
            break
    page.keyboard.press("Enter")
    expect(card(page, 1).locator("[data-status]")).to_have_text("connected")
    card(page, 1).locator("[data-field=channel]").focus()
    page.keyboard.press("Enter")
    expect(card(page, 1).get_by_role("button", name="Leave")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_bench_in_use_fits_and_is_accessible(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    guest, ada = pair(bench(page))
    added(page, who="claims", claims="{}").get_by_role("button", name="Connect", exact=True).click()
    joined(added(page, who="user", user="test:bob", protocol="phoenix"))
    joined(added(page, who="user", user="test:eve", protocol="supabase"))
    added(page, who="user", user="").get_by_role("button", name="Connect", exact=True).click()
    expect(card(page, 6).locator("[data-field=user]")).to_have_attribute("aria-invalid", "true")
    send(guest, {"long": "x" * 3000}, "authenticated")
    send(ada, {"long": "x" * 3000})
    expect(frames(ada, "in", "xxx")).to_have_count(1)
    frames(ada, "in", "xxx").locator("summary").click()
    page.get_by_role("button", name="Trace only").first.click()
    expect(outcome(page)).to_contain_text("only traced")
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(OVERFLOW) <= 0, width
        page.evaluate(axe)
        assert page.evaluate(AXE) == [], width


def test_hostile_texts_are_inert(page: Page, running: Server, connect: Connect, reports: list[str]) -> None:
    channel = f"chat/{HOSTILE}"
    stranger = connect(running.token(HOSTILE, extras={"name": HOSTILE, HOSTILE: HOSTILE}))
    stranger.send("join", channel, {"presence": True})
    bench(page)
    page.get_by_label("Channel", exact=True).first.fill(channel)
    expect(page.locator("#snippets-title")).to_contain_text("<script>alert(2)</script>")
    new = added(page, who="user", user=f"test:{HOSTILE}", extras=json.dumps({"name": HOSTILE, "<b>": HOSTILE}))
    joined(new)
    expect(new.locator("[data-present]")).to_contain_text("<img src=x onerror=alert(1)>")
    stranger.say(channel, {HOSTILE: HOSTILE})
    expect(frames(new, "in", "onerror")).not_to_have_count(0)
    frames(new, "in", "onerror").last.locator("summary").click()
    send(new, {HOSTILE: HOSTILE}, "private", "<i>")
    expect(new.locator("[data-trouble]")).to_contain_text("target_not_present")
    new.get_by_role("button", name="Trace only").click()
    expect(outcome(page)).to_contain_text("target_not_present")
    page.get_by_label("From", exact=True).select_option("server")
    page.locator("#sending").get_by_label("To socketId").fill("")
    page.locator("#sending").get_by_label("Event name").fill(HOSTILE.replace("\u202e", ""))
    page.get_by_role("button", name="Send event").click()
    expect(outcome(page)).to_contain_text("Delivered to 2 clients.")
    page.evaluate(
        "(kept) => (sessionStorage['tidegate.bench.default'] = kept)", json.dumps([{"who": HOSTILE, "to": {}}])
    )
    page.reload()
    expect(page.locator(".client")).to_have_count(1)
    assert page.evaluate(INJECTED) == 0
    assert "\u202e" not in page.locator(".snippets").inner_text(), "a snippet that reads otherwise than it runs"
    assert reports == []


@pytest.mark.parametrize("kept", ["{", "null", "5", '{"length": 3}', "[null, 1, []]"])
def test_what_a_tab_kept_can_be_anything(page: Page, kept: str) -> None:
    bench(page)
    page.evaluate("(kept) => (sessionStorage['tidegate.bench.default'] = kept)", kept)
    page.reload()
    expect(page.get_by_role("button", name="Add a client")).to_be_enabled()


def test_viewers_read_the_code_alone(new_context: NewContext) -> None:
    page = new_context("viewer").new_page()
    page.goto("/w/default/bench")
    expect(page.locator("main")).to_contain_text("need the role developer")
    expect(page.get_by_role("button", name="Add a client")).to_have_count(0)
    page.get_by_label("Channel").fill("chat/x")
    expect(page.locator(".snippets")).to_contain_text("chat/x")


def test_without_scripts_events_are_sent_all_the_same(
    browser: Browser, running: Server, new_context: NewContext, connect: Connect
) -> None:
    cookies = new_context().cookies()
    context = browser.new_context(base_url=f"http://127.0.0.1:{running.port}", java_script_enabled=False)
    context.add_cookies(cookies)  # type: ignore[arg-type]
    client = connect()
    client.join("chat/quiet place")
    page = context.new_page()
    page.goto("/w/default/bench?channel=chat/quiet place")
    expect(page.locator("main")).to_contain_text("needs JavaScript")
    page.get_by_label("Payload").fill('{"no": "scripts"}')
    page.get_by_role("button", name="Send event").click()
    expect(outcome(page)).to_contain_text("Delivered to 1 client.")
    assert client.take("event")["payload"] == {"data": {"no": "scripts"}}
    page.get_by_label("Payload").fill("{")
    page.get_by_role("button", name="Trace only").click()
    expect(page.locator("#payload-error")).to_contain_text("This is not JSON")
    context.close()


NAMES = ("chat/lobby", 'chat/it\'s "quoted" $HOME `id` \\ \\n 日本 \u202e😀', "chat/</script><b>&amp;")


@pytest.mark.parametrize("name", NAMES, ids=["plain", "quotes", "markup"])
def test_the_snippets_run_as_they_are(page: Page, running: Server, connect: Connect, tmp_path: Path, name: str) -> None:
    bench(page)
    page.get_by_label("Channel", exact=True).first.fill(name)
    expect(page.locator("#snippets-title bdi")).to_have_text(name)
    code = {
        part.locator("h3").inner_text(): part.locator("pre code").text_content() or ""
        for part in page.locator(".snippets > .card").all()
    }
    client = connect()
    client.join(name)
    script = tmp_path / "client.py"
    script.write_text(code["Python"], "utf-8")
    program = subprocess.Popen([sys.executable, "-X", "utf8", str(script)], stdout=subprocess.PIPE)
    try:
        assert client.take("message", 20)["payload"] == {"hello": "world"}
        assert program.stdout is not None
        assert json.loads(program.stdout.readline())["options"]["channel"] == name
    finally:
        program.kill()
        program.wait()
        assert program.stdout is not None
        program.stdout.close()
    key = running.call("api_key", scopes=["publish", "tokens"])
    answer = _shell(code["An event from a back end"], key)
    assert answer["recipients"] == 1
    assert client.take("event")["payload"] == {"data": {"hello": "from the server"}}
    assert _shell(code["A token from a back end"], key)["token"].count(".") == 2
    assert f"wss://{'127.0.0.1'}" in page.locator(".snippets").inner_text()


def _shell(command: str, key: str) -> dict[str, Any]:
    done = subprocess.run(
        ["sh", "-c", command],
        env={"TIDEGATE_KEY": key, "PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=True,
        timeout=30,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_test_clients_are_marked_wherever_clients_are_listed(
    new_context: NewContext, running: Server, connect: Connect
) -> None:
    """On the overview, among the tokens, in what a draft would do to clients, and in the inspector's right pane."""
    context = new_context()
    here, there = context.new_page(), context.new_page()
    guest, _ = pair(bench(here))
    real = connect(running.token("real"))
    real.join("chat/lobby")
    send(guest, "x", "authenticated")
    expect(guest.locator("[data-trouble]")).to_be_visible()
    there.goto("/w/default")
    expect(there.locator(".denials summary").first.locator(".tag")).to_have_text("test client")
    there.goto("/w/default/tokens")
    expect(there.locator("#minted tbody tr").first.locator(".tag")).to_have_text("test client")
    there.goto("/w/default/channels/delete?target=chat/*&nested=1")
    there.get_by_role("button", name=re.compile("Delete")).click()
    there.goto("/w/default/draft")
    rows = there.locator("#preview tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.filter(has=there.locator(".tag"))).to_have_count(2)
    expect(rows.filter(has_text="real").locator(".tag")).to_have_count(0)
    there.goto("/w/default/explain?who=client&client=" + socket_id(guest))
    expect(there.locator(".token-facts").first).to_contain_text("Test client")
    there.goto("/w/default/draft")
    there.get_by_text("Discard…").click()
    there.get_by_role("button", name="Discard the draft").click()


# Clients of other protocols

CHANNELS = ("phoenix", "supabase")
PROTOCOLS = ("xano", *CHANNELS)


def one_of_each(page: Page) -> dict[str, Locator]:
    """A user of each protocol, all in the channel."""
    cards = {name: added(page, who="user", user=f"test:{name}", protocol=name) for name in PROTOCOLS}
    for each in cards.values():
        joined(each)
    return cards


def test_clients_of_all_protocols_hear_and_see_each_other(page: Page, running: Server) -> None:
    cards = one_of_each(bench(page))
    ids = {name: socket_id(each) for name, each in cards.items()}
    info = {client["socket_id"]: client["user_id"] for client in running.call("clients")}
    assert info == {ids[name]: f"test:{name}" for name in cards}
    for name, each in cards.items():
        expect(each.locator("[data-presence-count]")).to_have_text("3")
        for other in ids.values():
            expect(each.locator("[data-present]")).to_contain_text(other)
        expect(each.locator("[data-present] li").filter(has_text=ids[name]).locator(".tag")).to_have_text("this one")
    for name, each in cards.items():
        send(each, {"public": name})
        send(each, {"marked": name}, "authenticated")
        for other in cards.values():
            expect(frames(other, "in", f'"public":"{name}"')).to_have_count(1)
            expect(frames(other, "in", f'"marked":"{name}"')).to_have_count(1)
    for name, to in (("phoenix", "xano"), ("supabase", "phoenix"), ("xano", "supabase")):
        send(cards[name], {"secret": name}, "private", ids[to])
        expect(frames(cards[to], "in", f'"secret":"{name}"')).to_have_count(1)
    expect(frames(cards["supabase"], "in", '"secret":"phoenix"')).to_have_count(0)
    cards["phoenix"].get_by_role("button", name="Leave").click()
    expect(cards["phoenix"].get_by_role("button", name="Join", exact=True)).to_be_visible()
    for name in ("xano", "supabase"):
        expect(cards[name].locator("[data-presence-count]")).to_have_text("2")
    assert "eyJ" not in page.content(), "a token in what is shown of a frame"


@pytest.mark.parametrize("protocol", CHANNELS)
def test_a_join_that_is_refused_is_told_in_every_protocol(page: Page, protocol: str) -> None:
    guest = connected(added(bench(page, "members"), protocol=protocol))
    guest.get_by_role("button", name="Join", exact=True).click()
    trouble = guest.locator("[data-trouble]")
    expect(trouble).to_contain_text("anonymous_not_allowed")
    expect(trouble).to_contain_text("Anonymous clients cannot join this channel.")
    expect(guest.get_by_role("button", name="Join", exact=True)).to_be_visible()
    expect(guest.locator(".frame.denied")).to_have_count(1)
    send(guest, {"nobody": "hears"})
    expect(trouble).to_contain_text("not_joined")
    guest.locator("[data-field=channel]").fill("chat/lobby")
    guest.get_by_role("button", name="Join", exact=True).click()
    expect(guest.get_by_role("button", name="Leave")).to_be_visible()
    expect(trouble).to_be_hidden()


@pytest.mark.parametrize("protocol", CHANNELS)
def test_a_message_that_is_refused_is_told_in_every_protocol(page: Page, protocol: str) -> None:
    guest = joined(added(bench(page), protocol=protocol))
    send(guest, {"x": 1}, "authenticated")
    trouble = guest.locator("[data-trouble]")
    expect(trouble).to_contain_text("authentication_required")
    with page.expect_popup() as beside:
        trouble.get_by_role("link", name="Why?").click()
    expect(beside.value.locator("#look")).to_contain_text("authentication_required")
    expect(beside.value.locator("#look")).to_contain_text("test client")
    send(guest, {"x": 1}, "private", "nobody")
    expect(trouble).to_contain_text("target_not_present")
    expect(guest.get_by_role("button", name="Leave")).to_be_visible()


@pytest.mark.parametrize("protocol", CHANNELS)
def test_payloads_go_as_they_are_written(page: Page, running: Server, connect: Connect, protocol: str) -> None:
    bob = connect(running.token("bob"))
    bob.join("chat/lobby")
    new = joined(added(bench(page), protocol=protocol))
    for payload in ({"n": 12345678901234567890}, {}, 12345678901234567890, "text", [1]):
        send(new, payload)
        assert bob.take("message")["payload"] == payload
    [to] = [client["socket_id"] for client in running.call("clients") if client["user_id"] == "bob"]
    whom = {"target_client_id": to}
    for payload, got in (
        ({"n": 12345678901234567890}, {"n": 12345678901234567890}),
        ({}, {}),
        ({"target_client_id": "another"}, {}),
        ([1], {"payload": [1]}),
    ):
        send(new, payload, "private", to)
        assert bob.take("message")["payload"] == got | whom


@pytest.mark.parametrize("protocol", CHANNELS)
def test_heartbeats_are_sent_and_answered(page: Page, protocol: str) -> None:
    page.clock.install()
    new = joined(added(bench(page), protocol=protocol))
    page.clock.fast_forward(31_000)
    expect(frames(new, "out", "heartbeat")).to_have_count(1)
    expect(frames(new, "in", "phx_reply").last).to_contain_text('"status":"ok"')
    page.clock.fast_forward(31_000)
    expect(frames(new, "out", "heartbeat")).to_have_count(2)
    expect(new.locator("[data-status]")).to_have_text("connected")
    expect(new.locator("[data-trouble]")).to_be_hidden()


def test_bytes_are_shown(page: Page, running: Server) -> None:
    cards = one_of_each(bench(page))
    with Phoenix(running) as talker:
        talker.join_topic("chat/lobby", {"presence": False})
        talker.binary(binary_push("chat/lobby", "picture", b"\x00\xff", talker.join_refs["chat/lobby"], "9"))
        for each in cards.values():
            expect(frames(each, "in", '{"$binary":"AP8="}')).to_have_count(1)


@pytest.mark.parametrize("protocol", CHANNELS)
def test_a_client_that_the_rules_take_out_shows_it(page: Page, running: Server, protocol: str) -> None:
    new = joined(added(bench(page), protocol=protocol))
    running.publish(rule("members", "M"))
    expect(new.locator("[data-trouble]")).to_contain_text("no_rule")
    expect(new.get_by_role("button", name="Join", exact=True)).to_be_visible()
    running.publish(*RULES)
    new.get_by_role("button", name="Join", exact=True).click()
    expect(new.get_by_role("button", name="Leave")).to_be_visible()


@pytest.mark.parametrize("protocol", CHANNELS)
def test_a_token_is_renewed_on_the_same_connection(page: Page, running: Server, protocol: str) -> None:
    new = joined(added(bench(page), who="user", user="test:eve", protocol=protocol))
    before = socket_id(new)
    with page.expect_response("**/bench/token") as answer:
        new.get_by_role("button", name="Renew").click()
    jti = answer.value.json()["jti"]
    until(lambda: page.request.get(f"/w/default/bench/ids?jti={jti}").json() == {jti: before}, what="the new token")
    expect(frames(new, "out", '{"access_token":"***"}')).to_have_count(1)
    expect(new.locator("[data-status]")).to_have_text("connected")
    assert socket_id(new) == before


@pytest.mark.parametrize("protocol", CHANNELS)
def test_a_client_that_is_kicked_comes_back_as_its_sdk_does(page: Page, running: Server, protocol: str) -> None:
    new = joined(added(bench(page), protocol=protocol))
    before = socket_id(new)
    running.call("kick", socket_id=before)
    expect(new.locator("[data-trouble]")).to_contain_text("kicked")
    until(lambda: socket_id(new) not in ("", before), 20, "another connection")
    expect(new.get_by_role("button", name="Leave")).to_be_visible()


def test_clients_of_all_protocols_come_back_after_a_restart(new_context: NewContext, running: Server) -> None:
    cards = one_of_each(bench(new_context().new_page()))
    before = {name: socket_id(each) for name, each in cards.items()}
    running.restart()
    running.publish(*RULES)
    for name, each in cards.items():
        until(lambda each=each, name=name: socket_id(each) not in ("", before[name]), 30, "another connection")  # type: ignore[misc]
        expect(each.get_by_role("button", name="Leave")).to_be_visible(timeout=20_000)
