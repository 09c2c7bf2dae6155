"""`GET` and `PUT rules`: Xano's JSON, all or nothing, in force when it answers."""

from typing import Any

import pytest

from tests.api.client import Api, Client, Server, a_channel, rule
from webapp.api.rules import RuleDocument, RulesDocument
from webapp.core import documents

BAD: list[tuple[Any, list[str]]] = [
    ({}, ["channels"]),
    ({"channels": None}, ["channels"]),
    ({"channels": {}}, ["channels"]),
    ({"channels": [1]}, ["channels[0]"]),
    ({"channels": [{}]}, ["channels[0].pattern"]),
    ({"channels": [{"pattern": ""}]}, ["channels[0].pattern"]),
    ({"channels": [{"pattern": "a*", "wildcard": True}]}, ["channels[0].pattern"]),
    ({"channels": [{"pattern": "a"}, {"pattern": "a"}]}, ["channels[1].pattern"]),
    ({"channels": [{"pattern": "a", "history": 7}]}, ["channels[0].history"]),
    ({"channels": [{"pattern": "a", "history": 25.0}]}, ["channels[0].history"]),
    ({"channels": [{"pattern": "a", "history": "25"}]}, ["channels[0].history"]),
    ({"channels": [{"pattern": "a", "presence": 1}]}, ["channels[0].presence"]),
    ({"channels": [{"pattern": "a", "surprise": 1}]}, ["channels[0].surprise"]),
    ({"channels": [{"pattern": "a", "description": "x" * 2001}]}, ["channels[0].description"]),
    ({"channels": [{"pattern": "a", "triggers": 1}]}, ["channels[0].triggers"]),
    ({"channels": [{"pattern": "a", "triggers": [{"name": "t", "colour": 1}]}]}, ["channels[0].triggers[0].colour"]),
    (
        {"channels": [{"pattern": "a", "triggers": [{"name": "t", "steps": [{"type": "webhook", "x": 1}]}]}]},
        ["channels[0].triggers[0].steps[0].url", "channels[0].triggers[0].steps[0].x"],
    ),
    ({"channels": [], "surprise": 1}, ["surprise"]),
    ({"channels": [], "enabled": "yes"}, ["enabled"]),
    ({"channels": [], "hash": 1}, ["hash"]),
    (
        {"channels": [{"pattern": 1, "history": 7}, {"pattern": "b"}, {"pattern": "c", "presence": "x"}]},
        ["channels[0].history", "channels[0].pattern", "channels[2].presence"],
    ),
]


def test_what_is_read_can_be_sent_back(api: Api) -> None:
    version = api.rules(rule("chat/*", "A M", history=50, description="Ä\n*"), rule("news"), strict_anonymous=True)
    read = api("GET", "/rules")
    assert read.headers["ETag"] == f'"{version}"'
    assert [row["pattern"] for row in read.json["channels"]] == ["chat/*", "news"]
    assert read.json["hash"] == "default"
    assert api("PUT", "/rules", read.json).json["version"] == version + 1
    assert api("GET", "/rules").json == read.json
    api.rules()


def test_the_structs_know_the_fields_that_the_core_knows() -> None:
    assert set(RuleDocument.__struct_encode_fields__) == documents._RULE_FIELDS
    assert set(RulesDocument.__struct_encode_fields__) == documents._TOP_LEVEL


@pytest.mark.parametrize(("document", "paths"), BAD)
def test_with_any_problem_nothing_is_changed(api: Api, document: Any, paths: list[str]) -> None:
    before = api("GET", "/rules")
    answer = api("PUT", "/rules", document)
    assert (answer.status, answer.error) == (422, "invalid_input")
    assert sorted(answer.paths) == paths
    after = api("GET", "/rules")
    assert (after.headers["ETag"], after.body) == (before.headers["ETag"], before.body)


def test_the_hash_of_another_workspace_changes_nothing(api: Api) -> None:
    assert api("PUT", "/rules", {"channels": [], "hash": "another"}).status == 200
    assert api("GET", "/rules").json["hash"] == "default"


def test_new_rules_are_in_force_when_the_answer_comes(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A M"))
    channel, other = a_channel(), a_channel()
    token = api.token("ann")["token"]
    with Client(server).join(channel).join(other) as out, Client(server, token).join(channel) as stays:
        answer = api("PUT", "/rules", {"channels": [rule("room/*", "M Ma")]})
        assert {name: answer.json[name] for name in ("removed", "channels", "closed")} == {
            "removed": 2,
            "channels": 2,
            "closed": 0,
        }
        assert answer.headers["ETag"] == f'"{answer.json["version"]}"'
        members = api("GET", f"/channels/{channel}/members").json["members"]
        assert [member["user_id"] for member in members] == ["ann"]
        assert {out.next()["payload"]["code"], out.next()["payload"]["code"]} == {"anonymous_not_allowed"}
        assert stays.seen(channel) == []


def test_publishing_over_a_version_that_was_seen(api: Api) -> None:
    version = api.rules()
    body: dict[str, Any] = {"channels": []}
    assert api("PUT", "/rules", body, If_Match=f'"{version}"').json["version"] == version + 1
    late = api("PUT", "/rules", body, If_Match=f'"{version}"')
    assert (late.status, late.error) == (412, "version_conflict")
    late = api("PUT", f"/rules?expected_version={version}", body)
    assert (late.status, late.error) == (409, "conflict")
    for etag in ('W/"1"', '"x"', "1", '""', '"99999999999999999999"'):
        assert api("PUT", "/rules", body, If_Match=etag).error == "version_conflict"
    assert api("GET", "/rules").headers["ETag"] == f'"{version + 1}"'
    assert api("PUT", "/rules", body, If_Match="*").json["version"] == version + 2
    assert api("PUT", "/rules", body, If_Match=f'"7777", "{version + 2}"').json["version"] == version + 3
    assert api("PUT", f"/rules?expected_version={version + 3}", body).json["version"] == version + 4
    for bad in ("x", "-1", ""):
        assert api("PUT", f"/rules?expected_version={bad}", body).status == 422


def test_asking_again_without_a_change(api: Api) -> None:
    version = api.rules()
    answer = api("GET", "/rules", If_None_Match=f'"{version}"')
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, b"", f'"{version}"')
    assert api("GET", "/rules", If_None_Match='"0"').status == 200


def test_versions_say_who_and_why(api: Api, server: Server) -> None:
    assert api("PUT", "/rules?reason=spring%20cleaning", {"channels": []}).status == 200
    entry = server.entries("rules:publish")[0]
    assert entry.reason == "spring cleaning"
    assert entry.source == "api"


def test_a_large_rule_set(api: Api) -> None:
    rows = [rule(f"big/{i}/*", "A", description="x" * 100) for i in range(3000)]
    assert api("PUT", "/rules", {"channels": rows}).status == 200
    assert len(api("GET", "/rules").json["channels"]) == 3000
    api.rules()
