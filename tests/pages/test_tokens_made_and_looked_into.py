"""Minting, looking into, finding and revoking tokens on their page."""

import json
import re
import shlex
from collections.abc import Callable
from html import unescape

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from webapp.models import Action, RoleName
from webapp.services import audit, tokens, workspaces

from .conftest import Office

SignIn = Callable[..., FlaskClient]
PAGE = "/w/default/tokens"
GRANTS = {"resources": {"channels": {"chat/a": ["read"]}}}


def post(client: FlaskClient, what: str, **fields: str) -> tuple[int, str]:
    answer = client.post(f"{PAGE}/{what}", data=fields | {"csrf_token": client.token})  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def error_beside(html: str, field: str) -> str:
    found = re.search(rf'id="{field}-error">(.*?)</p>', html, re.DOTALL)
    assert found is not None, field
    return found[1]


def minted_token(html: str) -> str:
    return re.findall(r"<code>(eyJ[\w.-]+)</code>", html)[0]


def test_all_that_the_form_says_is_in_the_token(signed_in: SignIn, office: Office) -> None:
    code, html = post(
        signed_in(RoleName.EDITOR), "mint", sub=" 42 ", extras='{"name": "Ada"}', authorized_channels="chat/*, news",
        ttl="3600", lifetime="90m", dbo_id="3", row_id="7", grants=json.dumps(GRANTS), claims='{"iss": "me"}',
    )  # fmt: skip
    assert code == 200
    with office.app.app_context():
        claims = dict(tokens.inspect(office.workspace, minted_token(html)).claims)
    assert claims["exp"] - claims["iat"] == 5400
    expected = {"sub": "42", "extras": {"name": "Ada"}, "authorized_channels": ["chat/*", "news"], "dbo_id": 3,
                "row_id": 7, "grants": GRANTS, "iss": "me"}  # fmt: skip
    assert {name: claims[name] for name in expected} == expected


def test_the_code_beside_it_asks_for_the_same(signed_in: SignIn) -> None:
    html = post(signed_in(), "mint", sub="it's", ttl="900", grants=json.dumps(GRANTS))[1]
    call = unescape(re.findall(r"<code>(curl.*?)</code>", html, re.DOTALL)[0])
    words = shlex.split(call.replace("\\\n", ""))
    assert json.loads(words[words.index("-d") + 1]) == {"sub": "it's", "ttl": 900, "grants": GRANTS}
    assert words[-1] == "http://localhost/api/v1/workspaces/default/tokens"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sub", "x" * 256, "At most 255"), ("sub", "a\x00b", "control characters"),
        ("extras", "[1", "not JSON"), ("extras", "[]", "Expected an object"),
        ("extras", "x" * 70_000, "At most 65,536"),
        ("extras", '{"a": NaN}', "written as JSON"), ("extras", json.dumps({"a": "x" * 8000}), "travel safely"),
        ("authorized_channels", "foo*bar, *x", "whole segment"), ("ttl", "77", "Not a valid choice"),
        ("lifetime", "soon", "Expected a number"), ("lifetime", "0", "Expected a whole number"),
        ("lifetime", "9999999999d", "Expected a whole number"), ("dbo_id", "-1", "from 0"), ("row_id", "x", "integer"),
        ("row_id", "9" * 30, "from 0"), ("grants", '{"x": 1}', "unknown field"), ("grants", "{" * 9000, "not JSON"),
        ("claims", '{"sub": "x"}', "a field of its own"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field_and_is_kept(
    signed_in: SignIn, office: Office, field: str, value: str, message: str
) -> None:
    code, html = post(signed_in(), "mint", **{"ttl": "3600", "claims": '{"kept": 1}', field: value})
    assert code == 422
    assert message in unescape(error_beside(html, field))
    assert field == "claims" or "&#34;kept&#34;: 1" in html
    with office.app.app_context():
        assert tokens.minted(office.workspace) == []


def test_a_token_is_put_into_words(signed_in: SignIn, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True, "client_public_messaging": True})
    client = signed_in(RoleName.VIEWER)
    with office.app.app_context():
        token = tokens.mint(
            office.workspace, sub="<42>", authorized_channels=["chat/*"], ttl=7230, author="ada", source="cli"
        ).token
    code, html = post(client, "inspect", token=f"Bearer {token}", channel="chat/a")
    assert code == 200
    for words in (
        "accepted",
        "&lt;42&gt;",
        "in 2 hours",
        "chat/*",
        "HS256",
        "The rule for <code>chat/*</code> decides",
    ):
        assert words in html
    assert html.count("<summary>") >= 11
    assert "Revoke" not in html  # a viewer may not
    denied = post(client, "inspect", token=token, channel="news")[1]
    assert "channel_not_authorized" in denied


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [({}, "token", "Paste a token"), ({"token": "x" * 70_000}, "token", "At most"),
     ({"token": "x", "channel": "a\x01"}, "channel", "control characters")],
)  # fmt: skip
def test_what_can_not_be_looked_into_is_told(
    signed_in: SignIn, fields: dict[str, str], field: str, message: str
) -> None:
    code, html = post(signed_in(), "inspect", **fields)
    assert (code, message in error_beside(html, field)) == (422, True)


