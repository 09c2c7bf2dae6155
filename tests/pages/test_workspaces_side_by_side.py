"""Several workspaces: going from one to another, making one, and nothing of one visible in another."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from tests.core.making import pattern, rule_set
from tests.sockets.live import Live
from webapp.core.documents import parse_document
from webapp.core.ruleset import Switches
from webapp.models import RoleName
from webapp.services import admins, apikeys, audit, drafts, keys, rules, ruletests, tokens, workspaces

from .conftest import PASSWORD, Office, csrf_token

SignIn = Callable[..., FlaskClient]
MARK = "private-to-a"
BY = {"author": MARK, "source": "cli"}


@dataclass(frozen=True)
class Belongings:
    """What workspace `default` has and nobody of `second` may see."""

    key_id: int
    api_key_id: int
    test_id: int
    token: str
    jti: str
    socket_id: str


@pytest.fixture
def belongings(office: Office) -> Belongings:
    with office.app.app_context():
        ours = office.workspace
        parsed = parse_document({"channels": [{"pattern": MARK, "wildcard": True, "description": MARK}]})
        rules.publish(ours, parsed.rules, reason=MARK, **BY)
        drafts.set_switches(ours, Switches(strict_anonymous=True), author=MARK)
        minted = tokens.mint(ours, sub=MARK, **BY)
        test = ruletests.create(
            ours, name=MARK, channel=MARK, operation="join", identity=None, allowed=True, **BY
        )  # fmt: skip
        api_key = apikeys.create(ours, MARK, ["read"], **BY)[0]
        key = keys.add_secret(ours, kid=MARK, **BY)
    live = Live()
    live.publish(rule_set(pattern(f"{MARK}/*", "A+M")))
    office.app.extensions["tidegate.realtime"] = live.realtime
    connection = live.connect(MARK)
    live.send(connection, "join", f"{MARK}/lobby")
    return Belongings(key.id, api_key.id, test.id, minted.token, minted.jti, connection.id)


@pytest.fixture
def neighbour(office: Office, belongings: Belongings, client: FlaskClient) -> FlaskClient:
    """Signed in as the owner of `second`, who has no role in `default`."""
    with office.app.app_context():
        second = workspaces.create("second", "Second", author="test", source="cli")
        admins.create("eve", PASSWORD, role=RoleName.OWNER, workspace=second, author="test", source="cli")
    form = {"username": "eve", "password": PASSWORD, "csrf_token": csrf_token(client)}
    assert client.post("/sign-in", data=form).status_code == 303
    client.token = csrf_token(client, "/w/second")  # type: ignore[attr-defined]
    return client


def addresses(office: Office, canonical: str) -> list[str]:
    """Every page of a workspace that needs nothing further to be named."""
    rules_of_app = office.app.url_map.iter_rules()
    plain = [r for r in rules_of_app if r.arguments == {"canonical"} and "GET" in (r.methods or ())]
    pages = [r.rule.replace("<canonical>", canonical) for r in plain if r.rule.startswith("/w/")]
    assert len(pages) > 10
    return pages


def test_no_page_of_one_shows_anything_of_another(
    neighbour: FlaskClient, office: Office, belongings: Belongings
) -> None:
    for path in addresses(office, "second"):
        answer = neighbour.get(path)
        assert answer.status_code in (200, 204, 303, 302, 404, 426), path
        assert MARK not in answer.text, path
        assert belongings.jti not in answer.text, path
        assert belongings.socket_id not in answer.text, path


def test_every_page_of_another_looks_as_if_it_were_not_there(neighbour: FlaskClient, office: Office) -> None:
    for path in addresses(office, "default"):
        answer = neighbour.get(path)
        assert answer.status_code == 404, path
        assert MARK not in answer.text, path


def test_names_of_another_find_nothing(neighbour: FlaskClient, belongings: Belongings) -> None:
    for query in (
        f"tokens?q={MARK}", f"tokens?q={belongings.jti}", f"explain/clients?q={belongings.socket_id}",
        f"explain?who=user&user={MARK}x&channel={MARK}/lobby", "explain?who=client",
    ):  # fmt: skip
        text = neighbour.get(f"/w/second/{query}").text
        assert belongings.socket_id not in text.replace(query, "").replace(f"q={belongings.socket_id}", ""), query
        assert "open now" not in text, query
    assert neighbour.get(f"/w/second/explain?who=client&client={belongings.socket_id}").status_code == 422
    assert neighbour.get("/w/second/versions/1").status_code == 404


def test_ids_of_another_change_nothing(neighbour: FlaskClient, office: Office, belongings: Belongings) -> None:
    def post(path: str, **fields: str) -> int:
        form = fields | {"csrf_token": neighbour.token}  # type: ignore[attr-defined]
        return neighbour.post(f"/w/second/{path}", data=form).status_code

    with office.app.app_context():
        before = len(audit.entries(office.workspace.id, limit=1000))
    assert post(f"tokens/signing/{belongings.key_id}/reveal") == 404
    assert post(f"tokens/signing/{belongings.key_id}/deactivate") == 404
    post(f"tokens/keys/{belongings.api_key_id}/revoke")
    post("tokens/revoke", jti=belongings.jti)
    post("tokens/revoke", token=belongings.token)
    assert MARK not in neighbour.get("/w/second/tokens").text
    with office.app.app_context():
        ours = office.workspace
        assert tokens.inspect(ours, belongings.token).valid
        assert [key.revoked_at for key in apikeys.list_all(ours)] == [None]
        assert all(key.is_active for key in keys.list_all(ours))
        assert [test.id for test in ruletests.list_all(ours)] == [belongings.test_id]
        assert len(audit.entries(ours.id, limit=1000)) == before


def test_an_owner_makes_one_and_owns_it(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    assert "every token has to name its workspace" in client.get("/workspaces/new").text
    form = {"name": "Staging", "canonical": "staging", "csrf_token": client.token}  # type: ignore[attr-defined]
    answer = client.post("/workspaces/new", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/w/staging")
    with office.app.app_context():
        staging = workspaces.get("staging")
        assert [(admin.username, role) for admin, role in admins.members(staging)] == [("owner1", RoleName.OWNER)]
        entry = audit.entries(staging.id)[-1]
        assert (entry.actor, entry.source, entry.address) == ("owner1", "web", "127.0.0.1")
    assert "every token has to name" not in client.get("/workspaces/new").text


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": "", "canonical": "x"}, "name", "Give it a name"),
        ({"name": "x" * 101, "canonical": "x"}, "name", "At most 100"),
        ({"name": "a\x01", "canonical": "x"}, "name", "control characters"),
        ({"name": "x", "canonical": ""}, "canonical", "Choose one"),
        ({"name": "x", "canonical": "-a"}, "canonical", "beginning with"),
        ({"name": "x", "canonical": "../x"}, "canonical", "letters, digits"),
        ({"name": "x", "canonical": "default"}, "canonical", "already a workspace"),
    ],
)
def test_what_can_not_be_taken_is_told_beside_the_field(
    signed_in: SignIn, office: Office, fields: dict[str, str], field: str, message: str
) -> None:
    client = signed_in()
    answer = client.post("/workspaces/new", data=fields | {"csrf_token": client.token})  # type: ignore[attr-defined]
    assert answer.status_code == 422
    error = re.search(rf'id="{field}-error">(.*?)</p>', answer.text, re.DOTALL)
    assert error is not None
    assert message in error[1]
    with office.app.app_context():
        assert len(workspaces.list_all()) == 1


@pytest.mark.parametrize("role", [RoleName.EDITOR, RoleName.DEVELOPER, RoleName.VIEWER])
def test_others_make_none(role: RoleName, signed_in: SignIn, office: Office) -> None:
    client = signed_in(role)
    form = {"name": "x", "canonical": "x", "csrf_token": client.token}  # type: ignore[attr-defined]
    assert client.get("/workspaces/new").status_code == 403
    assert client.post("/workspaces/new", data=form).status_code == 403
    with office.app.app_context():
        assert len(workspaces.list_all()) == 1
    assert "New workspace" not in client.get("/w/default").text


def test_making_one_needs_a_sign_in(client: FlaskClient) -> None:
    assert client.get("/workspaces/new").headers["Location"].startswith("/sign-in")


def test_the_switch_leads_from_one_to_another_by_keyboard(at_home: Page, office: Office) -> None:
    switch = at_home.locator(".switcher summary")
    switch.focus()
    at_home.keyboard.press("Enter")
    at_home.get_by_role("link", name="New workspace").click()
    at_home.get_by_label("Name").fill("<i>Staging")
    at_home.get_by_label("Connection canonical").fill("staging")
    at_home.get_by_role("button", name="Create workspace").click()
    at_home.wait_for_url("**/w/staging")
    expect(switch).to_contain_text("<i>Staging")
    at_home.get_by_role("link", name="Settings").click()
    at_home.get_by_label("Name").fill("Trial")
    at_home.locator("form", has=at_home.get_by_label("Name")).get_by_role("button", name="Save").click()
    expect(switch).to_contain_text("Trial")
    switch.focus()
    at_home.keyboard.press("Enter")
    at_home.keyboard.press("Tab")
    at_home.keyboard.press("Enter")
    at_home.wait_for_url("**/w/default")
    expect(switch).to_contain_text("Default")
