"""Whatever is asked of an address of the API, the answer is JSON in its one form of errors."""

import pytest

from tests.api.client import Api, Server


@pytest.mark.parametrize(
    "path",
    [
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/workspaces/default/rules",
        "/api/v1/workspaces",
        "/api/v1/workspaces/default",
        "/api/v1/workspaces/default/",
        "/api/v1/workspaces/default/rules/",
        "/api/v1/workspaces//rules",
        "/api/v1/workspaces/default/nothing",
        "/api/v1/workspaces/default/channels/",
        "/api/v1/workspaces/default/channels/members",
        "/api/v1/workspaces/default/channels/a/nothing",
        "/api/<script>alert(1)</script>",
        "/api/v1/openapi.json/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_unknown_addresses(server: Server, api: Api, path: str, method: str) -> None:
    for headers in ({}, {"Accept": "text/html"}, {"Authorization": f"Bearer {api.key}"}):
        answer = server.request(method, path, headers=headers, address="127.0.0.8")
        assert answer.status == 404, answer.body
        assert answer.error == "not_found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/rules", {"GET", "HEAD", "PUT"}),
        ("POST", "/rules", {"GET", "HEAD", "PUT"}),
        ("GET", "/events", {"POST"}),
        ("GET", "/tokens", {"POST"}),
        ("GET", "/tokens/abc", {"DELETE"}),
        ("PUT", "/channels/a/members", {"GET", "HEAD", "POST", "DELETE"}),
        ("POST", "/channels/a/history", {"GET", "HEAD"}),
        ("GET", "/channels/a/history/5", {"DELETE"}),
        ("OPTIONS", "/rules", {"GET", "HEAD", "PUT"}),
        ("PATCH", "/rules", {"GET", "HEAD", "PUT"}),
        ("BREW", "/rules", {"GET", "HEAD", "PUT"}),
    ],
)
def test_methods_that_an_address_does_not_have(api: Api, method: str, path: str, allowed: set[str]) -> None:
    answer = api(method, path)
    assert (answer.status, answer.error) == (405, "method_not_allowed")
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed


def test_methods_of_the_document(server: Server) -> None:
    assert server.request("POST", "/api/v1/openapi.json").error == "method_not_allowed"


def test_a_head_request_has_the_headers_alone(api: Api) -> None:
    answer = api("HEAD", "/rules")
    assert answer.status == 200
    assert answer.body == b""
    assert "ETag" in answer.headers


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("/clients?nothing=1", ["nothing"]),
        ("/clients?limit=x", ["limit"]),
        ("/clients?limit=0", ["limit"]),
        ("/clients?limit=99999999999999999999999", ["limit"]),
        ("/clients?limit=1&limit=2", ["limit"]),
        ("/channels?offset=-1", ["offset"]),
        ("/channels/a/history?before=x", ["before"]),
        ("/channels/a/history?before=-1", ["before"]),
        ("/channels/a/history?limit=1001", ["limit"]),
    ],
)
def test_a_query_that_can_not_be_used(api: Api, path: str, places: list[str]) -> None:
    answer = api("GET", path)
    assert (answer.status, answer.error, answer.paths) == (422, "invalid_input", places)


def test_no_answer_may_be_kept(api: Api) -> None:
    for answer in (api("GET", "/rules"), api("GET", "/nowhere"), api("POST", "/events", {})):
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/v1//workspaces/default/rules", "/api/v1/workspaces/default%2Frules"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_addresses_that_only_look_like_others(server: Server, api: Api, path: str, method: str) -> None:
    """Flask would take the one for the other, or answer with a redirect in HTML."""
    answer = server.request(method, path, headers={"Authorization": f"Bearer {api.key}"})
    assert answer.error in ("not_found", "method_not_allowed")
