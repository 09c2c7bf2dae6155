"""What each role may do on the pages, and that no change is made without the session's token."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.core.ruleset import Rule
from webapp.core.targets import Target
from webapp.models import RoleName
from webapp.services import apikeys
from webapp.services.drafts import fingerprint

from .conftest import Office

CHAT = {"pattern": "chat", "wildcard": True}
SEEN = fingerprint(Rule(Target("chat/*", nested=True)))
CHANGES = [
    ("/w/default/channels/status?target=chat/*&nested=1", {"enabled": "off"}),
    ("/w/default/channels/switch?target=chat/*&nested=1", {"enabled": "off", "expected_version": "1"}),
    ("/w/default/channels/new", {"pattern": "news", "history": "0"}),
    ("/w/default/channels/edit?target=chat/*&nested=1", {"pattern": "x", "history": "0", "seen": SEEN}),
    ("/w/default/channels/delete?target=chat/*&nested=1", {"seen": SEEN}),
    ("/w/default/channels/take-back?target=chat/*&nested=1", {}),
    ("/w/default/channels/look?target=chat/*&nested=1", {"pattern": "x"}),
    ("/w/default/channels/open?target=chat/*&nested=1", {"seen": SEEN}),
    ("/w/default/rules/import", {"document": '{"channels": []}', "confirmed": "1", "seen": "version 1"}),
    ("/w/default/tests/new", {"who": "anonymous", "allowed": "1", "operation": "join", "channel": "a"}),
    ("/w/default/tests/1", {"who": "anonymous", "allowed": "0", "operation": "join", "channel": "a"}),
    ("/w/default/tests/preview", {"who": "anonymous", "allowed": "0", "operation": "join", "channel": "a"}),
    ("/w/default/tests/1/delete", {}),
    ("/w/default/settings/switches", {"expected_version": "1"}),
    ("/w/default/tokens/mint", {"ttl": "3600"}),
    ("/w/default/tokens/keys", {"name": "k", "scopes": "read"}),
    ("/w/default/tokens/keys/1/revoke", {}),
    ("/w/default/tokens/revoke", {"jti": "x"}),
]
OWNERS_CHANGES = [
    ("/w/default/settings/workspace", {"name": "Other"}),
    ("/w/default/people/invitations", {"role": "viewer"}),
]
SIGHTS = [
    "/w/default",
    "/w/default/channels",
    "/w/default/channels/live",
    "/w/default/channels/foreseen?target=chat/*&nested=1&becomes=gone",
    "/w/default/series",
    "/w/default/rules/export",
    "/w/default/tests",
    "/w/default/tests/1",
    "/w/default/tests/export",
    "/w/default/tokens",
    "/w/default/settings",
    "/w/default/people",
]


@pytest.fixture(autouse=True)
def a_test(office: Office) -> None:
    """A saved test and an API key, which some of the pages are about."""
    office.test()
    with office.app.app_context():
        apikeys.create(office.workspace, "a", ["read"], author="t", source="cli")


@pytest.mark.parametrize("role", [RoleName.DEVELOPER, RoleName.VIEWER])
def test_readers_see_and_change_nothing(role: RoleName, signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.publish(CHAT)
    client = signed_in(role)
    for path in SIGHTS:
        assert client.get(path).status_code == 200
    for path, form in CHANGES + OWNERS_CHANGES:
        assert client.post(path, data=form | {"csrf_token": client.token}).status_code == 403, path  # type: ignore[attr-defined]
    assert (office.version(), office.drafted()) == (1, None)


@pytest.mark.parametrize(("path", "form"), OWNERS_CHANGES)
@pytest.mark.parametrize(("role", "status"), [(RoleName.EDITOR, 403), (RoleName.OWNER, 303)])
def test_some_changes_are_the_owners(
    path: str, form: dict[str, str], role: RoleName, status: int, signed_in: Callable[..., FlaskClient]
) -> None:
    client = signed_in(role)
    assert client.post(path, data=form | {"csrf_token": client.token}).status_code == status  # type: ignore[attr-defined]


@pytest.mark.parametrize("role", [RoleName.OWNER, RoleName.EDITOR])
@pytest.mark.parametrize(("path", "form"), CHANGES)
def test_owners_and_editors_change(
    role: RoleName, path: str, form: dict[str, str], signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    office.publish(CHAT)
    client = signed_in(role)
    answer = client.post(path, data=form | {"csrf_token": client.token})  # type: ignore[attr-defined]
    assert answer.status_code in (200, 303), path


@pytest.mark.parametrize(("path", "form"), CHANGES + OWNERS_CHANGES)
def test_nothing_is_changed_without_the_token(
    path: str, form: dict[str, str], signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    office.publish(CHAT)
    client = signed_in()
    assert client.post(path, data=form).status_code == 400
    assert client.post(path, data=form | {"csrf_token": "guessed"}).status_code == 400
    assert (office.version(), office.drafted()) == (1, None)


def test_a_workspace_without_a_role_looks_as_if_it_were_not_there(
    signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    from webapp.services import admins, workspaces

    client = signed_in()
    with office.app.app_context():
        other = admins.create("bob", "correct horse battery", workspace=office.workspace, author="t", source="cli")
        workspaces.create("second", "Second", author="t", source="cli", owner=other)
    assert client.get("/w/second").status_code == 404
    assert client.get("/w/none").status_code == 404