@pytest.mark.parametrize("token", ["x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.", "\u00e9" * 50])
def test_a_stranger_s_token_does_no_harm(signed_in: SignIn, token: str) -> None:
    code, html = post(signed_in(), "inspect", token=token)
    assert (code, "not accepted" in html) == (200, True)


def test_half_a_character_in_a_token_can_be_shown(signed_in: SignIn, office: Office) -> None:
    """A claim may hold half of a surrogate pair, which no page can carry; showing it ended in an error once."""
    import jwt

    token = jwt.encode({"sub": "x", "extras": {"a": "\ud800"}, "grants": {"\ud800": 1}}, "k" * 40)
    code, html = post(signed_in(), "inspect", token=token)
    assert (code, "\\ud800" in html) == (200, True)


def test_a_pasted_token_is_revoked_by_itself(signed_in: SignIn, office: Office) -> None:
    client = signed_in(RoleName.EDITOR)
    with office.app.app_context():
        minted = tokens.mint(office.workspace, sub="42", author="ada", source="cli")
    assert "Revoke" in post(client, "inspect", token=minted.token)[1]
    assert post(client, "revoke", token=minted.token)[0] == 303
    assert "token_revoked" in post(client, "inspect", token=minted.token)[1]
    post(client, "revoke", token=minted.token)
    with office.app.app_context():
        entries = [e for e in audit.entries(office.workspace.id) if e.action == "token:revoke"]
        assert [(e.after["jti"], e.actor, e.address) for e in entries] == [(minted.jti, "editor1", "127.0.0.1")]


def test_a_token_of_another_workspace_can_not_be_revoked_here(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    with office.app.app_context():
        other = workspaces.create("second", "Second", author="t", source="cli")
        theirs = tokens.mint(other, sub="42", author="t", source="cli")
    code, html = post(client, "revoke", token=theirs.token)
    assert (code, "not accepted anyway" in error_beside(html, "jti")) == (422, True)
    with office.app.app_context():
        assert tokens.inspect(other, theirs.token).valid


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [({"jti": ""}, "jti", "can't be empty"), ({"jti": "x" * 256}, "jti", "At most 255"),
     ({"jti": "a\x00"}, "jti", "control characters"), ({"jti": "x", "reason": "y" * 201}, "reason", "At most 200"),
     ({"token": "nonsense"}, "jti", "not accepted anyway")],
)  # fmt: skip
def test_what_can_not_be_revoked_is_told_beside_the_field(
    signed_in: SignIn, office: Office, fields: dict[str, str], field: str, message: str
) -> None:
    code, html = post(signed_in(), "revoke", **fields)
    assert (code, message in unescape(error_beside(html, field))) == (422, True)
    with office.app.app_context():
        assert audit.entries(office.workspace.id, action=Action.TOKEN_REVOKE) == []


