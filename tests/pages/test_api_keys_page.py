"""API keys on their page: made and shown once, said in words, revoked."""

from collections.abc import Callable

from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from webapp.models import RoleName
from webapp.services import apikeys

from .conftest import Office

PAGE = "/w/default/tokens/keys"


def test_a_key_is_shown_once_and_revoked(at_home: Page) -> None:
    at_home.goto("/w/default/tokens")
    at_home.get_by_role("link", name="API keys").click()
    at_home.get_by_label("Name").fill("backend")
    at_home.get_by_role("button", name="Create key").click()
    expect(at_home.locator(".made pre")).to_contain_text("tg_")
    at_home.goto(PAGE)
    expect(at_home.locator(".made")).to_have_count(0)
    at_home.get_by_text("Revoke…").click()
    at_home.get_by_role("button", name="Revoke").click()
    expect(at_home.locator("#notices")).to_contain_text("The key is revoked")


def test_loading_again_makes_no_second_key_and_names_are_not_doubled(at_home: Page) -> None:
    at_home.goto(PAGE)
    at_home.get_by_label("Name").fill("backend")
    at_home.get_by_role("button", name="Create key").click()
    expect(at_home.locator(".made pre")).to_contain_text("tg_")
    rows = at_home.locator("section[aria-labelledby=keys-title] tbody tr")
    expect(rows).to_have_count(1)
    at_home.reload()
    expect(rows).to_have_count(1)
    expect(at_home.locator(".made")).to_have_count(0)
    at_home.get_by_label("Name").fill("backend")
    at_home.get_by_role("button", name="Create key").click()
    expect(at_home.locator("#name-error")).to_contain_text("already a key")
    expect(rows).to_have_count(1)


def test_scopes_are_said_in_words(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    with office.app.app_context():
        apikeys.create(office.workspace, "<b>backend", ["read", "tokens"], author="ada", source="cli")
    html = signed_in(RoleName.VIEWER).get(PAGE).text
    for words in ("see channels, members and history", "mint and revoke realtime tokens", "&lt;b&gt;backend", "never"):
        assert words in html
    assert "send events to channels" not in html
    assert "Revoke" not in html
