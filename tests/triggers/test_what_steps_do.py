"""What every kind of step does with an event, on a host that notes what would be done outside."""

import json
from typing import Any

import pytest

from tests.triggers.moments import ANN, moment, party, run
from webapp.core.codes import Code
from webapp.triggers.hosts import Noting
from webapp.triggers.moment import Answer, Moment, StepFailed
from webapp.triggers.steps.base import State


class Answering(Noting):
    """A host whose webhooks answer as told."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__("w")
        self.answer = Answer(status, body)
        self.asked: list[tuple[str, Any, float]] = []

    def ask(self, url: str, body: bytes, seconds: float) -> Answer:
        self.asked.append((url, json.loads(body), seconds))
        return self.answer


def changed(changes: list[dict[str, Any]], payload: Any, at: Moment | None = None) -> Any:
    """What a transform makes of a payload."""
    result = run("transform", {"changes": changes}, at or moment(payload))
    return payload if result.payload is None else json.loads(result.payload)


# Condition


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("event.payload.n > 1", True),
        ("event.payload.n > 2", False),
        ("event.payload.missing", False),
        ('event.client.extras.role === "agent"', True),
        ("event.client.userId", True),
        ("event.target", False),
        ("'false'", True),
        ("[]", True),
        ("0n", False),
        ("{ a: 1 }", True),
        ("event.params[0] === 'a' // of chat/*", True),
        ("(() => { for (const n of [1, 2]) if (n === 2) return true })()", True),
    ],
)
def test_a_condition_goes_on_if_it_is_true_of_the_event(expression: str, holds: bool) -> None:
    result = run("condition", {"expression": expression}, moment({"n": 2}, client=party("ada", role="agent")))
    assert (result.state is State.PASSED) is holds


def test_what_a_condition_does_otherwise() -> None:
    blocked = run("condition", {"expression": "false", "message": "Not now."}, moment())
    assert (blocked.state, blocked.told, blocked.code) == (State.BLOCKED, "Not now.", Code.BLOCKED_BY_TRIGGER)
    skipped = run("condition", {"expression": "false", "otherwise": "skip", "skip": 3}, moment())
    assert (skipped.state, skipped.skip) == (State.SKIPPED, 3)
    stopped = run("condition", {"expression": "false", "otherwise": "stop"}, moment())
    assert (stopped.state, stopped.skip) == (State.STOPPED, 0)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("event.payload.a.b", "TypeError: cannot read property 'b' of undefined"),
        ("nothing", "ReferenceError: nothing is not defined"),
        ("kv.get('a')", "An expression can't wait for a promise."),
        ("(() => { while (true); })()", "It ran out of time: it may compute for 50 ms."),
        ("(() => { throw new Error('x'.repeat(10000)) })()", "xxxx"),
    ],
)
def test_a_condition_that_breaks_fails(expression: str, why: str) -> None:
    with pytest.raises(StepFailed, match="^" + why.replace("(", r"\(")) as caught:
        run("condition", {"expression": expression}, moment({}))
    assert len(str(caught.value)) <= 500


def test_a_condition_changes_nothing() -> None:
    at = moment({"n": 1})
    run("condition", {"expression": "event.payload.n = 2"}, at)
    assert at.payload == b'{"n": 1}'
    assert run("condition", {"expression": "event.payload.n === 1"}, at).state is State.PASSED


# Validate

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}, "tags": {"items": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({"text": "hi"}, None),
        ({"text": 5}, "payload.text: 5 is not of type"),
        ({"tags": ["a", 7]}, "payload.tags[1]: 7 is not of type"),
        ([], "payload: [] is not of type"),
        (None, "payload: null is not of type"),
    ],
)
def test_validate_says_what_does_not_fit_and_where(payload: Any, why: str | None) -> None:
    result = run("validate", {"schema": SCHEMA}, moment(payload))
    assert result.state is (State.PASSED if why is None else State.BLOCKED)
    assert result.told.startswith(why or "")
    assert result.told == result.note


def test_validate_tells_its_own_message_and_keeps_why() -> None:
    result = run("validate", {"schema": SCHEMA, "message": "Text only."}, moment({"text": 5}))
    assert result.told == "Text only."
    assert result.note.startswith("payload.text: ")


def test_validate_shortens_what_it_says() -> None:
    assert len(run("validate", {"schema": False}, moment("x" * 60_000)).told) == 500


def test_schemas_of_older_drafts() -> None:
    schema = {"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 5, "exclusiveMinimum": True}
    assert run("validate", {"schema": schema}, moment(5)).state is State.BLOCKED
    assert run("validate", {"schema": schema}, moment(6)).state is State.PASSED


@pytest.mark.parametrize("kind", ["validate", "transform", "log"])
@pytest.mark.parametrize("payload", [b"1e400", b"[" * 5_000 + b"]" * 5_000])
def test_json_that_can_be_sent_and_not_be_read_fails_the_step(kind: str, payload: bytes) -> None:
    """A client may write ``1e400``, which no number here can hold; each once was an error in the server's log."""
    values = {"transform": {"changes": [{"field": "a", "value": "1"}]}, "log": {"text": "{{ event.channel }}"}}
    with pytest.raises(StepFailed, match="nested too deeply, or a number"):
        run(kind, values.get(kind, {}), moment(payload))


