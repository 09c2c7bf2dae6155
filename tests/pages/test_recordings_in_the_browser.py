"""Recordings of a running server in a browser: begun with the inspector's filter, watched, stopped, opened again, and
brought as a file to show the same."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Connect, connecting, settle

from .conftest import ROOT
from .test_pages_fit_and_are_accessible import AXE, OVERFLOW

RULES = (rule("chat/*", "A M P V"), rule("news", "A"))
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7+7}}\u202e"
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        server.publish(*RULES)
        server.call("capture", seconds=3_600)
        yield server


@pytest.fixture
def connect(running: Server) -> Iterator[Connect]:
    with connecting(running) as connect:
        yield connect


@pytest.fixture
def page(running: Server, browser: Browser, front_end: object) -> Iterator[Page]:
    """A developer's page; whatever it reports on its console fails the test."""
    address = f"http://127.0.0.1:{running.port}"
    context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    cookie = running.call("sign_in", username=f"dev{next(numbers)}", role="developer")
    context.add_cookies([{"name": "tidegate", "value": cookie, "url": address}])
    page = context.new_page()
    reports: list[str] = []
    page.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: reports.append(str(error)))
    page.on("dialog", lambda dialog: reports.append(f"dialog: {dialog.message}"))
    yield page
    context.close()
    assert [report for report in reports if "status of 422" not in report] == []


@pytest.fixture
def stored(running: Server, connect: Connect) -> int:
    """A recording that has ended, of 250 messages, some refused, with hostile names in it."""
    number: int = running.call("record", title=HOSTILE[:100])
    one, two = connect(), connect(running.token(HOSTILE, extras={HOSTILE: HOSTILE}))
    for client in (one, two):
        client.join("chat/a")
        client.sync()
    for n in range(250):
        one.say("chat/a", {"n": n, "text": HOSTILE})
    for n in range(5):
        two.say("news", {"n": n, "text": HOSTILE})
    two.say(f"chat/{HOSTILE}", "not joined")
    settle(one, two)
    running.call("stop_recording", number=number)
    return number


def lines(page: Page) -> Locator:
    return page.locator(".lines a.line")


def told(found: Locator) -> list[str]:
    """What lines say, whatever space is between their parts."""
    return [re.sub(r"\s+", "", text) for text in found.all_text_contents()]


def way(page: Page) -> list[str]:
    """What the right pane says of a message, without the time at which the page was made."""
    expect(page.locator("#look .particulars").first).to_be_visible()
    found = page.locator("#look :is(.look-head h2, .route, .trail, .json, .particulars, .raw, footer)")
    return [re.sub(r"\s+", " ", text) for text in found.all_text_contents()]


def test_it_is_begun_from_the_inspector_watched_and_stopped(page: Page, connect: Connect) -> None:
    page.goto("/w/default/inspector?channel=chat/*&verdict=denied")
    page.get_by_role("link", name="Record", exact=True).click()
    expect(page.get_by_label("Channel")).to_have_value("chat/*")
    page.get_by_label("Name").fill("Refused in chats")
    page.get_by_role("button", name="Start recording").click()
    row = page.locator("tr").filter(has_text="Refused in chats")
    expect(row).to_contain_text("recording")
    expect(row).to_contain_text("verdict denied")
    client = connect()
    client.say("chat/a", "not joined")
    client.say("news", "not taken by the filter")
    client.sync()
    cells = row.locator("td.num")
    expect(cells.first).to_have_text("1")
    row.get_by_role("button", name="Stop").click()
    expect(row).to_contain_text("stopped")
    row.locator("summary").click()
    expect(row).to_contain_text("Deletes 1 line,")
    row.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted: Refused in chats.")).to_be_visible()
    expect(row).to_have_count(0)


def test_a_row_follows_a_recording_that_ends_by_itself(page: Page, running: Server) -> None:
    number = running.call("record", title="Watched")
    page.goto("/w/default/inspector/recordings")
    row = page.locator(f"#recording-{number}")
    expect(row.get_by_role("button", name="Stop")).to_be_visible()
    running.call("stop_recording", number=number)
    expect(row).to_contain_text("stopped")
    expect(row.get_by_role("button", name="Stop")).to_have_count(0)


def test_recorded_and_brought_show_what_the_live_page_shows(
    page: Page, stored: int, running: Server, tmp_path: Path
) -> None:
    page.goto(f"/w/default/inspector/recordings/{stored}/open?verdict=denied")
    recorded = told(lines(page))
    ids = [line.get_attribute("data-id") for line in lines(page).all()]
    assert len(ids) == 6
    ways = {}
    for n in (0, 5):
        lines(page).nth(n).click()
        expect(page.locator("#look footer")).to_contain_text(ids[n] or "")
        ways[n] = way(page)
        assert "selected=" in page.url
    page.reload()
    expect(page.locator("#look footer")).to_contain_text(ids[5] or "")
    assert way(page) == ways[5]
    for n in (0, 5):
        page.goto(f"/w/default/inspector?selected={ids[n]}&verdict=denied")
        assert way(page) == ways[n]
    live = page.locator(f".lines a.line[data-id='{ids[5]}']")
    expect(live).to_have_count(1)
    assert told(live) == recorded[5:]

    page.goto("/w/default/inspector/recordings")
    with page.expect_download() as download:
        page.locator(f"#recording-{stored} a[download]").click()
    file = tmp_path / download.value.suggested_filename
    assert re.fullmatch(rf"default-recording-{stored}-[a-z0-9-]+\.jsonl", file.name)
    download.value.save_as(file)
    assert file.read_bytes() == (running.instance / "recordings" / f"{stored}.jsonl").read_bytes()
    bring(page, file)
    page.locator("select[name=verdict]").select_option("denied")
    expect(lines(page)).to_have_count(6)
    assert told(lines(page)) == recorded
    for n in (0, 5):
        lines(page).nth(n).click()
        expect(page.locator("#look footer")).to_contain_text(ids[n] or "")
        assert way(page) == ways[n]
    page.locator("#look").get_by_role("link", name="Close").click()
    expect(page.locator("#look")).not_to_be_visible()
    expect(lines(page)).to_have_count(6)


