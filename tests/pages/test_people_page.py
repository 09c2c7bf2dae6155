"""The people of a workspace: roles changed and taken away, sessions ended, and who may do that."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.models import Action, RoleName
from webapp.services import admins, audit, sessions, workspaces

from .conftest import PASSWORD, Office, csrf_token

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def number(app: Flask, username: str) -> int:
    with app.app_context():
        return int(admins.by_username(username).id)


def role_of(office: Office, username: str) -> RoleName | None:
    with office.app.app_context():
        return admins.role_in(admins.by_username(username), office.workspace)


def another_browser(app: Flask, username: str, agent: str = "curl/8") -> FlaskClient:
    client = app.test_client()
    form = {"username": username, "password": PASSWORD, "csrf_token": csrf_token(client)}
    assert client.post("/sign-in", data=form, headers={"User-Agent": agent}).status_code == 303
    return client


def post(client: FlaskClient, path: str, **fields: str) -> int:
    return client.post(f"/w/default/people/{path}", data=fields | {"csrf_token": client.token}).status_code  # type: ignore[attr-defined]


def test_a_role_is_in_force_with_the_next_request(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    client = signed_in()
    office.admin("bob", RoleName.EDITOR)
    bob = another_browser(app, "bob")
    token = csrf_token(bob, "/w/default")
    assert bob.get("/w/default/channels/new").status_code == 200
    assert post(client, f"{number(app, 'bob')}/role", role="viewer") == 303
    # The form that bob has open changes nothing any more, and says why.
    form = {"pattern": "news", "history": "0", "expected_version": "0", "csrf_token": token}
    answer = bob.post("/w/default/channels/new", data=form, headers={"Accept": "text/html"})
    assert answer.status_code == 403
    assert "Your role does not allow this" in answer.text
    assert office.patterns() == []
    assert post(client, f"{number(app, 'bob')}/remove") == 303
    assert bob.get("/w/default/channels").status_code == 404
    assert role_of(office, "bob") is None


@pytest.mark.parametrize("what", [("role", {"role": "viewer"}), ("remove", {})])
def test_the_last_owner_stays(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office, what: tuple[str, dict[str, str]]
) -> None:
    client = signed_in()
    path, fields = what
    assert post(client, f"{number(app, 'owner1')}/{path}", **fields) == 409
    assert role_of(office, "owner1") is RoleName.OWNER
    office.admin("bob")
    assert post(client, f"{number(app, 'owner1')}/{path}", **fields) == 303
    assert role_of(office, "owner1") is not RoleName.OWNER


@pytest.mark.parametrize("role", ["", "king", "x" * 10_000, "owner\x00"])
def test_no_other_role_is_given(app: Flask, signed_in: Callable[..., FlaskClient], office: Office, role: str) -> None:
    client = signed_in()
    office.admin("bob", RoleName.EDITOR)
    assert post(client, f"{number(app, 'bob')}/role", role=role) == 422
    assert role_of(office, "bob") is RoleName.EDITOR


def test_a_stale_page_brings_nobody_back(app: Flask, signed_in: Callable[..., FlaskClient], office: Office) -> None:
    """Two owners look at one page: one removes bob, and then the other gives him a role."""
    client = signed_in()
    office.admin("bob", RoleName.EDITOR)
    assert post(client, f"{number(app, 'bob')}/remove") == 303
    assert post(client, f"{number(app, 'bob')}/role", role="owner") == 404
    assert role_of(office, "bob") is None


def test_owners_end_sessions_of_their_people(app: Flask, signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    office.admin("bob", RoleName.EDITOR)
    browsers = [another_browser(app, "bob") for _ in range(3)]
    with app.app_context():
        newest = sessions.of(admins.by_username("bob"))[0].id
    assert "3 sessions" in client.get("/w/default/people").text
    assert post(client, f"{number(app, 'bob')}/sessions/{newest}/end") == 303
    assert [b.get("/w/default").status_code == 200 for b in browsers] == [True, True, False]
    assert post(client, f"{number(app, 'bob')}/sessions/end") == 303
    assert not any(b.get("/w/default").status_code == 200 for b in browsers)
    with app.app_context():
        entries = audit.entries(office.workspace.id, action=Action.SESSION_END)
    assert [entry.before for entry in entries] == [
        {"username": "bob", "sessions": 2},
        {"username": "bob", "sessions": 1},
    ]


def test_people_of_another_workspace_are_not_there(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    client = signed_in()
    with app.app_context():
        eve = admins.create("eve", PASSWORD, workspace=office.workspace, author="t", source="cli")
        workspaces.create("second", "Second", author="t", source="cli", owner=eve)
        admins.set_role(eve, office.workspace, None, author="t", source="cli")
    theirs = another_browser(app, "eve")
    with app.app_context():
        session_id = sessions.of(eve)[0].id
    assert ">eve<" not in client.get("/w/default/people").text
    for path in ("role", "remove", "sessions/end", f"sessions/{session_id}/end"):
        assert post(client, f"{eve.id}/{path}", role="viewer") == 404
    # Nor is the session to be reached by somebody else's number.
    post(client, f"{number(app, 'owner1')}/sessions/{session_id}/end")
    assert theirs.get("/w/second").status_code == 200


@pytest.mark.parametrize("role", [RoleName.EDITOR, RoleName.DEVELOPER, RoleName.VIEWER])
def test_others_look_and_see_no_addresses(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office, role: RoleName
) -> None:
    client = signed_in(role)
    office.admin("bob")
    another_browser(app, "bob")
    page = client.get("/w/default/people").text
    assert "bob" in page
    assert "127.0.0.1" not in page
    assert "Change…" not in page
    assert "Invite somebody" not in page


def test_a_hostile_user_agent_is_shown_as_text(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    client = signed_in()
    office.admin("bob")
    another_browser(app, "bob", HOSTILE)
    page = client.get("/w/default/people").text
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page