def test_tokens_are_found_and_paged(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    with office.app.app_context():
        for number in range(60):
            tokens.mint(office.workspace, sub=f"user{number:02}", author="ada", source="cli")
    html = client.get(PAGE).text
    assert ("60 tokens" in html, "Page 1 of 2" in html, "user00" in html) == (True, True, False)
    assert "user00" in client.get(f"{PAGE}?page=2").text
    found = client.get(f"{PAGE}?q=USER07").text
    assert ("1 token found" in found, "user08" in found) == (True, False)
    assert "None with this" in client.get(f"{PAGE}?q=nobody").text
    assert client.get(f"{PAGE}?page=x&q=%00").status_code == 200


def test_from_the_form_to_the_token_to_what_it_may_do(at_home: Page, office: Office) -> None:
    office.publish({"pattern": "chat", "wildcard": True, "client_public_messaging": True})
    at_home.goto(PAGE)
    at_home.get_by_label("User id").fill("42")
    at_home.get_by_label("Only on these channels").fill("chat/*")
    at_home.get_by_text("More: row in Xano").click()
    at_home.get_by_label("Grants").fill("{")
    at_home.get_by_role("button", name="Mint token").click()
    expect(at_home.locator("#grants-error")).to_be_visible()
    at_home.get_by_label("Grants").fill("")
    at_home.get_by_role("button", name="Mint token").click()
    expect(at_home.locator("#minted")).to_contain_text("42")
    token = at_home.locator(".made code").nth(1).inner_text()
    at_home.get_by_label("Token", exact=True).fill(token)
    at_home.get_by_label("What may it do on channel").fill("chat/a")
    at_home.get_by_role("button", name="Look inside").click()
    expect(at_home.locator("#inspect")).to_contain_text("User 42")
    expect(at_home.locator("#inspect .verdicts > li").first).to_contain_text("Join")
    at_home.get_by_role("button", name="Explain a client with it").click()
    expect(at_home.get_by_role("heading", name="On chat/a")).to_be_visible()
    at_home.go_back()
    at_home.get_by_label("Find a token").fill("nobody")
    expect(at_home.locator("#minted")).to_contain_text("None with this")
    at_home.get_by_label("Find a token").fill("42")
    at_home.locator("#minted summary").click()
    at_home.locator("#minted").get_by_role("button", name="Revoke").click()
    expect(at_home.locator("#notices")).to_contain_text("The token is revoked")


def test_a_script_in_a_token_is_inert(at_home: Page) -> None:
    at_home.goto(PAGE)
    at_home.get_by_label("Extras").fill("[1]")
    at_home.get_by_role("button", name="Mint token").click()
    expect(at_home.locator("#extras-error")).to_contain_text("Expected an object")
    at_home.get_by_label("User id").fill("u1")
    at_home.get_by_label("Extras").fill('{"name": "</code><img src=x onerror=alert(1)>"}')
    at_home.get_by_role("button", name="Mint token").click()
    token = at_home.locator("#mint pre").first.inner_text()
    at_home.get_by_label("Token", exact=True).fill(token)
    at_home.get_by_role("button", name="Look inside").click()
    expect(at_home.locator("#inspect .verdict")).to_have_text("accepted")
    expect(at_home.locator("#inspect pre").first).to_contain_text("<img src=x")


def test_a_minted_token_is_listed_at_once(at_home: Page) -> None:
    at_home.goto(PAGE)
    at_home.get_by_label("User id").fill("u7")
    at_home.get_by_role("button", name="Mint token").click()
    listed = at_home.locator("#minted")
    expect(listed.locator("tbody tr")).to_have_count(1)
    expect(listed).to_contain_text("u7")
    listed.get_by_text("Revoke…").click()
    listed.get_by_role("button", name="Revoke").click()
    expect(listed).to_contain_text("revoked")
