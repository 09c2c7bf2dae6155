"""Security headers, the names of htmx 4's headers, and that pages hold nothing the policy would have to allow."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.web.htmx import htmx

from .conftest import ROOT, Office

TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def test_policy_allows_no_inline_script_or_style(client: FlaskClient) -> None:
    policies = [client.get("/sign-in").headers["Content-Security-Policy"] for _ in range(2)]
    assert policies[0] != policies[1]
    assert "unsafe" not in policies[0]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policies[0]


def test_pages_are_not_kept_and_not_sniffed(signed_in: Callable[..., FlaskClient]) -> None:
    headers = signed_in().get("/w/default").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_session_cookie(client: FlaskClient) -> None:
    plain = client.get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=Lax" in plain
    assert "Secure" not in plain
    assert "Secure" in client.get("/sign-in", base_url="https://localhost").headers["Set-Cookie"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_hold_no_inline_script_style_or_unsafe_text(template: object) -> None:
    text = template.read_text("utf-8")  # type: ignore[attr-defined]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|\|\s*safe|javascript:", text)
    for script in re.findall(r"<script[^>]*>", text):
        assert 'nonce="{{ csp_nonce() }}"' in script
    for element in re.findall(r"<(?!hx-)\w+[^>]*\shx-(?:get|post|put|delete)=[^>]*>", text, re.DOTALL):
        assert 'hx-nonce="{{ csp_nonce() }}"' in element


def test_icons_that_templates_use_are_in_the_sprite() -> None:
    from webapp.web.channels.glyphs import ICONS
    from webapp.web.shell import PLACES
    from webapp.web.vendor import ICONS as SPRITE

    used = {name for path in TEMPLATES for name in re.findall(r'icon\("([a-z0-9-]+)"', path.read_text("utf-8"))}
    used |= {place.icon for place in PLACES} | set(ICONS.values())
    assert used <= set(SPRITE)


def test_lock_file_names_no_download_address() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "registry" not in lock


@pytest.mark.parametrize(
    ("headers", "target", "trigger", "partial"),
    [
        ({"HX-Target": "section#rules", "HX-Source": "form#a%20b", "HX-Request-Type": "partial"}, "rules", "a b", True),
        ({"HX-Target": "body", "HX-Source": "a", "HX-Request-Type": "full"}, None, None, False),
        ({"HX-Request-Type": "partial", "HX-History-Restore-Request": "true"}, None, None, False),
        ({}, None, None, False),
    ],
)
def test_htmx_4_names_elements_as_tag_and_id(
    app: Flask, headers: dict[str, str], target: str | None, trigger: str | None, partial: bool
) -> None:
    with app.test_request_context("/", headers=headers):
        assert (htmx.target, htmx.trigger, htmx.partial) == (target, trigger, partial)


@pytest.mark.parametrize("path", ["/nothing", "/w/default/nothing", "/static/nothing.css"])
def test_missing_pages_are_told_in_the_look(client: FlaskClient, office: Office, path: str) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_our_script_is_there_before_the_first_request_of_htmx(signed_in: Callable[..., FlaskClient]) -> None:
    """Where the library came first, it sometimes sent what is due on loading without the token that ours adds."""
    page = signed_in().get("/w/default/channels").text
    assert page.index("js/app.js") < page.index("vendor/htmx.js")
