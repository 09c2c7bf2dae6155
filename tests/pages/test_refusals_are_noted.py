"""What somebody tried without the right to it is logged every time and audited once a minute."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.models import Action, AuditEntry, RoleName
from webapp.services import admins, audit, workspaces

from .conftest import PASSWORD, Office


def refused(office: Office, of: int | None) -> list[AuditEntry]:
    with office.app.app_context():
        return audit.entries(of, action=Action.ADMIN_REFUSED)


def test_a_role_that_is_too_small(
    signed_in: Callable[..., FlaskClient], office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    client = signed_in(RoleName.VIEWER)
    for _ in range(3):
        client.post("/w/default/people/invitations", data={"csrf_token": client.token})  # type: ignore[attr-defined]
    client.get("/w/default/channels/new")
    entries = refused(office, office_id(office))
    assert [(entry.actor, entry.after["tried"], entry.after["why"]) for entry in entries] == [
        ("viewer1", "GET channels.new", "needs the role editor"),
        ("viewer1", "POST people.invite", "needs the role owner"),
    ]
    assert len([r for r in caplog.messages if r.startswith("Refused: viewer1")]) == 4


def test_a_form_without_its_token(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    client.post("/w/default/tokens/mint", data={"csrf_token": "guessed"})
    client.post("/w/default/tokens/mint")
    assert [entry.after["tried"] for entry in refused(office, None)] == ["POST tokens.mint"]


def test_another_workspace_is_not_named(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    client = signed_in()
    with app.app_context():
        eve = admins.create("eve", PASSWORD, workspace=office.workspace, author="t", source="cli")
        workspaces.create("hidden", "Hidden", author="t", source="cli", owner=eve)
    assert client.get("/w/hidden/channels").status_code == 404
    (entry,) = refused(office, None)
    assert entry.after == {"username": "owner1", "tried": "GET channels.page", "why": "no role in this workspace"}
    assert any("/w/hidden/channels" in message for message in caplog.messages)
    assert client.get("/w/none/channels").status_code == 404
    assert len(refused(office, None)) == 1


def test_who_is_not_signed_in_stands_in_the_log_alone(
    client: FlaskClient, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.post("/sign-in", data={"username": "x"}).status_code == 400
    assert refused(office, None) == []
    assert any(message.startswith("Refused: somebody who is not signed in") for message in caplog.messages)


def office_id(office: Office) -> int:
    with office.app.app_context():
        return office.workspace.id


def test_the_log_holds_no_link_that_may_still_be_valid(
    client: FlaskClient, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    link = office.setup_link()
    with caplog.at_level("WARNING"):
        assert client.post(link, data={"username": "eve"}).status_code == 400
    assert "/setup/<token>" in caplog.text
    assert link.rsplit("/", 1)[1] not in caplog.text


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/tokens/keys/{id}/revoke", "tokens.revoke_key"),
        ("/tokens/signing/{id}/deactivate", "tokens.deactivate_key"),
        ("/tests/{id}/delete", "ruletests.delete"),
        ("/people/{id}/remove", "people.remove"),
        ("/versions/{id}/draft", "versions.take_into_draft"),
    ],
)
def test_an_id_that_this_workspace_does_not_have(
    signed_in: Callable[..., FlaskClient], office: Office, path: str, endpoint: str
) -> None:
    client = signed_in()
    token = client.token  # type: ignore[attr-defined]
    answer = client.post("/w/default" + path.format(id=4711), data={"csrf_token": token})
    assert answer.status_code == 404
    with office.app.app_context():
        (entry,) = refused(office, office.workspace.id)
    assert entry.after["tried"] == f"POST {endpoint}"
    assert entry.after["why"] == "names something that this workspace does not have"
