"""The overview: numbers with lines, charts, denials that unfold, health, and first steps that go away when done."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from tests.api.client import Client, Server, rule
from tests.api.conftest import started
from tests.servers import until
from webapp.inspector.meter import Sample
from webapp.models import RoleName
from webapp.services import admins, workspaces
from webapp.web.overview.numbers import series_document, written
from webapp.web.overview.sparkline import HEIGHT, sparkline

from .conftest import PASSWORD, ROOT, Office, quiet_page, sign_in
from .test_pages_fit_and_are_accessible import AXE, OVERFLOW

HIGHEST = re.compile(r"chart of the last 15 minutes: now [\d.]+, lowest [\d.]+, highest [\d.]*[1-9]")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, front_end: Path) -> Iterator[Server]:
    """A real server with an owner, rules and a workspace beside."""
    with started(tmp_path_factory.mktemp("instance")) as server:
        with server.app.app_context():
            ws = workspaces.get("default")
            admins.create("ada", PASSWORD, role=RoleName.OWNER, workspace=ws, author="test", source="cli")
        server.api().rules(rule("chat/*", "A M"), rule("quiet/*", "M Ma"))
        server.api(workspace="other").rules(rule("secret/*", "A M"))
        yield server


@pytest.fixture(scope="module")
def cookies(browser: Browser, live: Server) -> Any:
    """The cookies of one sign-in, since there may be no more than ten a minute."""
    context = browser.new_context(base_url=f"http://127.0.0.1:{live.port}")
    sign_in(context.new_page())
    kept = context.cookies()
    context.close()
    return kept


@pytest.fixture
def at_live_home(browser: Browser, live: Server, cookies: Any) -> Iterator[Page]:
    with quiet_page(browser, f"http://127.0.0.1:{live.port}") as page:
        page.context.add_cookies(cookies)
        page.goto("/w/default")
        yield page


def numbers_of(page: Page) -> dict[str, list[float | None]]:
    answer: dict[str, list[float | None]] = page.request.get("/w/default/series").json()
    return answer


def test_a_new_workspace_is_told_its_first_steps(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    text = client.get("/w/default").text
    assert text.count('<li class="done">') == 0
    assert "@xano/js-sdk" in text
    assert "No realtime server runs in this process" in text
    office.publish({"pattern": "chat"})
    assert client.get("/w/default").text.count('<li class="done">') == 1


def test_the_first_steps_go_away_when_they_are_done(at_live_home: Page, live: Server) -> None:
    expect(at_live_home.get_by_role("heading", name="First steps")).to_be_visible()
    token = live.api().token("bob")["token"]
    with Client(live, token).join("chat/a"):
        at_live_home.reload()
        expect(at_live_home.get_by_role("heading", name="First steps")).to_have_count(0)
    at_live_home.reload()
    expect(at_live_home.get_by_role("heading", name="First steps")).to_have_count(0)


def test_numbers_and_charts_follow_what_goes_on(at_live_home: Page, live: Server) -> None:
    with Client(live).join("chat/a") as one, Client(live).join("chat/a"):
        for _ in range(20):
            one.send("message", "chat/a", {"text": "hello"})
        until(lambda: max(numbers_of(at_live_home)["messages"], default=0), 15, "a sample with messages")
        at_live_home.reload()
        card = at_live_home.locator("#number-clients")
        expect(card.locator(".now")).to_contain_text("2")
        line = card.get_by_role("img")
        expect(line).to_have_attribute(
            "aria-label", re.compile(r"Clients, last 15 minutes: now 2, lowest \d, highest 2")
        )
        chart = at_live_home.locator('[data-chart="messages"]')
        expect(chart.locator("canvas")).to_be_visible()
        expect(chart.get_by_role("img")).to_have_attribute("aria-label", HIGHEST)
        expect(at_live_home.locator('[data-chart="median p99"] [data-at]')).to_contain_text("now")
        expect(at_live_home.locator(".busy")).to_contain_text("chat/a")
    data = numbers_of(at_live_home)
    assert len({len(column) for column in data.values()}) == 1
    assert max(value or 0 for value in data["deliveries"]) >= 2 * max(value or 0 for value in data["messages"]) * 0.9


def test_a_denial_unfolds_and_stays_unfolded(at_live_home: Page, live: Server) -> None:
    with Client(live) as client:
        client.send("join", "quiet/a", {})
        frame = client.next()
        assert frame["payload"]["code"] == "anonymous_not_allowed"
        at_live_home.reload()
        denial = at_live_home.locator(f"#denial-{frame['payload']['ref']}")
        expect(denial).to_contain_text("Anonymous clients cannot join this channel.")
        denial.locator("summary").click()
        expect(denial).to_contain_text("quiet/*")
        expect(denial).to_contain_text("neither open public messaging")
        client.send("join", HOSTILE, {})
        expect(at_live_home.locator(".denials")).to_contain_text(HOSTILE, timeout=15_000)  # which came by itself
        expect(denial).to_have_attribute("open", "")
        assert at_live_home.locator("main img").count() == 0


def test_nothing_of_another_workspace_is_shown(at_live_home: Page, live: Server) -> None:
    with Client(live, workspace="other").join("secret/a") as client:
        client.send("message", "secret/a", {"text": "hello"})
        client.send("join", "hidden/a", {})
        client.seen("secret/a")
        length = len(numbers_of(at_live_home)["at"])
        until(lambda: len(numbers_of(at_live_home)["at"]) > length + 1, 15, "two samples")
        at_live_home.reload()
        assert "secret/a" not in at_live_home.content()
        assert "hidden/a" not in at_live_home.content()
        assert numbers_of(at_live_home)["clients"][-1] == 0
    assert at_live_home.request.get("/w/other/series").status == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_it_fits_and_is_accessible_with_numbers(at_live_home: Page, live: Server, width: int, scheme: str) -> None:
    with Client(live).join("chat/a") as client:
        client.send("message", "chat/a", {"text": "hello"})
        client.send("join", "x" * 255, {})
        at_live_home.set_viewport_size({"width": width, "height": 800})
        at_live_home.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        at_live_home.reload()
        expect(at_live_home.locator("#charts canvas")).to_have_count(6)
        at_live_home.locator(".denials summary").first.click()
        assert at_live_home.evaluate(OVERFLOW) <= 0
        at_live_home.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
        assert at_live_home.evaluate(AXE) == []


def test_charts_take_the_colours_of_the_scheme(at_live_home: Page, live: Server) -> None:
    at_live_home.emulate_media(color_scheme="light")
    at_live_home.reload()
    canvas = at_live_home.locator('[data-chart="clients"] canvas')
    until(lambda: numbers_of(at_live_home)["at"], 15, "a sample")
    expect(at_live_home.locator('[data-chart="clients"] [data-at]')).to_contain_text("now")
    pixels = "c => c.toDataURL()"
    light = canvas.evaluate(pixels)
    at_live_home.emulate_media(color_scheme="dark")
    until(lambda: canvas.evaluate(pixels) != light, 5, "another colour")


def test_a_server_that_went_away_is_told(browser: Browser, live: Server) -> None:
    # Not a quiet page: the browser itself reports the addresses that do not answer.
    context = browser.new_context(base_url=f"http://127.0.0.1:{live.port}")
    page = sign_in(context.new_page())
    page.route("**/series", lambda route: route.abort())
    expect(page.locator("#charts [data-state]")).to_contain_text("does not answer", timeout=15_000)
    page.unroute("**/series")
    expect(page.locator("#charts [data-state]")).not_to_contain_text("does not answer", timeout=15_000)
    context.close()


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    drawn = sparkline([(0, 1.0), (5, 2.0), (10, None), (15, 2.0)], 20)
    assert drawn.line.count("M") == 2
    assert drawn.line.endswith("h0"), "a point alone is a dot"
    assert sparkline([], 20).line == ""
    flat = sparkline([(0, 0.0), (20, 0.0)], 20)
    assert flat.line == f"M0.0,{HEIGHT - 1.5} 180.0,{HEIGHT - 1.5}"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("clients", 1234, "1,234"),
        ("messages", 0.0, "0"),
        ("messages", 0.25, "0.2"),
        ("messages", 12_345.6, "12,346"),
        ("p99", None, "–"),
        ("p99", 0.00042, "0.4 ms"),
        ("p99", 0.0426, "43 ms"),
        ("p99", 1.25, "1.2 s"),
    ],
)
def test_numbers_are_written_for_a_glance(name: str, value: float | None, text: str) -> None:
    assert written(name, value) == text


def test_the_series_is_plain_json() -> None:
    document = series_document([Sample(1.25, 2, 1, 0.333333, 4.0, 0.0, None, 0.0015)])
    assert json.loads(json.dumps(document)) == {
        "at": [1.2], "clients": [2], "channels": [1], "messages": [0.33], "deliveries": [4.0], "denials": [0.0],
        "median": [None], "p99": [1.5],
    }  # fmt: skip