# Rate limit


def test_a_rate_limit_counts_what_it_lets_pass() -> None:
    host = Noting("w")
    values = {"limit": 2, "seconds": 60, "message": "Slowly."}
    results = [run("rate_limit", values, moment(host=host)) for _ in range(4)]
    assert [result.state for result in results] == [State.PASSED] * 2 + [State.BLOCKED] * 2
    assert (results[2].code, results[2].told) == (Code.RATE_LIMITED, "Slowly.")
    assert results[2].note.startswith("More than 2 in 60 s for this user; the next may come in ")


@pytest.mark.parametrize(
    ("per", "same", "other"),
    [
        ("client", {}, {"client": party("bob")}),
        ("user", {"channel": "chat/b"}, {"client": party("bob")}),
        ("address", {"client": party("bob")}, {"client": party(address="192.0.2.2")}),
        ("channel", {"client": party("bob")}, {"channel": "chat/b"}),
    ],
)
def test_whom_a_rate_limit_counts(per: str, same: dict[str, Any], other: dict[str, Any]) -> None:
    host = Noting("w")
    values = {"limit": 1, "per": per}
    assert run("rate_limit", values, moment(host=host)).state is State.PASSED
    assert run("rate_limit", values, moment(host=host, **same)).state is State.BLOCKED
    assert run("rate_limit", values, moment(host=host, **other)).state is State.PASSED


def test_anonymous_clients_count_one_by_one_and_the_server_as_one() -> None:
    host = Noting("w")
    values = {"limit": 1, "per": "user"}
    for name in ("s1", "s2"):
        assert run("rate_limit", values, moment(host=host, client=party(name, anonymous=True))).state is State.PASSED
    for expected in (State.PASSED, State.BLOCKED):
        assert run("rate_limit", values, moment(host=host, on="event", client=None)).state is expected


def test_a_user_whose_id_is_that_of_a_connection_is_not_taken_for_it() -> None:
    host = Noting("w")
    values = {"limit": 1, "per": "user"}
    assert run("rate_limit", values, moment(host=host, client=party("bob", anonymous=True))).state is State.PASSED
    assert run("rate_limit", values, moment(host=host, client=party("s-bob"))).state is State.PASSED


def test_every_trigger_and_every_limit_counts_for_itself() -> None:
    host = Noting("w")
    for trigger, limit in (("a", 1), ("b", 1), ("a", 2)):
        assert run("rate_limit", {"limit": limit}, moment(host=host, trigger=trigger)).state is State.PASSED
    assert run("rate_limit", {"limit": 1}, moment(host=host, trigger="a")).state is State.BLOCKED


