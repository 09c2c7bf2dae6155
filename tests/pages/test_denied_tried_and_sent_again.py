"""A denied message is explained, the rule fixed in a draft, the traffic tried, published, and the message delivered."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Connect, connecting, settle

from .conftest import PASSWORD, quiet_page
from .test_pages_fit_and_are_accessible import AXE, OVERFLOW

INSPECTOR = "/w/default/inspector"
HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7+7}}\u202e"
INJECTED = "document.querySelectorAll('img[src=x], script:not([nonce]):not([src]):not([type])').length"


@pytest.fixture
def running(front_end: Path) -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        server.call("capture", seconds=3600)
        yield server


@pytest.fixture
def connect(running: Server) -> Iterator[Connect]:
    with connecting(running) as connect:
        yield connect


@pytest.fixture
def owner(running: Server, browser: Browser) -> Iterator[Page]:
    with quiet_page(browser, f"http://127.0.0.1:{running.port}") as page:
        page.goto(running.call("setup_link"))
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password, repeated").fill(PASSWORD)
        page.get_by_role("button", name="Create owner").click()
        page.wait_for_url("**/w/default")
        yield page


def denied(guest: Client, channel: str = "chat/lobby", payload: object = None) -> str:
    """Have a client say something that it may not; returns the reference number that it is told."""
    guest.say(channel, payload or {"hello": "world"})
    ref: str = guest.error()["ref"]
    return ref


def test_from_the_reference_number_to_the_other_client(owner: Page, running: Server, connect: Connect) -> None:
    running.publish(rule("chat/*", "A M Ma"))
    guest, other = connect(), connect(running.token("bob"))
    for client in (guest, other):
        client.join("chat/lobby")
    settle(guest, other)
    ref = denied(guest)

    # Explained.
    owner.goto(INSPECTOR)
    owner.get_by_label("Reference number").fill(ref)
    owner.keyboard.press("Enter")
    look = owner.locator("#look")
    expect(look).to_contain_text("public messages are for authenticated senders only")
    expect(look).to_contain_text("No draft to try it with")

    # Fixed, in a draft.
    look.get_by_role("link", name="change a rule").click()
    owner.locator("table.rules a[data-row]").filter(has_text="chat").click()
    owner.get_by_label("Authenticated only").first.uncheck()
    owner.get_by_role("button", name="Save in the draft").click()

    # Tried: one flip, with both explanations.
    owner.get_by_role("link", name="Try on traffic").first.click()
    flips = owner.locator("#tried .flips > li")
    expect(owner.locator("#tried")).to_contain_text("1 decision comes out otherwise with the draft.")
    expect(flips).to_have_count(1)
    expect(flips.locator(".turn")).to_have_text(re.compile("authentication_required.*→.*allowed", re.S))
    expect(flips).to_contain_text("public messages are for authenticated senders only")
    expect(flips).to_contain_text("of version 2 decides")
    expect(flips).to_contain_text("1 anonymous client, once")
    assert other.sync() == [], "nothing is sent by trying"

    # Published.
    owner.get_by_role("link", name="Review and publish").click()
    owner.get_by_label("Why", exact=True).fill("Guests may speak")
    owner.get_by_role("button", name=re.compile("^Publish version")).click()
    expect(owner.get_by_role("heading", name="in force")).to_be_visible()

    # Sent again, and heard.
    owner.goto(f"{INSPECTOR}?selected={ref}")
    owner.get_by_role("button", name="Resend").click()
    result = owner.locator("#resent")
    expect(result).to_contain_text("Sent again")
    expect(result).to_contain_text("Delivered to 2 clients.")
    assert other.take("message")["payload"] == {"hello": "world"}
    new = result.get_by_role("link")
    new.click()
    expect(look).to_contain_text("Delivered to 2 clients.")
    expect(look).to_contain_text("by ada")
    assert owner.url.endswith(f"selected={look.locator('footer code').inner_text()}")

    # And again, with another payload.
    look.get_by_role("link", name="Edit and resend").click()
    owner.get_by_label("Payload").fill('{"hello":')
    owner.get_by_role("button", name="Send", exact=True).click()
    expect(owner.locator("#payload-error")).to_contain_text("This is not JSON")
    owner.get_by_label("Payload").fill('{"hello": "again"}')
    owner.get_by_role("button", name="Send", exact=True).click()
    expect(owner.locator("#notices")).to_contain_text("Sent again. Delivered to 2 clients.")
    assert other.take("message")["payload"] == {"hello": "again"}

    # And kept as a test.
    look.get_by_role("link", name="Save as test").click()
    owner.get_by_role("button", name=re.compile("Save")).click()
    expect(owner.locator("#tests")).to_contain_text("chat/lobby")


def test_refused_again_it_says_why(owner: Page, running: Server, connect: Connect) -> None:
    running.publish(rule("chat/*", "A"))
    guest = connect()
    guest.join("chat/lobby")
    owner.goto(f"{INSPECTOR}?selected={denied(guest)}")
    owner.get_by_role("button", name="Resend").click()
    result = owner.locator("#resent")
    expect(result).to_contain_text("public_messaging_off")
    told = guest.error()
    expect(result).to_contain_text(told["ref"])
    result.get_by_role("link").click()
    expect(owner.locator("#look")).to_contain_text(told["ref"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_full_pages_fit_and_are_accessible(
    owner: Page, running: Server, connect: Connect, front_end: Path, scheme: str
) -> None:
    long = "chat/" + "x" * 250
    running.publish(rule("*", "A M Ma X V"))
    guest, bob = connect(), connect(running.token("u" * 200, authorized_channels=["*"]))
    for client in (guest, bob):
        for channel in ("chat/lobby", long):
            client.join(channel)
    said = [denied(guest), denied(guest, long, "y" * 3000)]
    bob.say(long, {"password": "x", "text": "z" * 3000})
    settle(guest, bob)
    running.call("draft", document={"channels": [rule("*", "M Ma"), rule("chat/lobby", "M A")]})
    owner.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    axe = (front_end / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    for width in (1440, 1024, 390):
        owner.set_viewport_size({"width": width, "height": 844})
        for path in (
            "/try?within=all",
            f"/try?channel={long}&user=nobody&verdict=denied",
            f"/try?selected={said[1]}",
            f"/again/{said[1]}",
            f"?selected={said[0]}",
        ):
            owner.goto(INSPECTOR + path)
            expect(owner.locator("[aria-busy]")).to_have_count(0)
            for details in owner.locator(".flips details").all():
                details.evaluate("details => details.open = true")
            assert owner.evaluate(OVERFLOW) <= 0, (path, width)
            owner.evaluate(axe)
            assert owner.evaluate(AXE) == [], (path, width)


def test_hostile_names_and_payloads_are_inert(owner: Page, running: Server, connect: Connect) -> None:
    running.publish(rule("*", "A M Ma", description=HOSTILE))
    guest, other = connect(), connect(running.token(HOSTILE, extras={HOSTILE: HOSTILE}))
    for client in (guest, other):
        client.join(HOSTILE)
    ref = denied(guest, HOSTILE, {HOSTILE: HOSTILE})
    other.say(HOSTILE, {HOSTILE: HOSTILE, "token": HOSTILE})
    settle(guest, other)
    running.call("draft", document={"channels": [rule(HOSTILE, "A M"), rule("*", "")]})
    for path in ("/try?within=all", f"/try?selected={ref}", f"/again/{ref}", f"?selected={ref}"):
        owner.goto(INSPECTOR + path)
        expect(owner.locator("[aria-busy]")).to_have_count(0)
        assert owner.evaluate(INJECTED) == 0, path
        assert "14\u202e" not in owner.content(), path
        shown = owner.locator("main").inner_text() + owner.locator("main").evaluate(
            "main => [...main.querySelectorAll('input, textarea')].map((field) => field.value).join()"
        )
        assert "<script>alert(2)</script>" in shown, f"{path} does not show it at all"
    owner.get_by_role("button", name="Resend").click()
    expect(owner.locator("#resent")).to_contain_text("Refused")
    assert owner.evaluate(INJECTED) == 0