def bring(page: Page, file: Path) -> None:
    page.goto("/w/default/inspector/recordings/file")
    page.locator("#file").set_input_files(file)
    expect(page.locator("#lines")).to_have_attribute("data-lines", re.compile("."))


def test_pages_are_turned_in_both_directions(page: Page, stored: int, running: Server) -> None:
    def ids(expected: int) -> list[str | None]:
        expect(lines(page)).to_have_count(expected)
        return [line.get_attribute("data-id") for line in lines(page).all()]

    def follow(name: str) -> None:
        with page.expect_navigation():
            page.get_by_role("link", name=name, exact=True).click()

    page.goto(f"/w/default/inspector/recordings/{stored}/open")
    seen = ids(100)
    for expected in (100, 60):
        follow("Later")
        seen += ids(expected)
    assert len(set(seen)) == 260
    expect(page.get_by_role("link", name="Later", exact=True)).to_have_count(0)
    follow("Earlier")
    assert ids(100) == seen[100:200]
    follow("First")
    assert ids(100) == seen[:100]
    follow("Last")
    assert ids(100) == seen[160:]

    bring(page, running.instance / "recordings" / f"{stored}.jsonl")
    state = page.locator("[data-state]")
    brought = []
    for first, last, expected in ((1, 101, 100), (102, 201, 100), (202, 262, 60)):
        expect(state).to_contain_text(f"Lines {first} to {last} of the file")
        brought += ids(expected)
        if last < 262:
            page.get_by_role("button", name="Later", exact=True).click()
    assert brought == seen
    expect(page.get_by_role("button", name="Later", exact=True)).to_be_disabled()
    for name, first in (("Earlier", 102), ("Earlier", 1)):
        page.get_by_role("button", name=name, exact=True).click()
        expect(state).to_contain_text(f"Lines {first} to")
        assert ids(100) == seen[first - 1 - (first > 1) :][:100]


def test_a_brought_file_that_is_damaged_says_in_which_line(
    page: Page, stored: int, running: Server, tmp_path: Path
) -> None:
    whole = (running.instance / "recordings" / f"{stored}.jsonl").read_bytes().splitlines(keepends=True)
    hostile = json.loads(whole[1])
    hostile["line"]["verdict"] = hostile["route"]["line"]["verdict"] = "x' onclick='alert(1)"
    for name, content, told in (
        ("cut", b"".join(whole[:3]) + whole[3][:-20], "it was cut off there"),
        ("damaged", b"".join(whole[:3]) + json.dumps(hostile).encode() + b"\n", "Line 4 is no line of a recording"),
        ("other", b'{"name": "<img src=x onerror=alert(1)>"}\n', "Line 1 is no line of a recording"),
        ("empty", b"", "This file is empty"),
        ("half", b"no end", "No whole line"),
        ("binary", bytes(range(256)) * 10, "Line 1 is no line of a recording"),
        ("large", b'{"line": "' + b"x" * 4_000_000 + b'"}\n', "Line 1 is too large to be shown"),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        page.goto("/w/default/inspector/recordings/file")
        page.locator("#file").set_input_files(file)
        expect(page.locator(".panes")).to_contain_text(told)
        expect(page.get_by_role("button", name="Later")).to_be_disabled()
        assert page.locator("img[src=x]").count() == 0
    assert not any("brought" in path.name for path in running.instance.rglob("*"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_are_accessible(page: Page, stored: int, running: Server, scheme: str) -> None:
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    place = (running.instance / "recordings" / f"{stored}.jsonl").read_bytes().index(b"\n") + 1
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    opened = f"/w/default/inspector/recordings/{stored}/open"
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for path in (
            "/w/default/inspector/recordings?channel=" + "x" * 255,
            opened,
            f"{opened}?selected={place}",
            f"{opened}?user=nobody",
            "file",
        ):
            if path == "file":
                bring(page, running.instance / "recordings" / f"{stored}.jsonl")
                lines(page).nth(3).click()
                expect(page.locator("#look .particulars").first).to_be_visible()
            else:
                page.goto(path)
            assert page.evaluate(OVERFLOW) <= 0, (path, width)
            page.evaluate(axe)
            assert page.evaluate(AXE) == [], (path, width)


def test_names_and_payloads_of_strangers_are_inert(page: Page, stored: int) -> None:
    for path in ("/w/default/inspector/recordings", f"/w/default/inspector/recordings/{stored}/open?before=99999999"):
        page.goto(path)
        assert page.evaluate("document.querySelectorAll('img[src=x], script:not([nonce])').length") == 0
        assert "<script>alert(2)</script>" in page.locator("main").inner_text()
    lines(page).last.click()
    until(lambda: "<script>alert(2)</script>" in page.locator("#look").inner_text())
    assert page.evaluate("document.querySelectorAll('img[src=x], script:not([nonce])').length") == 0