# Transform


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [
        ({"field": "a", "value": "1"}, {}, {"a": 1}),
        ({"field": "a", "value": "text"}, {}, {"a": "text"}),
        ({"field": "a", "value": '"1"'}, {}, {"a": "1"}),
        ({"field": "a", "value": ""}, {"a": 1}, {"a": ""}),
        ({"field": "a", "value": '{"b": [true, null]}'}, {}, {"a": {"b": [True, None]}}),
        ({"field": "a.b.c", "value": "1"}, {"a": {"x": 1}}, {"a": {"x": 1, "b": {"c": 1}}}),
        ({"field": "a.b", "value": "1"}, {"a": 5}, {"a": {"b": 1}}),
        ({"field": "a", "value": "{{ event.client.userId }}"}, {}, {"a": "ann"}),
        ({"field": "a", "value": "{{ event.client.extras }}"}, {}, {"a": {}}),
        ({"field": "a", "value": "by {{ event.client.userId }}"}, {}, {"a": "by ann"}),
        ({"field": "a", "value": '{"by": "{{ event.payload.b }}"}'}, {"b": [1]}, {"b": [1], "a": {"by": [1]}}),
        ({"field": "a", "value": "{{ event.payload.none }}"}, {}, {"a": None}),
        ({"do": "remove", "field": "a"}, {"a": 1, "b": 2}, {"b": 2}),
        ({"do": "remove", "field": "a.b"}, {"a": {"b": 1}}, {"a": {}}),
        ({"do": "remove", "field": "a.b.c"}, {"a": 5}, {"a": 5}),
        ({"do": "mask", "field": "a"}, {"a": "4111"}, {"a": "•••"}),
        ({"do": "mask", "field": "a"}, {"a": None}, {"a": "•••"}),
        ({"do": "mask", "field": "b"}, {"a": 1}, {"a": 1}),
        ({"do": "rename", "field": "a", "to": "b"}, {"a": None}, {"b": None}),
        ({"do": "rename", "field": "a.b", "to": "c.d"}, {"a": {"b": 1}}, {"a": {}, "c": {"d": 1}}),
        ({"do": "rename", "field": "x", "to": "b"}, {"a": 1}, {"a": 1}),
        ({"do": "rename", "field": "a", "to": "a"}, {"a": 1}, {"a": 1}),
        ({"field": "__proto__.a", "value": "1"}, {}, {"__proto__": {"a": 1}}),
    ],
)
def test_transform_changes_fields(change: dict[str, Any], before: Any, after: Any) -> None:
    assert changed([change], before) == after


def test_changes_are_made_one_after_the_other() -> None:
    rows = [
        {"field": "a", "value": "1"},
        {"do": "rename", "field": "a", "to": "b"},
        {"field": "a", "value": "{{ event.payload.c }}"},
    ]
    assert changed(rows, {"c": 2}) == {"b": 1, "c": 2, "a": 2}


def test_what_is_filled_in_is_text_and_no_template() -> None:
    assert changed([{"field": "a", "value": "{{ event.payload.b }}!"}], {"b": "{{ event.channel }}"})["a"] == (
        "{{ event.channel }}!"
    )


def test_transforms_do_not_share_what_they_set() -> None:
    rows = [{"field": "a", "value": '{"b": {}}'}, {"field": "a.b.c", "value": "{{ event.payload.n }}"}]
    assert changed(rows, {"n": 1})["a"] == {"b": {"c": 1}}
    assert changed([rows[0]], {})["a"] == {"b": {}}
    at = moment({"x": {"y": 1}})
    rows = [{"field": "copy", "value": "{{ event.payload.x }}"}, {"field": "copy.y", "value": "2"}]
    assert changed(rows, None, at) == {"x": {"y": 1}, "copy": {"y": 2}}
    assert at.values["payload"] == {"x": {"y": 1}}


@pytest.mark.parametrize("payload", ["text", 5, None, [1], True])
def test_a_payload_without_fields_cannot_be_transformed(payload: Any) -> None:
    with pytest.raises(StepFailed, match="The payload is no object"):
        changed([{"do": "remove", "field": "a"}], payload)


# Publish


