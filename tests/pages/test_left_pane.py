"""The inspector's left pane in a browser on a real server: channels, who is in them, clients; live, searched, paged."""

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.dashboard import Dashboard
from tests.servers import Server, rule, serving
from tests.sockets.clients import Connect, connecting

from .conftest import ROOT, quiet_page
from .test_pages_fit_and_are_accessible import AXE, OVERFLOW

INSPECTOR = "/w/default/inspector"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running(front_end: Path) -> Iterator[Server]:
    with serving(limit_messages_per_minute=0, limit_channels_per_client=1000) as server:
        server.publish(rule("*", "A P M"))
        yield server


@pytest.fixture
def connect(running: Server) -> Iterator[Connect]:
    with connecting(running) as connect:
        yield connect


@pytest.fixture
def page(browser: Browser, running: Server) -> Iterator[Page]:
    with signed_in(browser, running) as page:
        yield page


class signed_in:  # noqa: N801 (a context manager)
    """A page of somebody with a role, on any server."""

    def __init__(self, browser: Browser, server: Server, role: str = "owner") -> None:
        self._url = f"http://127.0.0.1:{server.port}"
        self._quiet = quiet_page(browser, self._url)
        self._cookie = server.call("sign_in", username=f"{role}{next(numbers)}", role=role)

    def __enter__(self) -> Page:
        page = self._quiet.__enter__()
        page.context.add_cookies([{"name": "tidegate", "value": self._cookie, "url": self._url}])
        return page

    def __exit__(self, *raised: object) -> None:
        self._quiet.__exit__(*raised)  # type: ignore[arg-type]


def opened(page: Page, query: str = "") -> Locator:
    page.goto(INSPECTOR + query)
    expect(page.locator("[data-state]")).to_contain_text("Live")
    return page.locator("#side")


def row(side: Locator, name: str) -> Locator:
    return side.locator(".tree li").filter(has=side.page.locator(f'bdi:text-is("{name}")'))


def client_row(side: Locator, user: str) -> Locator:
    return side.locator(".client").filter(has=side.page.locator(f'bdi:text-is("{user}")'))


def test_the_tree_unfolds_counts_and_filters(page: Page, connect: Connect) -> None:
    first, second = connect(), connect()
    for channel in ("shop/orders/1", "shop/orders/2", "shop/news"):
        first.join(channel)
    second.join("shop/news")
    side = opened(page)
    expect(row(side, "shop")).to_contain_text("4")
    expect(row(side, "orders")).to_have_count(0)
    side.get_by_role("link", name="Unfold shop, 3 channels").click()
    expect(row(side, "orders")).to_contain_text("2")
    side.get_by_role("link", name="Unfold orders").click()
    expect(row(side, "1")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?open=shop%2Forders$"))
    page.reload()
    expect(row(side, "2")).to_be_visible()
    side.get_by_role("link", name="Fold shop").click()
    expect(row(side, "orders")).to_have_count(0)
    row(side, "shop").get_by_role("link", name="shop/").click()
    expect(page.locator("#filter")).to_contain_text("shop/*")
    expect(page).to_have_url(re.compile(r"channel=shop%2F(\*|%2A)"))
    expect(row(side, "shop")).to_have_class(re.compile("chosen"))
    for _ in range(2):
        first.say("shop/news", "hello")
    expect(page.locator(".lines a.line", has_text="public message")).to_have_count(2)
    expect(row(side, "shop").locator(".rate")).to_have_text(re.compile(r"[1-9]"))


def test_who_is_in_a_channel_changes_as_they_come_and_go(page: Page, running: Server, connect: Connect) -> None:
    ann = connect(running.token("ann"))
    ann.join("live/room")
    side = opened(page, "?open=live&channel=live/room")
    presence = side.locator(".presence")
    expect(presence).to_contain_text("1 member")
    bob = connect(running.token("bob", test=True))
    joined_at = time.monotonic()
    bob.join("live/room")
    expect(presence).to_contain_text("2 members")
    assert time.monotonic() - joined_at < 4
    expect(presence.locator(".client").first).to_contain_text("bob test client")
    ann.leave()
    expect(presence).to_contain_text("1 member")
    expect(client_row(side, "ann")).to_have_count(0)
    bob.send("leave", "live/room")
    expect(presence).to_contain_text("Nobody is in this channel now")
    presence.get_by_role("link", name="Show all channels again").click()
    expect(presence).to_have_count(0)
    expect(page.locator("#filter .chip")).to_have_count(0)


def test_what_is_typed_unfolded_and_focused_stays(page: Page, running: Server, connect: Connect) -> None:
    for user in ("carl", "carla"):
        connect(running.token(user)).join("kept/a")
    side = opened(page, "?tab=clients")
    search = side.get_by_label("Find clients")
    search.press_sequentially("carl", delay=30)
    expect(side).to_contain_text("2 clients found")
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile("q=carl$"))
    client_row(side, "carla").locator(".row").click()
    kick = side.locator("details", has_text="Kick…")
    kick.locator("summary").click()
    block = side.locator("details", has_text="Block user…")
    block.locator("summary").click()
    why = block.get_by_label("Why")
    why.fill("because")
    with page.expect_response(lambda answer: "/inspector/side" in answer.url):
        connect(running.token("carlo")).join("kept/a")
    expect(side).to_contain_text("3 clients found")
    expect(why).to_have_value("because")
    expect(why).to_be_focused()
    assert kick.get_attribute("open") is not None
    expect(block).to_contain_text("Disconnects 1 client of carla")
    connect(running.token("carla")).join("kept/a")
    expect(block).to_contain_text("Disconnects 2 clients of carla")
    search.fill("nobody at all")
    expect(side).to_contain_text("No connected client has this")


