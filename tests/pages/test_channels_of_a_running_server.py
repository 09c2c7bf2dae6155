"""The channels' pages of a server that runs: live numbers, open channels beside the form, what a switch will hit."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Connect, connecting, settle

from .conftest import PASSWORD

RULES = (rule("chat/*", "A M Ma P"), rule("chat/staff", "M Ma"), rule("*", ""))


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        yield server


@pytest.fixture
def connect(running: Server) -> Iterator[Connect]:
    running.publish(*RULES)
    with connecting(running) as connect:
        yield connect


@pytest.fixture(scope="module")
def owner(running: Server, browser: Browser, front_end: object) -> Iterator[Page]:
    context = browser.new_context(base_url=f"http://127.0.0.1:{running.port}", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(running.call("setup_link"))
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, repeated").fill(PASSWORD)
    page.get_by_role("button", name="Create owner").click()
    page.wait_for_url("**/w/default")
    yield page
    context.close()


@pytest.fixture
def clients(running: Server, connect: Connect) -> list[Client]:
    """Two anonymous clients and one with a token in `chat/a`, that one in `chat/staff` too."""
    found = [connect(), connect(), connect(running.token("u1"))]
    for client in found:
        client.join("chat/a")
    found[2].join("chat/staff")
    settle(*found)
    return found


def row(page: Page, text: str) -> str:
    found = page.locator("table.rules tbody tr").filter(has=page.get_by_role("switch", name=f"Rule {text}", exact=True))
    return re.sub(r"\s+", " ", found.inner_text())


def test_live_numbers_come_by_themselves_and_leave_the_focus(
    owner: Page, running: Server, clients: list[Client]
) -> None:
    owner.goto("/w/default/channels")
    assert "3 clients 1 channel" in row(owner, "chat/*")
    assert "1 client 1 channel" in row(owner, "chat/staff")
    assert "client" not in row(owner, "*")
    search = owner.get_by_role("searchbox", name="Find a rule")
    search.focus()
    with owner.expect_response(re.compile("/live")):
        pass
    for _ in range(20):
        clients[2].say("chat/a", {"x": 1})
    settle(*clients)
    clients[0].leave()
    cells = owner.locator("table.rules tbody tr").filter(has_text="chat/*")
    expect(cells.locator(".here")).to_have_text(re.compile("2 clients"), timeout=15_000)
    expect(cells.locator(".rate")).to_have_text(re.compile(r"^[1-9]"), timeout=15_000)
    expect(search).to_be_focused()


def test_the_form_names_the_open_channels_that_it_gains_and_loses(
    owner: Page, running: Server, clients: list[Client]
) -> None:
    owner.goto("/w/default/channels/edit?target=chat/*&nested=1")
    tally, listed = owner.locator(".tally"), owner.locator(".open-channels")
    expect(tally).to_contain_text("decides for 1 channel, 3 clients")
    expect(tally).to_contain_text("covers, but others decide for 1 channel, 1 client")
    owner.get_by_label("Channel name").fill("chat/b/*")
    expect(tally).to_contain_text("would no longer decide for 1 channel, 3 clients")
    expect(listed.locator("li").filter(has_text="chat/a")).to_contain_text("* decides")
    owner.goto("/w/default/channels/new")
    owner.get_by_label("Channel name").fill("chat/a")
    expect(tally).to_contain_text("would newly decide for 1 channel, 3 clients")


def test_a_switch_says_whom_it_takes_out_and_does_just_that(
    owner: Page, running: Server, clients: list[Client]
) -> None:
    owner.goto("/w/default/channels")
    owner.get_by_role("switch", name="Rule chat/*").click()
    owner.get_by_role("link", name="publish now… the switch of chat/*").click()
    expect(owner.locator(".consequences").first).to_contain_text("Takes 2 clients out of 1 channel")
    expect(owner.locator(".consequences").first).to_contain_text("For 1 client who stay")
    expect(owner.locator("#preview")).to_contain_text("2 clients taken out of 1 channel")
    owner.get_by_role("button", name="Switch off and publish").click()
    expect(owner.locator("#notices")).to_contain_text("2 clients were taken out of 1 channel")
    for client in clients[:2]:
        assert client.error()["code"] == "anonymous_not_allowed"
    expect(owner.locator("#draft-bar")).to_be_hidden()
    assert running.call("versions")["active"] > 1


def test_deleting_says_whom_it_would_take_out_and_takes_nobody_out_yet(
    owner: Page, running: Server, clients: list[Client]
) -> None:
    owner.goto("/w/default/channels/delete?target=chat/*&nested=1")
    expect(owner.locator(".consequences").first).to_contain_text("Takes 2 clients out of 1 channel")
    owner.get_by_role("button", name="Delete in the draft").click()
    expect(owner.locator("tr.deleted")).to_contain_text("deleted in the draft")
    assert len(running.call("clients")) == 3
    assert all("chat/a" in client["channels"] for client in running.call("clients"))
    owner.get_by_role("button", name="Take back").click()
    expect(owner.locator("tr.deleted")).to_have_count(0)
