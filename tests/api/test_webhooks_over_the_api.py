"""Webhooks over the API: made, changed, tried, followed and deleted by a key; bad input changes nothing."""

from collections.abc import Iterator

import pytest

from tests.receiver import Receiver, receiving
from tests.servers import until
from webapp.triggers.webhooks import new_secret

from .client import Api, Server
from .conftest import started

MADE = {"name": "Hook", "url": "https://hooks.example.com/a", "events": ["message"]}


@pytest.fixture(autouse=True)
def none_left(api: Api) -> Iterator[None]:
    yield
    for webhook in api("GET", "/webhooks").json["webhooks"]:
        assert api("DELETE", f"/webhooks/{webhook['id']}").status == 200


def test_it_is_made_changed_and_deleted(server: Server, api: Api) -> None:
    answer = api("POST", "/webhooks", MADE | {"channels": ["chat/*"], "condition": "event.client !== null"})
    assert answer.status == 201
    made = answer.json
    assert len(made["secret"]) == len(new_secret())
    assert (made["events"], made["channels"], made["active"], made["waiting"]) == (["message"], ["chat/*"], True, 0)
    listed = next(row for row in api("GET", "/webhooks").json["webhooks"] if row["id"] == made["id"])
    assert "secret" not in listed
    assert {name: made[name] for name in listed} == listed
    at = f"/webhooks/{made['id']}"
    changed = api("PATCH", at, {"name": "Other", "events": ["join", "alert"], "alerts": {"denials": 5}}).json
    assert (changed["name"], changed["events"], changed["alerts"], changed["channels"], changed["secret"]) == (
        "Other", ["join", "alert"], {"denials": 5}, ["chat/*"], None,
    )  # fmt: skip
    assert api("PATCH", at, {"active": False}).json["off_because"] == "Switched off by hand."
    assert api("POST", at + "/test").error == "conflict"
    assert api("PATCH", at, {"active": True}).json["active"]
    rotated = api("PATCH", at, {"rotate": True}).json["secret"]
    assert rotated.startswith("whsec_")
    assert rotated != made["secret"]
    assert api("DELETE", at).json == {"id": made["id"], "dropped": 0}
    assert api("PATCH", at, {"name": "x"}).error == "not_found"
    for action in ("create", "update", "disable", "enable", "rotate", "delete"):
        entry = server.entries(f"webhook:{action}")[0]
        assert entry.source == "api"
        assert "whsec_" not in str(entry.before) + str(entry.after)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"url": "hooks.example.com"}, "url"),
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://me:secret@hooks.example.com/"}, "url"),
        ({"url": "https://hooks.example.com/" + "x" * 1000}, "url"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"events": []}, "events"),
        ({"events": ["said"]}, "events[0]"),
        ({"channels": ["a*"]}, "channels"),
        ({"channels": [""]}, "channels"),
        ({"channels": ["c"] * 5 + [f"c{n}" for n in range(101)]}, "channels"),
        ({"condition": "event.("}, "condition"),
        ({"condition": "x" * 4001}, "condition"),
        ({"events": ["alert"]}, "alerts"),
        ({"alerts": {"denials": -1}}, "alerts.denials"),
        ({"alerts": {"moods": 1}}, "alerts.moods"),
        ({"alerts": {"unusual": 1}}, "alerts.unusual"),
        ({"secret": "whsec_x"}, "secret"),
    ],
)
def test_what_is_refused(api: Api, change: dict[str, object], path: str) -> None:
    answer = api("POST", "/webhooks", MADE | change)
    assert (answer.status, answer.error, answer.paths) == (422, "invalid_input", [path])
    assert api("GET", "/webhooks").json == {"webhooks": []}
    number = api("POST", "/webhooks", MADE).json["id"]
    assert api("PATCH", f"/webhooks/{number}", change).paths == [path]
    assert api("GET", "/webhooks").json["webhooks"][0]["name"] == "Hook"


def test_others_have_theirs(server: Server, api: Api) -> None:
    other = server.api(workspace="other")
    number = other("POST", "/webhooks", MADE).json["id"]
    assert api("GET", "/webhooks").json == {"webhooks": []}
    for method, path in (
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("GET", "/deliveries"),
    ):
        body = {"name": "Mine"} if method == "PATCH" else None
        assert api(method, f"/webhooks/{number}{path}", body).error == "not_found"
    assert api("POST", "/deliveries/1/resend").error == "not_found"
    assert api("POST", f"/deliveries/{'9' * 18}/resend").error == "not_found"
    assert api("GET", f"/webhooks/{'9' * 18}/deliveries").error == "not_found"
    assert other("DELETE", f"/webhooks/{number}").status == 200


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_deliveries_are_followed_and_made_again(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, api: Api
) -> None:
    settings = {"allow_private_addresses": "on", "webhook_retries": "0.1"}
    with started(tmp_path_factory.mktemp("hooks"), **settings) as server:
        api = server.api()
        made = api("POST", "/webhooks", MADE | {"url": receiver.url}).json
        at = f"/webhooks/{made['id']}"
        receiver.status = 500
        key = api("POST", at + "/test").json["key"]
        until(lambda: api("GET", at + "/deliveries?state=failed").json["deliveries"])
        receiver.status, receiver.body = 200, b"thanks"
        for number in range(3):
            api.publish("a", number)
        until(lambda: len(api("GET", at + "/deliveries?state=delivered").json["deliveries"]) == 3)
        page = api("GET", at + "/deliveries?limit=2").json
        assert [each["body"]["data"]["payload"] for each in page["deliveries"]] == [2, 1]
        rest = api("GET", f"{at}/deliveries?before={page['older']}").json
        assert [each["type"] for each in rest["deliveries"]] == ["message", "test"]
        assert rest["older"] is None
        failed = rest["deliveries"][1]
        assert (failed["key"], failed["state"], failed["attempts"], failed["status"]) == (key, "failed", 2, 500)
        again = api("POST", f"/deliveries/{failed['id']}/resend").json
        assert (again["key"], again["state"], again["finished_at"]) == (key, "pending", None)
        until(lambda: not api("GET", at + "/deliveries?state=pending").json["deliveries"])
        assert [request.id for request in receiver.requests].count(key) == 3
        for request in receiver.requests:
            request.verified(made["secret"])
        (shown,) = api("GET", "/webhooks").json["webhooks"]
        assert (shown["waiting"], shown["failed"]) == (0, 0)
        assert shown["delivered_at"] is not None
        metrics = server.request("GET", "/metrics").body.decode()
        assert 'tidegate_webhook_deliveries_total{outcome="delivered"} 4.0' in metrics
        assert "tidegate_webhook_pending 0.0" in metrics
        for query in ("state=lost", "limit=0", "limit=501", "before=0", "before=x", "page=1"):
            assert api("GET", f"{at}/deliveries?{query}").status == 422


def test_who_may(server: Server) -> None:
    for scope in ("read", "publish", "tokens"):
        assert server.api(scope)("GET", "/webhooks").error == "scope_missing"