@pytest.mark.parametrize(
    ("values", "effect"),
    [
        ({}, "It would publish an event in `chat/a`: `{}`"),
        (
            {"channel": "log/{{ event.params[0] }}", "event": "said", "data": {"by": "{{ event.client.userId }}"}},
            'It would publish an event `said` in `log/a`: `{"by":"ann"}`',
        ),
        ({"to": "client"}, "It would publish an event in `chat/a` to the client `s-ann`: `{}`"),
        (
            {"to": "user", "data": "{{ event.payload }}"},
            'It would publish an event in `chat/a` to the user `ann`: `"hi"`',
        ),
        ({"data": ["{{ event.payload }}!", 1]}, 'It would publish an event in `chat/a`: `["hi!",1]`'),
    ],
)
def test_publish_fills_in_what_it_sends_and_to_whom(values: dict[str, Any], effect: str) -> None:
    host = Noting("w")
    assert run("publish", values, moment("hi", host)).state is State.PASSED
    assert host.effects == [effect]


@pytest.mark.parametrize("payload", ["", "a" * 5_000, "a\nb"])
def test_publish_to_a_channel_that_cannot_be_fails(payload: str) -> None:
    host = Noting("w")
    with pytest.raises(StepFailed, match="It would publish to a channel that can't be"):
        run("publish", {"channel": "{{ event.payload }}"}, moment(payload, host))
    assert host.effects == []


def test_publish_to_the_user_of_an_event_that_has_none_sends_nothing() -> None:
    """An anonymous client has no user; an empty id must not be taken for no id, which is everyone."""
    host = Noting("w")
    for to, client in (("user", party("bob", anonymous=True)), ("user", None), ("client", None)):
        result = run("publish", {"to": to}, moment("hi", host, client=client))
        assert (result.state, result.note) == (State.PASSED, f"There is no {to} to send it to.")
    assert host.effects == []


# Log


@pytest.mark.parametrize(("to", "where"), [("audit", "the audit trail"), ("history", "the channel's history")])
def test_log_writes_a_line(to: str, where: str) -> None:
    host = Noting("w")
    values = {"to": to, "text": "{{ event.client.userId }}: {{ event.payload.n }} {{ event.payload }}"}
    assert run("log", values, moment({"n": 1}, host)).state is State.PASSED
    assert host.effects == [f'It would log in {where}: `ann: 1 {{"n":1}}`']


def test_log_shortens_what_it_writes() -> None:
    host = Noting("w")
    run("log", {"text": "{{ event.payload }}"}, moment("x" * 60_000, host))
    assert len(host.effects[0]) < 4_100


# Webhook


@pytest.mark.parametrize(
    ("status", "body", "state", "told", "payload"),
    [
        (204, b"", State.PASSED, "", None),
        (200, b" \n", State.PASSED, "", None),
        (200, b"true", State.PASSED, "", None),
        (200, b"null", State.PASSED, "", None),
        (200, b'{"ok": 1}', State.PASSED, "", None),
        (200, b'{"allow": true}', State.PASSED, "", None),
        (200, b"false", State.BLOCKED, "", None),
        (200, b'{"allow": false}', State.BLOCKED, "", None),
        (200, b'{"allow": false, "message": "Mind your words."}', State.BLOCKED, "Mind your words.", None),
        (200, b'{"allow": false, "message": 5}', State.BLOCKED, "", None),
        (200, b'{"allow": false, "payload": 1}', State.BLOCKED, "", None),
        (201, b'{"payload": {"a": 1}}', State.CHANGED, "", b'{"a":1}'),
        (200, b'{"payload": null}', State.CHANGED, "", b"null"),
    ],
)
def test_what_the_answer_of_a_webhook_does(
    status: int, body: bytes, state: State, told: str, payload: bytes | None
) -> None:
    host = Answering(status, body)
    result = run("webhook", {"url": "https://hooks.example.com/", "seconds": 2}, moment({"n": 1}, host))
    assert (result.state, result.told, result.payload) == (state, told, payload)
    [(url, sent, seconds)] = host.asked
    assert (url, seconds) == ("https://hooks.example.com/", 2.0)
    assert sent["type"] == "message"
    assert (sent["data"]["payload"], sent["data"]["client"]["userId"]) == ({"n": 1}, "ann")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", "It answered with status 500."),
        (302, b"false", "It answered with status 302."),
        (200, b"<html>", "Its answer is not JSON."),
        (200, b"[" * 100_000, "Its answer is not JSON."),
        (200, b'{"payload": 1e400}', "Its answer is not JSON."),
    ],
)
def test_an_answer_that_cannot_be_used_fails(status: int, body: bytes, why: str) -> None:
    with pytest.raises(StepFailed, match=why):
        run("webhook", {"url": "https://hooks.example.com/"}, moment(host=Answering(status, body)))


