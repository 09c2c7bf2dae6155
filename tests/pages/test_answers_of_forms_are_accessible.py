"""What forms answer below themselves: nothing overflows on a phone, and axe reports nothing serious."""

import pytest
from playwright.sync_api import Page, expect

from .conftest import ROOT, Office
from .test_pages_fit_and_are_accessible import AXE, OVERFLOW

TOKENS = "/w/default/tokens"


def check(page: Page) -> None:
    page.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    assert page.evaluate(AXE) == []
    assert page.evaluate(OVERFLOW) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_minted_inspected_revealed_explained(at_home: Page, office: Office, scheme: str) -> None:
    office.publish({"pattern": "chat", "wildcard": True, "client_public_messaging": True})
    at_home.set_viewport_size({"width": 390, "height": 844})
    at_home.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    at_home.goto(TOKENS)
    at_home.get_by_label("User id").fill("42")
    at_home.get_by_role("button", name="Mint token").click()
    at_home.get_by_text("The same as code").click()
    token = at_home.locator(".made .copyable code").first.inner_text()
    at_home.get_by_label("Token", exact=True).fill(token)
    at_home.get_by_label("What may it do on channel").fill("x" * 255)
    at_home.get_by_role("button", name="Look inside").click()
    expect(at_home.locator("#inspect")).to_contain_text("User 42")
    check(at_home)
    at_home.get_by_role("button", name="Explain a client with it").click()
    at_home.get_by_role("button", name="Join: allowed").focus()
    expect(at_home.locator(".on-channel")).to_be_visible()
    check(at_home)
    at_home.goto(f"{TOKENS}/signing")
    at_home.locator("summary", has_text="Reveal").click()
    at_home.get_by_role("button", name="Reveal").click()
    expect(at_home.locator(".made")).to_be_visible()
    at_home.locator("summary", has_text="Switch off").click()
    check(at_home)
