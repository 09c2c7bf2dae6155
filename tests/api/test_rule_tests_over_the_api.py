"""Rule tests over HTTP: saved, listed, deleted, and run on what is in force, on the draft, or on given rules."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.client import Api, Server, rule
from webapp.core.documents import parse_document
from webapp.services import drafts, ruletests, workspaces

JOIN = {"channel": "room/a", "operation": "join", "allowed": True}


@pytest.fixture(autouse=True)
def no_tests(server: Server, api: Api) -> Iterator[None]:
    api.rules(rule("room/*", "A"))
    with server.app.app_context():
        ruletests.replace_all(workspaces.get("default"), [], author="t", source="cli")
    yield
    api.rules()


def run(api: Api, body: Any = None) -> dict[str, Any]:
    answer = api("POST", "/tests/run", {} if body is None else body)
    assert answer.status == 200, answer.body
    told: dict[str, Any] = answer.json
    return told


def test_a_test_is_saved_listed_and_deleted(api: Api, server: Server) -> None:
    saved = api("POST", "/tests", JOIN | {"identity": {"sub": "bob", "extras": {"role": "guest"}}})
    assert saved.status == 201
    assert saved.json["name"] == "bob (role=guest) may join `room/a`"
    assert server.entries("test:create")[0].source == "api"
    assert api("GET", "/tests").json["tests"] == [saved.json]
    gone = api("DELETE", f"/tests/{saved.json['id']}")
    assert (gone.status, gone.json) == (200, {"id": saved.json["id"], "name": saved.json["name"]})
    assert api("DELETE", f"/tests/{saved.json['id']}").error == "not_found"
    assert api("GET", "/tests").json == {"tests": []}


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, ["channel"]),
        (JOIN | {"surprise": 1}, ["surprise"]),
        (JOIN | {"operation": "fly"}, ["operation"]),
        (JOIN | {"channel": ""}, ["channel"]),
        (JOIN | {"identity": {"sub": []}}, ["identity"]),
        (JOIN | {"identity": "bob"}, ["identity"]),
        (JOIN | {"allowed": "yes"}, ["allowed"]),
        (JOIN | {"name": "x" * 300}, ["name"]),
    ],
)
def test_what_can_not_be_taken_is_named(api: Api, body: Any, paths: list[str]) -> None:
    answer = api("POST", "/tests", body)
    assert (answer.status, answer.error, answer.paths) == (422, "invalid_input", paths)
    assert api("GET", "/tests").json == {"tests": []}


def test_the_tests_of_another_workspace_are_not_there(api: Api, server: Server) -> None:
    other = server.api(workspace="other")
    number = other("POST", "/tests", JOIN).json["id"]
    assert api("DELETE", f"/tests/{number}").error == "not_found"
    assert api("GET", "/tests").json == {"tests": []}
    assert other("DELETE", f"/tests/{number}").status == 200


@pytest.mark.parametrize("number", ["x", "-1", "0", "9" * 18, "9" * 40, "1.0"])
def test_ids_that_no_test_has(api: Api, number: str) -> None:
    assert api("DELETE", f"/tests/{number}").status in (404, 405)


def test_what_fails_comes_first_with_the_step_that_decided(api: Api) -> None:
    for body in (JOIN, JOIN | {"operation": "send_public"}):
        api("POST", "/tests", body)
    told = run(api)
    assert (told["passed"], told["failed"]) == (False, 1)
    assert [outcome["passed"] for outcome in told["outcomes"]] == [False, True]
    first = told["outcomes"][0]
    assert (first["code"], first["rule"], first["expected"]) == ("public_messaging_off", "room/*", True)
    assert first["sentence"] == "*Client public messaging* is off."


def test_tests_are_run_on_the_draft_on_given_rules_and_as_given(api: Api, server: Server) -> None:
    api("POST", "/tests", JOIN)
    version = server.version()
    assert run(api)["passed"] is True
    assert run(api, {"against": "draft"})["passed"] is True
    with server.app.app_context():
        drafts.replace_all(workspaces.get("default"), parse_document({"channels": []}).rules, author="bob")
    assert run(api, {"against": "draft"})["passed"] is False
    assert run(api)["passed"] is True
    assert run(api, {"rules": {"channels": [rule("room/a", "M Ma")]}})["passed"] is False
    assert run(api, {"tests": [JOIN | {"allowed": False}]})["failed"] == 1
    assert run(api, {"tests": []}) == {"passed": True, "failed": 0, "outcomes": []}
    assert server.version() == version
    with server.app.app_context():
        drafts.discard(workspaces.get("default"), author="t", source="cli")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"against": "yesterday"}, "against"),
        ({"rules": {"channels": [{"pattern": "a"}, {"pattern": "a"}]}}, "channels[1].pattern"),
        ({"tests": [JOIN, JOIN | {"operation": "fly"}]}, "[1].operation"),
        ({"surprise": 1}, "surprise"),
        ({"tests": None}, "tests"),
    ],
)
def test_a_run_that_can_not_be_made_is_refused(api: Api, body: Any, path: str) -> None:
    answer = api("POST", "/tests/run", body)
    assert (answer.status, answer.paths) == (422, [path])
