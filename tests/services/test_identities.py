"""Whom an explanation is about: users, connected clients, tokens and claims."""

import json
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from tests.core.making import pattern, rule_set
from tests.services.making import BY
from tests.sockets.live import Live
from webapp.core.codes import Code
from webapp.models import Workspace
from webapp.services import identities, tokens, workspaces
from webapp.services.errors import InvalidInput, NotFound


@pytest.fixture
def live(app: Flask, workspace: Workspace) -> Iterator[Live]:
    live = Live()
    live.publish(rule_set(pattern("chat/*", "A+M")))
    app.extensions["tidegate.realtime"] = live.realtime
    yield live
    del app.extensions["tidegate.realtime"]


def test_a_token_is_who_it_says(workspace: Workspace) -> None:
    token = tokens.mint(workspace, sub="42", authorized_channels=["chat/*"], **BY).token
    for text in (token, f" Bearer {token}\n"):
        identity = identities.of_text(workspace, text)
        assert (identity.actor.user_id, identity.actor.kind.narrowed, identity.refused) == ("42", True, None)


def test_a_token_that_is_not_accepted_is_an_anonymous_client(workspace: Workspace) -> None:
    minted = tokens.mint(workspace, sub="42", **BY)
    tokens.revoke(workspace, minted.jti, **BY)
    identity = identities.of_text(workspace, minted.token)
    assert (identity.actor.authenticated, identity.code) == (False, Code.TOKEN_REVOKED)
    assert "revoked" in (identity.refused or "")


def test_a_token_of_another_workspace_is_not_accepted(workspace: Workspace) -> None:
    other = workspaces.create("second", "Second", **BY)
    identity = identities.of_text(workspace, tokens.mint(other, sub="42", **BY).token)
    assert (identity.actor.authenticated, identity.code) == (False, Code.TOKEN_INVALID)


def test_claims_are_read_as_a_token_would_be(workspace: Workspace) -> None:
    claims = {"sub": 7, "exp": time.time() + 60, "grants": {"resources": {"channels": {"chat": ["read"]}}}}
    identity = identities.of_text(workspace, json.dumps(claims))
    assert (identity.actor.user_id, identity.actor.kind.narrowed) == ("7", True)


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "a.b", "{", '{"sub": []}', '{"authorized_channels": "chat"}', '{"grants": {"x": 1}}',
     '{"sub": "\\u0000"}', '{"exp": "soon"}', "{" * 5000, '{"a": ' + "[" * 9000, "x" * 16_385, "\ud800"],
    ids=lambda text: text[:12].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_what_is_neither_a_token_nor_claims_is_refused(workspace: Workspace, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        identities.of_text(workspace, text)
    assert list(caught.value.problems) == ["identity"]


@pytest.mark.parametrize("user", ["", "   ", "x" * 256, "a\x00b"])
def test_what_is_no_user_id_is_refused(workspace: Workspace, user: str) -> None:
    with pytest.raises(InvalidInput):
        identities.of_user(workspace, user)


def test_a_users_channels_are_those_of_its_clients(workspace: Workspace, live: Live) -> None:
    for channel in ("chat/a", "chat/b"):
        live.send(live.connect("42"), "join", channel)
    live.send(live.connect("43"), "join", "chat/c")
    identity = identities.of_user(workspace, " 42 ")
    assert (identity.actor.user_id, sorted(identity.channels), len(identity.clients)) == ("42", ["chat/a", "chat/b"], 2)
    assert identities.of_user(workspace, "44").clients == ()
    assert sorted(identities.open_channels(workspace)) == ["chat/a", "chat/b", "chat/c"]
    assert identities.connected_with_token(workspace) == 3


def test_a_connected_client_is_found_by_what_it_is(workspace: Workspace, live: Live) -> None:
    anonymous, ada = live.connect(None), live.connect("Ada")
    live.send(ada, "join", "chat/a")
    assert [client.socket_id for client in identities.clients(workspace)] == [ada.id, anonymous.id]
    assert [client.socket_id for client in identities.clients(workspace, " aDA ")] == [ada.id]
    assert [client.socket_id for client in identities.clients(workspace, anonymous.id)] == [anonymous.id]
    assert identities.clients(workspace, "nobody") == []
    identity = identities.of_client(workspace, ada.id)
    assert (identity.actor.user_id, identity.channels) == ("Ada", ("chat/a",))


def test_a_client_of_another_workspace_is_not_there(workspace: Workspace, live: Live) -> None:
    other = workspaces.create("second", "Second", **BY)
    client = live.connect("42")
    with pytest.raises(NotFound):
        identities.of_client(other, client.id)
    assert identities.clients(other) == []
    assert identities.of_user(other, "42").clients == ()
    with pytest.raises(NotFound):
        identities.of_client(workspace, "gone")


def test_without_a_server_nobody_is_connected(workspace: Workspace) -> None:
    assert identities.clients(workspace) == []
    assert identities.open_channels(workspace) == []
    assert identities.connected_with_token(workspace) == 0