def test_kicking_and_blocking_from_the_pane(page: Page, running: Server, connect: Connect) -> None:
    one, two = connect(running.token("dora")), connect(running.token("eddy"))
    one.join("acts/a")
    two.join("acts/a")
    side = opened(page, "?channel=acts/a")
    client_row(side, "dora").locator(".row").click()
    side.get_by_text("Kick…").click()
    side.get_by_role("button", name="Kick").click()
    assert one.error()["code"] == "kicked"
    assert one.closed() == 4401
    expect(page.locator(".notice")).to_contain_text("is disconnected")
    expect(side.locator(".presence")).to_contain_text("1 member")
    expect(page.locator(".lines a.line", has_text="left: the connection ended")).to_be_visible()
    client_row(side, "eddy").locator(".row").click()
    block = side.locator("details", has_text="Block user…")
    block.locator("summary").click()
    block.get_by_label("For how long").select_option("15 minutes")
    block.get_by_label("Why").fill("<b>rude</b>")
    block.get_by_role("button", name="Block", exact=True).click()
    assert two.error()["code"] == "blocked"
    assert two.closed() == 4401
    side.get_by_role("link", name="Blocks").click()
    expect(side.locator(".blocked")).to_contain_text("User eddy <b>rude</b>")
    again = connect(running.token("eddy"))
    assert again.error()["code"] == "blocked"
    side.get_by_role("button", name="Let in again: eddy").click()
    expect(side).to_contain_text("Nobody is blocked")
    assert connect(running.token("eddy")).join("acts/a")["action"] == "join"


def test_a_block_by_hand_says_whom_it_hits_and_what_is_wrong(page: Page, running: Server, connect: Connect) -> None:
    connect(running.token("fred")).sync()
    side = opened(page, "?tab=blocks")
    side.get_by_text("Block a user or an address").click()
    side.get_by_label("User id or address").press_sequentially("fred")
    expect(side.locator("#hits")).to_have_text("Disconnects 1 client now.")
    side.get_by_label("Whom").select_option("A network address")
    expect(side.locator("#hits")).to_contain_text("Disconnects nobody now")
    side.get_by_role("button", name="Block").click()
    expect(side.locator(".error")).to_contain_text("This is not a network address")
    expect(side.get_by_label("User id or address")).to_be_focused()
    expect(side.get_by_label("User id or address")).to_have_value("fred")
    expect(side).to_contain_text("Nobody is blocked")


