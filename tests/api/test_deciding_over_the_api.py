"""`POST decide`: the judge of real traffic, asked without a connection."""

from typing import Any

import pytest

from tests.api.client import Api, rule
from webapp.core.permissions import Operation


def ask(api: Api, operation: str, channel: str = "chat/a", **more: Any) -> dict[str, Any]:
    answer = api("POST", "/decide", {"channel": channel, "operation": operation, **more})
    assert answer.status == 200, answer.body
    decision: dict[str, Any] = answer.json
    assert decision["allowed"] is (decision["code"] is None)
    return decision


def test_the_whole_decision_is_answered(api: Api) -> None:
    version = api.rules(rule("chat/*", "A"), rule("*", "M"), rule("chat/a", "A", enabled=False), rule("other"))
    decision = ask(api, "send_public")
    assert decision["allowed"] is False
    assert decision["code"] == "public_messaging_off"
    assert decision["message"] == "Public messages are switched off on this channel."
    assert decision["rule"] == "chat/*"
    assert decision["version"] == version
    assert decision["steps"][-1]["state"] == "off"
    assert [(c["pattern"], c["outcome"]) for c in decision["considered"]] == [
        ("chat/*", "decides"),
        ("*", "less specific"),
        ("chat/a", "off"),
        ("other", "no match"),
    ]


@pytest.mark.parametrize("operation", [*Operation, "send"])
def test_every_operation_can_be_asked_for(api: Api, operation: str) -> None:
    api.rules(rule("chat/*", "A P M X V", history=25))
    assert ask(api, operation, **{"as": {"claims": {"sub": "ann"}}})["allowed"] is True


def test_whoever_asks(api: Api) -> None:
    api.rules(rule("chat/*", "M Ma"))
    token = api.token("ann")["token"]
    for anonymous in ("anonymous", {"anonymous": True}, None, ""):
        assert ask(api, "join", **{"as": anonymous})["code"] == "anonymous_not_allowed"
    for known in (token, {"token": token}, {"claims": {"sub": "a"}}, {"sub": "a"}, '{"sub": "a"}', {"claims": {}}):
        assert ask(api, "join", **{"as": known})["allowed"] is True
    narrowed = {"sub": "a", "authorized_channels": ["news"]}
    assert ask(api, "join", **{"as": narrowed})["code"] == "channel_not_authorized"
    bad = api("POST", "/decide", {"channel": "a", "operation": "join", "as": {"token": token + "x"}})
    assert (bad.status, bad.paths) == (422, ["as"])


def test_a_plain_message_is_what_the_rules_make_of_it(api: Api) -> None:
    known = {"as": {"sub": "ann"}}
    api.rules(rule("chat/*", "X"))
    assert ask(api, "send", **known)["operation"] == "send_authenticated"
    assert ask(api, "send")["operation"] == "send_public"
    api.rules(rule("chat/*", "M X"))
    assert ask(api, "send", **known)["operation"] == "send_public"
    assert ask(api, "send", authenticated=True, **known)["operation"] == "send_authenticated"
    assert ask(api, "send", facts={"peer": {}}, **known)["operation"] == "send_private"


def test_facts_count(api: Api) -> None:
    api.rules(rule("chat/*", "A P M V Va", history=25))
    known = {"as": {"sub": "ann"}}
    assert ask(api, "send_public", facts={"joined": False})["code"] == "not_joined"
    assert ask(api, "send_public", facts={"joined": None})["allowed"] is True
    assert ask(api, "send_public", facts={"muted": True})["code"] == "muted"
    assert ask(api, "join", facts={"banned": True})["code"] == "banned"
    assert ask(api, "join", facts={"blocked": True})["code"] == "blocked"
    assert ask(api, "sees_presence", facts={"asked_for_presence": False})["code"] == "presence_not_requested"
    for peer, code in (
        ({"present": False}, "target_not_present"),
        ({"as": "anonymous"}, "target_not_present"),
        ({"as": {"sub": "bob"}}, None),
    ):
        assert ask(api, "send_private", facts={"peer": peer}, **known)["code"] == code


@pytest.mark.parametrize("channel", ["", "x" * 256, "a\u0001b"])
def test_a_name_that_is_none_is_decided_too(api: Api, channel: str) -> None:
    assert ask(api, "join", channel)["code"] == "invalid_channel"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"operation": "fly"}, "operation"),
        ({"operation": ""}, "operation"),
        ({"facts": {"joined": 1}}, "facts.joined"),
        ({"facts": {"peer": {"as": "nonsense"}}}, "facts.peer.as"),
        ({"facts": {"surprise": 1}}, "facts.surprise"),
        ({"as": 5}, "as"),
        ({"authenticated": "yes"}, "authenticated"),
    ],
)
def test_questions_that_are_none(api: Api, change: dict[str, Any], path: str) -> None:
    answer = api("POST", "/decide", {"channel": "a", "operation": "join", **change})
    assert (answer.status, answer.paths) == (422, [path])


def test_asking_tells_nobody_and_changes_nothing(api: Api) -> None:
    api.rules()
    before = api("GET", "/channels").json
    ask(api, "send_public", "somewhere")
    assert api("GET", "/channels").json == before
