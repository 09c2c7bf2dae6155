"""Who may do what: keys, their scopes, their workspace."""

import contextlib
import http.client
import json

import pytest

from tests.api.client import Api, Server
from webapp.api.routes import ROUTES, Route
from webapp.models import Scope
from webapp.services import apikeys, workspaces

ADDRESS = "/api/v1/workspaces/default/rules"


def _path(route: Route) -> str:
    path = route.path
    for name, value in (
        ("channel", "room%2Fscopes"),
        ("jti", "some-token"),
        ("message_id", "1"),
        ("test_id", "1"),
        ("block_id", "1"),
        ("webhook_id", "1"),
        ("delivery_id", "1"),
    ):
        path = path.replace("{" + name + "}", value)
    return path


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_key_does_what_its_scopes_open_and_nothing_else(server: Server, route: Route) -> None:
    version = server.version()
    for scope in Scope:
        answer = server.api(scope.value)(route.method, _path(route), raw=b"{}")
        if scope in route.scopes:
            assert answer.status not in (401, 403), answer.body
        else:
            assert (answer.status, answer.error) == (403, "scope_missing")
    assert server.version() == version


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_a_workspace_of_others_looks_as_if_it_did_not_exist(server: Server, route: Route) -> None:
    foreign = Api(server, server.key(workspace="other"))
    missing = Api(server, foreign.key, workspace="no-such-workspace")
    answers = [api(route.method, _path(route), raw=b"{}") for api in (foreign, missing)]
    assert [a.status for a in answers] == [404, 404]
    assert answers[0].json == answers[1].json
    assert answers[0].error == "unknown_workspace"


@pytest.mark.parametrize("canonical", ["a%00b", "%C3%A4", "..%2Fdefault", "default%20", "%", "%FF", "x" * 3000])
def test_names_that_no_workspace_has(api: Api, server: Server, canonical: str) -> None:
    assert Api(server, api.key, canonical)("GET", "/rules").status in (400, 404)


def test_each_key_sees_its_own_workspace(server: Server) -> None:
    for workspace in ("default", "other"):
        assert server.api(workspace=workspace)("GET", "/rules").json["hash"] == workspace


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "key_missing"),
        ("Bearer", "key_missing"),
        ("Bearer ", "key_missing"),
        ("Basic dGVzdDp0ZXN0", "key_missing"),
        ("Bearer x", "key_invalid"),
        ("Bearer tg_", "key_invalid"),
        ("Bearer tg_00000000_wrong", "key_invalid"),
        ("Bearer tg_%_'; DROP TABLE api_key", "key_invalid"),
        ("Bearer " + "tg_" + "a" * 5000, "key_invalid"),
    ],
)
def test_without_a_valid_key_nothing_is_answered(server: Server, header: str, code: str) -> None:
    answer = server.request("GET", ADDRESS, headers={"Authorization": header}, address="127.0.0.2")
    assert (answer.status, answer.error) == (401, code)
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_secret_for_a_known_prefix(server: Server) -> None:
    key = server.key()
    for wrong in (key[:-1], key + "x", key.upper(), key[:12] + "_" + "A" * 43):
        answer = server.request("GET", ADDRESS, headers={"Authorization": f"Bearer {wrong}"}, address="127.0.0.3")
        assert answer.error == "key_invalid"
    assert server.request("GET", ADDRESS, headers={"Authorization": f"bearer  {key}"}).status == 200


def test_a_revoked_key_ends_at_once(server: Server) -> None:
    api = server.api()
    assert api("GET", "/rules").status == 200
    with server.app.app_context():
        workspace = workspaces.get("default")
        (found,) = [k for k in apikeys.list_all(workspace) if k.prefix == str(api.key).split("_")[1]]
        apikeys.revoke(workspace, found.id, author="tests", source="cli")
    assert api("GET", "/rules").error == "key_invalid"


def test_a_key_counts_in_its_header_alone(server: Server) -> None:
    key = server.key()
    for path, headers in (
        (f"{ADDRESS}?key={key}", {}),
        (ADDRESS, {"Cookie": f"key={key}; session={key}; tidegate={key}"}),
        (ADDRESS, {"X-Api-Key": key}),
    ):
        assert server.request("GET", path, headers=headers, address="127.0.0.4").error == "key_missing"


def test_nothing_sets_a_cookie(api: Api) -> None:
    for answer in (api("GET", "/rules"), api("GET", "/nowhere"), api("POST", "/events", {})):
        assert "Set-Cookie" not in answer.headers


def test_who_tries_keys_is_slowed_down_and_holders_of_keys_are_not(server: Server) -> None:
    key = server.key()
    wrong = {"Authorization": "Bearer tg_00000000_wrong"}
    answers = [server.request("GET", ADDRESS, headers=wrong, address="127.0.0.5") for _ in range(35)]
    assert [a.status for a in answers[:30]] == [401] * 30
    limited = answers[-1]
    assert (limited.status, limited.error) == (429, "rate_limited")
    assert 1 <= int(limited.headers["Retry-After"]) <= 60
    right = {"Authorization": f"Bearer {key}"}
    assert server.request("GET", ADDRESS, headers=right, address="127.0.0.5").status == 200
    assert server.request("GET", ADDRESS, headers=wrong, address="127.0.0.6").status == 401


def test_changes_are_audited_with_the_keys_name(server: Server) -> None:
    api = server.api("tokens")
    minted = api.token("ann")
    entry = next(e for e in server.entries("token:mint") if e.after["jti"] == minted["jti"])
    assert entry.source == "api"
    assert entry.actor.startswith("API key tests ")
    assert entry.address == "127.0.0.1"
    assert minted["token"] not in json.dumps([entry.before, entry.after])


def test_a_key_is_slowed_down_alone(server: Server) -> None:
    """It may ask 3,000 times a minute; another key is not held up by it."""
    busy, idle = {"Authorization": f"Bearer {server.key()}"}, {"Authorization": f"Bearer {server.key()}"}
    path = "/api/v1/workspaces/no-such-workspace/rules"
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)) as connection:
        status = asked = 0
        while status != 429 and asked <= 6000:  # a window may end in between
            asked += 1
            connection.request("GET", path, headers=busy)
            response = connection.getresponse()
            status, body = response.status, response.read()
    assert (status, json.loads(body)["error"]["code"]) == (429, "rate_limited")
    assert asked > 3000
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert server.request("GET", ADDRESS, headers=idle).status == 200