def test_nothing_is_asked_while_nobody_looks(page: Page, running: Server) -> None:
    opened(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/inspector/" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(300)  # what was on its way
    asked.clear()
    page.clock.install()
    page.evaluate("for (let i = 0; i < 3; i++) document.dispatchEvent(new CustomEvent('inspector:changed'))")
    page.evaluate("document.getElementById('side').dispatchEvent(new Event('every'))")
    page.wait_for_timeout(300)
    assert asked == []
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: false});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_timeout(300)
    assert any("/side" in url for url in asked)


def test_a_viewer_sees_no_buttons(browser: Browser, running: Server, connect: Connect) -> None:
    connect(running.token("gina")).join("seen/a")
    with signed_in(browser, running, "viewer") as page:
        side = opened(page, "?channel=seen/a")
        client_row(side, "gina").locator(".row").click()
        expect(side).to_contain_text("Address")
        expect(side.get_by_text("Kick…")).to_have_count(0)
        expect(page.get_by_text("Capture payloads…")).to_have_count(0)
        side.get_by_role("link", name="Blocks").click()
        expect(side).to_contain_text("Nobody is blocked")
        expect(side.get_by_text("Block a user or an address")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_accessible(page: Page, running: Server, connect: Connect, scheme: str) -> None:
    long = connect(running.token("u" * 200, extras={"n": "x" * 900}, test=True))
    for name in ("deep/" * 20 + "x", "y" * 255, "short"):
        long.join(name)
    running.call("block", subject="user", value="v" * 300, reason="w" * 300)
    (mine,) = [c["socket_id"] for c in running.call("clients") if c["is_test"] and len(c["channels"]) == 3]
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    deep = "&".join("open=" + "%2F".join(["deep"] * depth) for depth in range(1, 21))
    for size in ((1440, 900), (1024, 768), (390, 844)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        for query in (f"?{deep}&channel={'y' * 255}&unfold={mine}", f"?tab=clients&unfold={mine}", "?tab=blocks"):
            side = opened(page, query)
            for details in side.locator("details").all():
                details.evaluate("details => details.open = true")
            assert page.evaluate(OVERFLOW) <= 0, (query, size)
            assert side.evaluate("side => side.scrollWidth - side.clientWidth") <= 0, (query, size)
            page.evaluate(axe)
            assert page.evaluate(AXE) == [], (query, size)


def test_five_thousand_members_and_twenty_thousand_channels(browser: Browser) -> None:
    """The page stays usable, and clients are served while it is made."""
    with serving() as server, connecting(server) as connect, signed_in(browser, server) as page:
        server.publish(rule("*", "A P M"))
        server.call("crowd", channel="crowded", members=5000)
        server.call("crowd", channel="many", members=1, channels=20_000)
        side = opened(page, "?channel=crowded")
        expect(side.locator(".presence")).to_contain_text("5,000 members")
        expect(side.locator(".presence .client")).to_have_count(50)
        expect(side.locator(".presence")).to_contain_text("1 of 100")
        side.get_by_role("link", name="Older").click()
        expect(side.locator(".presence")).to_contain_text("2 of 100")
        connect(server.token("late")).join("crowded")
        expect(side.locator(".presence")).to_contain_text("5,001 members")
        side.get_by_role("link", name="Unfold many").click()
        expect(side).to_contain_text("and 19,900 more")
        assert side.locator(".tree li").count() <= 203
        search = side.get_by_label("Find channels")
        search.fill("many/12345")
        expect(side.locator(".tree")).to_contain_text("many/12345")
        expect(side).to_contain_text("1 channel found")
        client = connect()
        client.join("crowded")
        dashboard = Dashboard(server, "second", server.call("invitation", role="viewer"))
        waited = []
        for _ in range(20):
            assert dashboard.get(f"{INSPECTOR}/side?open=many&channel=crowded")[0] == 200
            began = time.perf_counter()
            client.sync()
            waited.append(time.perf_counter() - began)
        assert sorted(waited)[-2] < 0.25, waited