def test_a_webhook_afterwards_is_only_noted() -> None:
    host = Answering(200, b"false")
    assert (
        run("webhook", {"url": "https://hooks.example.com/", "when": "after"}, moment(host=host)).state is State.PASSED
    )
    assert host.asked == []
    assert host.effects == ["It would have a webhook delivered to `https://hooks.example.com/`."]


def test_a_long_message_of_a_webhook_is_shortened() -> None:
    body = json.dumps({"allow": False, "message": "x" * 5_000}).encode()
    assert len(run("webhook", {"url": "https://a.example/"}, moment(host=Answering(200, body))).told) == 500


# Stop, and JavaScript


def test_stop_stops() -> None:
    assert run("stop", {}, moment()).state is State.STOPPED


@pytest.mark.parametrize(
    ("code", "state", "told", "payload"),
    [
        ("(event) => event", State.PASSED, "", None),
        ("() => {}", State.PASSED, "", None),
        ("() => null", State.PASSED, "", None),
        ("() => true", State.PASSED, "", None),
        ("async () => {}", State.PASSED, "", None),
        ("() => false", State.BLOCKED, "", None),
        ("async () => false", State.BLOCKED, "", None),
        ("() => { throw new Error('No.') }", State.BLOCKED, "No.", None),
        ("async () => { throw 'No.' }", State.BLOCKED, "No.", None),
        ("() => Promise.reject(new Error('No.'))", State.BLOCKED, "No.", None),
        ("(event) => { event.payload.n += 1; return event }", State.CHANGED, "", b'{"n":2}'),
        ("(event) => { event.payload.n += 1 }", State.PASSED, "", None),
        ("(event) => ({ payload: null })", State.CHANGED, "", b"null"),
        ("(event) => ({ payload: [event.payload.n] })", State.CHANGED, "", b"[1]"),
        ("(event) => { event.channel = 'other'; return event }", State.PASSED, "", None),
    ],
)
def test_what_a_function_returns_or_throws(code: str, state: State, told: str, payload: bytes | None) -> None:
    result = run("javascript", {"code": code}, moment({"n": 1}))
    assert (result.state, result.told, result.payload) == (state, told, payload)


def test_what_a_function_writes_to_the_console_is_noted() -> None:
    said = run("javascript", {"code": "(event) => { console.log('n is', event.payload) }"}, moment(7))
    assert (said.state, said.note) == (State.PASSED, "n is 7")
    blocked = run("javascript", {"code": "() => { console.warn('why'); return false }"}, moment())
    assert blocked.note == "It returned false. (console: why)"


def test_an_event_as_code_sees_it() -> None:
    code = "(event) => { const { payload, ...others } = event; return { payload: others } }"
    at = moment("hi", client=party("ann", role="agent"), target=party("bob"), params=("a", "b"))
    made = json.loads(run("javascript", {"code": code}, at).payload or b"")
    assert made == {
        "action": "message",
        "channel": "chat/a",
        "params": ["a", "b"],
        "client": {
            "id": "s-ann",
            "socketId": "s-ann",
            "userId": "ann",
            "user_id": "ann",
            "authenticated": True,
            "extras": {"role": "agent"},
            "permissions": {"dbo_id": 0, "row_id": 0},
        },
        "target": json.loads(party("bob").json),
        "options": {"channel": "chat/a", "authenticated": False, "socketId": "s-bob"},
        "id": "17000000000000000",
        "time": 1_700_000_000_000,
    }
    joins = moment(on="join", authorized=False, client=ANN)
    assert joins.values["authorized"] is False
    assert "authorized" not in at.values
    of_server = moment(on="event", client=None, event="news")
    assert (of_server.values["client"], of_server.values["options"]["event"]) == (None, "news")
