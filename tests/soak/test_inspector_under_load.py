"""Five thousand messages a second for a minute, with the inspector in Chromium: it stays usable, bounded and exact."""

# ruff: noqa: F811  (fixtures that are imported)

import itertools
import os
import time
from collections.abc import Iterator
from statistics import quantiles
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect

from tests.pages.conftest import browser, front_end, playwright_driver  # noqa: F401
from tests.servers import Server, rule, serving
from tests.soak.flood import Flood
from tests.viewers import owner_of

SECONDS = min(60.0, float(os.environ.get("SOAK_SECONDS", "60")))
RATE = 5_000
REACTS = 0.2
"""Seconds in which nineteen of twenty inputs have been handled and drawn."""
LINES_MOST = 500
HEAP_GROWTH = 4 * 1024 * 1024
"""Bytes by which the page's heap may differ after a garbage collection."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(int(SECONDS) + 180)]

WATCHING = """() => {
  window.reactions = [];
  window.shown = 0;
  window.most = 0;
  // From the input itself, as the browser took it in, until what it changed has been drawn.
  const measure = (event) =>
    requestAnimationFrame(() => {
      const drawn = new MessageChannel();
      drawn.port1.onmessage = () => window.reactions.push([event.type, performance.now() - event.timeStamp]);
      drawn.port2.postMessage(0);
    });
  for (const type of ["keydown", "click"]) addEventListener(type, measure, { capture: true });
  const list = document.querySelector(".lines");
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes)
      for (const node of addedNodes) if (!node.matches(".gap")) window.shown += 1;
    window.most = Math.max(window.most, list.childElementCount);
  }).observe(list, { childList: true });
}"""

TALLY = """() => {
  const number = (text) => Number((text ?? "0").replaceAll(",", ""));
  const words = document.querySelector("[data-left-out]").textContent;
  return {
    messages: number(document.querySelector("[data-number=messages]").textContent),
    deliveries: number(document.querySelector("[data-number=deliveries]").textContent),
    left_out: number(words.match(/([\\d,]+) lines? left out/)?.[1]),
    missed: number(words.match(/([\\d,]+) missed/)?.[1]),
    shown: window.shown,
  };
}"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        server.publish(rule("flood/*", "A M"))
        yield server
        assert server.log == ""


@pytest.fixture
def page(server: Server, browser: Browser, front_end: object) -> Iterator[Page]:
    address = f"http://127.0.0.1:{server.port}"
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    name, _, value = owner_of(server).partition("=")
    context.add_cookies([{"name": name, "value": value, "url": address}])
    page = context.new_page()
    reports: list[str] = []
    page.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: reports.append(str(error)))
    yield page
    context.close()
    assert reports == []


def test_the_page_stays_usable_bounded_and_exact(server: Server, page: Page) -> None:
    with Flood(server) as flood:
        page.goto("/w/default/inspector")
        expect(page.locator("[data-state]")).to_contain_text("Live")
        page.evaluate(WATCHING)
        flood.pace(RATE * 102 // 100, SECONDS)
        devtools = page.context.new_cdp_session(page)
        settled: dict[str, float] = {}
        began = time.monotonic()
        for number in itertools.count():
            use(page, number)
            if not settled and time.monotonic() - began > SECONDS / 3:
                settled = memory(devtools)
            if flood.is_done:
                break
        done = flood.result()
        assert done["sent"] / done["seconds"] >= RATE
        tells_exactly(page, done["sent"])
        reacts_in_time(page.evaluate("reactions"))
        assert page.evaluate("most") <= LINES_MOST
        now = memory(devtools)
        assert now["JSHeapUsedSize"] - settled["JSHeapUsedSize"] < HEAP_GROWTH
        assert now["Nodes"] < settled["Nodes"] * 1.25


def use(page: Page, number: int) -> None:
    """What somebody does who looks for something: type into the filter, pause, choose a line, go on."""
    field = page.get_by_label("Channel or pattern")
    field.focus()
    page.keyboard.type("flood")
    for _ in range(5):
        page.keyboard.press("Backspace")
    page.locator("[data-pause]").click()
    expect(page.locator("[data-pause]")).to_have_text("Resume")
    line = page.locator(".lines a.line").nth(-1 - number % 7)
    chosen = line.get_attribute("data-id")
    line.click()
    expect(page.locator("#look")).to_contain_text(f"Reference {chosen}")
    page.locator("[data-pause]").click()
    page.locator(".lines-box").click(position={"x": 200, "y": 200})  # whatever line is there as they pass


def tells_exactly(page: Page, sent: int) -> None:
    """What is shown, left out and missed adds up to what was sent; so do the numbers above."""
    page.wait_for_function(f"() => ({TALLY})().messages === {sent}")
    tally: dict[str, int] = page.evaluate(TALLY)
    assert (tally["messages"], tally["deliveries"]) == (sent, 2 * sent)
    assert tally["shown"] + tally["left_out"] + tally["missed"] == sent, tally
    assert tally["left_out"] > sent / 2, tally


def reacts_in_time(reactions: list[tuple[str, float]]) -> None:
    for kind in ("keydown", "click"):
        took = [milliseconds / 1000 for what, milliseconds in reactions if what == kind]
        assert len(took) >= SECONDS / 2
        slowest = quantiles(took, n=20)[-1]
        print(
            f"{kind}: 95 of 100 within {slowest * 1000:.0f} ms, the slowest {max(took) * 1000:.0f} ms, of {len(took)}"
        )
        assert slowest <= REACTS


def memory(devtools: CDPSession) -> dict[str, float]:
    """Numbers of the page after a garbage collection."""
    devtools.send("Performance.enable")
    devtools.send("HeapProfiler.collectGarbage")
    metrics: dict[str, Any] = devtools.send("Performance.getMetrics")
    found = {metric["name"]: metric["value"] for metric in metrics["metrics"]}
    print(f"heap {found['JSHeapUsedSize'] / 1e6:.1f} MB, {found['Nodes']:.0f} nodes")
    return found
