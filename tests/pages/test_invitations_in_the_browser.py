"""An invitation: made by an owner, opened in another browser, by somebody new and by somebody known."""

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page

from webapp.models import RoleName
from webapp.services import admins, invitations, workspaces

from .conftest import PASSWORD, Office, csrf_token

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def make_link(page: Page, role: str, note: str = "") -> str:
    page.goto("/w/default/people")
    page.get_by_role("radio", name=re.compile(f"^{role}:")).check()
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name="Make a link").click()
    link = page.locator(".made code").inner_text()
    page.reload()
    assert not page.locator(".made").is_visible()
    return link


def test_somebody_new_joins_in_another_browser(at_home: Page, browser: Browser, server: str) -> None:
    link = make_link(at_home, "editor", HOSTILE)
    assert at_home.get_by_text(HOSTILE).is_visible()
    context = browser.new_context(base_url=server)
    theirs = context.new_page()
    theirs.goto(link)
    assert theirs.get_by_text("ada invites you to this workspace as editor.").is_visible()
    theirs.get_by_label("Username").fill("bob")
    theirs.get_by_label("Password", exact=True).fill(PASSWORD)
    theirs.get_by_label("Password, repeated").fill("something else here")
    theirs.get_by_role("button", name="Join").click()
    assert theirs.get_by_text("The two passwords are not the same.").is_visible()
    theirs.get_by_label("Password", exact=True).fill(PASSWORD)
    theirs.get_by_label("Password, repeated").fill(PASSWORD)
    theirs.get_by_role("button", name="Join").click()
    theirs.wait_for_url("**/w/default")
    assert theirs.get_by_text("Welcome. You are editor of this workspace.").is_visible()
    theirs.goto(link)
    assert theirs.get_by_role("heading", name="This invitation is no longer valid").is_visible()
    context.close()
    at_home.goto("/w/default/people")
    row = at_home.get_by_role("row", name=re.compile("bob"))
    assert "editor" in row.inner_text()
    assert at_home.get_by_text(HOSTILE).count() == 0


def test_somebody_known_signs_in_and_joins_with_a_click(
    at_home: Page, browser: Browser, server: str, office: Office
) -> None:
    with office.app.app_context():
        bob = admins.create("bob", PASSWORD, workspace=office.workspace, author="t", source="cli")
        workspaces.create("second", "Second", author="t", source="cli", owner=bob)
        admins.set_role(bob, office.workspace, None, author="t", source="cli")
    link = make_link(at_home, "viewer")
    context = browser.new_context(base_url=server)
    theirs = context.new_page()
    theirs.goto(link)
    theirs.get_by_role("link", name="Sign in").click()
    theirs.get_by_label("Username").fill("bob")
    theirs.get_by_label("Password").fill(PASSWORD)
    theirs.get_by_role("button", name="Sign in").click()
    theirs.get_by_role("button", name="Join as bob").click()
    theirs.wait_for_url("**/w/default")
    assert theirs.get_by_text("Welcome. You are viewer of this workspace.").is_visible()
    context.close()


def test_used_taken_back_and_unknown_links_get_the_same_page(app: Flask, client: FlaskClient, office: Office) -> None:
    with app.app_context():
        by = {"author": "ada", "source": "web"}
        used = invitations.create(office.workspace, "viewer", **by)[1]
        invitations.join_as_new(used, "bob", PASSWORD)
        back = invitations.create(office.workspace, "viewer", **by)[1]
        invitations.revoke(office.workspace, invitations.open_of(office.workspace)[0].id, **by)
    nonce = re.compile(r'nonce="[^"]+"|content="[^"]+"')
    answers = [client.get(f"/join/{token}") for token in (used, back, "unknown", "x" * 3000, "%00")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({nonce.sub("", answer.text) for answer in answers}) == 1


def test_who_has_the_role_already_leaves_the_link_to_others(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    client = signed_in(RoleName.EDITOR)
    with app.app_context():
        token = invitations.create(office.workspace, "viewer", author="ada", source="web")[1]
    assert "You are <strong>editor</strong> of it already" in client.get(f"/join/{token}").text
    answer = client.post(f"/join/{token}", data={"csrf_token": client.token})  # type: ignore[attr-defined]
    assert answer.status_code == 409
    with app.app_context():
        assert invitations.opened(token) is not None


def test_joining_needs_the_token_of_the_form(app: Flask, client: FlaskClient, office: Office) -> None:
    with app.app_context():
        token = invitations.create(office.workspace, "viewer", author="ada", source="web")[1]
    form = {"username": "bob", "password": PASSWORD, "repeated": PASSWORD}
    assert client.post(f"/join/{token}", data=form).status_code == 400
    right = form | {"csrf_token": csrf_token(client, f"/join/{token}")}
    assert client.post(f"/join/{token}", data=right).status_code == 303


@pytest.mark.parametrize("fields", [{"role": ""}, {"role": "king"}, {"role": "viewer", "note": "x" * 201}])
def test_an_invitation_that_cannot_be_made_says_why(
    signed_in: Callable[..., FlaskClient], office: Office, fields: dict[str, str]
) -> None:
    client = signed_in()
    answer = client.post("/w/default/people/invitations", data=fields | {"csrf_token": client.token})  # type: ignore[attr-defined]
    assert answer.status_code == 422
    assert 'class="error"' in answer.text
    with office.app.app_context():
        assert invitations.open_of(office.workspace) == []
