"""Triggers on a real server: what they see, what they change, whom they stop, and what their trouble costs others."""

import json
import re
import time
from typing import Any

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Client, Connect, settle

Json = dict[str, Any]
RATE_LIMIT = """async function rateLimit(event) {
  const userId = event.client.user_id || event.client.id;
  const recentMessages = await getUserRecentMessages(userId, event.channel);
  const recent = recentMessages.filter((message) => Date.now() - message.timestamp < 60000);
  if (recent.length >= 5) {
    throw new Error("Rate limit exceeded");
  }
  await logMessage(userId, event.channel, Date.now());
  return event;
}"""


def trigger(*steps: Json, on: tuple[str, ...] = ("message",), name: str = "guard", **fields: Any) -> Json:
    """Write a trigger as the settings document does."""
    return {"name": name, "events": list(on), "steps": list(steps), **fields}


def javascript(code: str, **limits: int) -> Json:
    return {"type": "javascript", "code": code, **limits}


def condition(expression: str, **fields: Any) -> Json:
    return {"type": "condition", "expression": expression, **fields}


def told(client: Client) -> tuple[str, str]:
    """The code and the sentence of the error that comes next."""
    error = client.error()
    return error["code"], error["message"]


def said(client: Client) -> Any:
    """The payload of the message that comes next."""
    return client.take("message")["payload"]


def test_a_rule_without_triggers_beside_one_with(server: Server, connect: Connect) -> None:
    server.publish(rule("plain", "A M"), rule("guarded", "A M", triggers=[trigger(condition("false"))]))
    client = connect()
    for channel in ("plain", "guarded"):
        assert client.join(channel)["action"] == "join"
    client.say("plain", 1)
    assert said(client) == 1
    client.say("guarded", 1)
    assert told(client) == ("blocked_by_trigger", "A trigger of this channel blocked this.")


def test_a_function_changes_the_payload_of_all(server: Server, connect: Connect) -> None:
    code = "async function (event) { event.payload.text = event.payload.text.toUpperCase(); return event; }"
    server.publish(rule("chat", "A M", triggers=[trigger(javascript(code))]))
    one, other = connect(), connect()
    for client in (one, other):
        client.join("chat")
    one.say("chat", {"text": "hello", "number": 12345678901234567890})
    assert said(one) == said(other)
    one.say("chat", {"text": "LOUD", "number": 12345678901234567890})
    assert said(other) == {"text": "LOUD", "number": 12345678901234567890}, "what is not changed keeps its bytes"


def test_what_a_trigger_sees(server: Server, connect: Connect) -> None:
    code = "(event) => ({ payload: event })"
    everything = trigger(javascript(code))
    server.publish(rule("team/*/room/*", "A P M X V", triggers=[everything]))
    ann = connect(server.token("ann", extras={"team": "red"}, dbo_id=3, row_id=7))
    bob = connect(server.token("bob"))
    for client in (ann, bob):
        client.join("team/red/room/one/two")
    ann.say("team/red/room/one/two", {"a": 1}, authenticated=True)
    seen = said(bob)
    client = seen["client"]
    assert seen["action"] == "message"
    assert (seen["channel"], seen["params"]) == ("team/red/room/one/two", ["red", "one/two"])
    assert seen["options"] == {"channel": "team/red/room/one/two", "authenticated": True}
    assert seen["payload"] == {"a": 1}
    assert abs(seen["time"] / 1000 - time.time()) < 60
    assert len(seen["id"]) == 17
    assert (client["extras"], client["permissions"]) == ({"team": "red"}, {"dbo_id": 3, "row_id": 7})
    assert (client["userId"], client["user_id"], client["authenticated"]) == ("ann", "ann", True)
    assert client["socketId"] == client["id"]
    assert said(ann) == seen
    ann.whisper("team/red/room/one/two", bob_id := server.call("clients")[1]["socket_id"], "psst")
    private = said(bob)
    assert private["target"]["socketId"] == private["options"]["socketId"] == bob_id
    assert private["target"]["userId"] == "bob"


def test_false_blocks_an_error_is_told_and_nothing_lets_pass(server: Server, connect: Connect) -> None:
    code = """async function (event) {
      if (event.payload === "false") return false;
      if (event.payload === "throw") throw new Error("Not today, <b>friend</b>.");
      if (event.payload === "broken") event.nothing.there;
    }"""
    server.publish(rule("chat", "A M", triggers=[trigger(javascript(code))]))
    one, other = connect(), connect()
    for client in (one, other):
        client.join("chat")
    one.say("chat", "false")
    assert told(one)[0] == "blocked_by_trigger"
    one.say("chat", "throw")
    assert told(one) == ("blocked_by_trigger", "Not today, <b>friend</b>.")
    one.say("chat", "broken")
    assert told(one) == ("trigger_failed", "A trigger of this channel failed, so this was not let through.")
    one.say("chat", "fine")
    assert said(one) == said(other) == "fine"


def test_a_failing_trigger_may_let_pass(server: Server, connect: Connect) -> None:
    code = "(event) => { event.payload = 'half done'; throw new TypeError('x'); }"
    server.publish(rule("chat", "A M", triggers=[trigger(javascript(code), on_failure="pass")]))
    client = connect()
    client.join("chat")
    client.say("chat", "whole")
    assert said(client) == "whole"


def test_triggers_run_in_order_on_what_the_one_before_left(server: Server, connect: Connect) -> None:
    def add(letter: str) -> Json:
        return trigger(javascript(f"(event) => ({{ payload: event.payload + '{letter}' }})"), name=letter)

    off = trigger(condition("false"), name="off", enabled=False)
    elsewhere = trigger(condition("false"), name="elsewhere", on=("join",), enabled=False)
    server.publish(rule("chat", "A M", triggers=[add("b"), off, elsewhere, add("c")]))
    client = connect()
    client.join("chat")
    client.say("chat", "a")
    assert said(client) == "abc"


def test_conditions_skip_and_stop(server: Server, connect: Connect) -> None:
    def mark(word: str) -> Json:
        return {"type": "transform", "changes": [{"do": "set", "field": word, "value": "true"}]}

    steps = (
        condition("event.payload.go", otherwise="skip", skip=2),
        mark("one"),
        mark("two"),
        mark("three"),
        condition("event.payload.go", otherwise="stop"),
        mark("four"),
    )
    server.publish(rule("chat", "A M", triggers=[trigger(*steps)]))
    client = connect()
    client.join("chat")
    client.say("chat", {"go": True})
    assert said(client) == {"go": True, "one": True, "two": True, "three": True, "four": True}
    client.say("chat", {"go": False})
    assert said(client) == {"go": False, "three": True}


def test_joins_are_decided_by_triggers_and_rules(server: Server, connect: Connect) -> None:
    same_team = trigger(
        condition("event.client.extras.team === event.params[0]", message="Not your team."), on=("join",)
    )
    server.publish(rule("team/*/workspace/*", "M Ma P", triggers=[same_team]))
    red, nobody = connect(server.token("r", extras={"team": "red"})), connect()
    assert red.join("team/red/workspace/1")["action"] == "join"
    refused = red.join("team/blue/workspace/1")["payload"]
    assert (refused["code"], refused["message"]) == ("blocked_by_trigger", "Not your team.")
    # The rules decide first of what both refuse; and what the trigger lets pass they may still refuse.
    assert nobody.join("team/red/workspace/1")["payload"]["code"] == "anonymous_not_allowed"
    assert red.join("team/red/workspace/1")["action"] == "join", "a doubled join is no error"


def test_a_doubled_join_runs_no_trigger_again(server: Server, connect: Connect) -> None:
    once = javascript("async (event) => (await kv.increment('joins')) > 1 ? false : event")
    server.publish(rule("chat", "A", triggers=[trigger(once, on=("join",), name="once")]))
    client = connect()
    assert client.join("chat")["action"] == "join"
    assert client.join("chat")["action"] == "join"
    assert connect().join("chat")["payload"]["code"] == "blocked_by_trigger"


def test_join_triggers_run_for_those_whom_the_rules_refuse(server: Server, connect: Connect) -> None:
    note = javascript("async (event) => { if (!event.authorized) await publish('watch', event.channel); }")
    server.publish(rule("closed", "M Ma", triggers=[trigger(note, on=("join",))]), rule("watch", "A"))
    watcher = connect()
    watcher.join("watch")
    assert connect().join("closed")["payload"]["code"] == "anonymous_not_allowed"
    assert watcher.next()["payload"] == {"data": "closed"}


@pytest.mark.parametrize("way", ["leaves", "closes", "is cut", "is kicked", "is taken out"])
def test_leave_triggers_run_however_one_leaves(server: Server, connect: Connect, way: str) -> None:
    report = {"type": "publish", "channel": "watch", "data": {"left": "{{ event.client.userId }}"}, "event": "left"}
    server.publish(rule("chat", "M Ma", triggers=[trigger(report, on=("leave",))]), rule("watch", "A"))
    watcher, ann = connect(), connect(server.token("ann"))
    watcher.join("watch")
    ann.join("chat")
    if way == "leaves":
        ann.send("leave", "chat")
    elif way == "closes":
        ann.leave()
    elif way == "is cut":
        ann.end()
    elif way == "is kicked":
        server.call("kick", socket_id=next(c["socket_id"] for c in server.call("clients") if c["user_id"] == "ann"))
    else:
        server.call("take_out", channel="chat", user="ann")
    frame = watcher.next()
    assert (frame["action"], frame["payload"]) == ("event", {"data": {"left": "ann"}})
    assert frame["options"]["event"] == "left"


def test_events_of_the_server_set_off_their_triggers_alone(server: Server, connect: Connect) -> None:
    twice = trigger(
        {"type": "publish", "channel": "chat", "data": "echo"}, condition("event.payload !== 'no'"), on=("event",)
    )
    server.publish(rule("chat", "A M", triggers=[twice]))
    client = connect()
    client.join("chat")
    assert server.call("event", channel="chat", data="yes")["recipients"] == 1
    assert [client.next()["payload"]["data"] for _ in range(2)] == ["echo", "yes"], "and no echo of the echo"
    assert server.call("event", channel="chat", data="no")["refused"] == {"blocked_by_trigger": 1}
    assert client.next()["payload"]["data"] == "echo"
    client.say("chat", "mine")
    assert said(client) == "mine"


def test_the_rate_limit_of_the_documentation_runs_unchanged(server: Server, connect: Connect) -> None:
    server.publish(rule("chat/*", "A M", triggers=[trigger(javascript(RATE_LIMIT))]))
    one, other = connect(), connect(server.token("u1"))
    for client in (one, other):
        client.join("chat/a")
    for number in range(5):
        one.say("chat/a", number)
        assert said(one) == said(other) == number
    for _ in range(2):
        one.say("chat/a", "more")
        assert told(one) == ("blocked_by_trigger", "Rate limit exceeded")
    other.say("chat/a", "others may")
    assert said(other) == said(one) == "others may"
    one.join("chat/b")
    one.say("chat/b", "and elsewhere")
    assert said(one) == "and elsewhere"


def test_the_rate_limit_step(server: Server, connect: Connect) -> None:
    limit = {"type": "rate_limit", "limit": 2, "seconds": 60, "per": "user", "message": "Two a minute."}
    server.publish(rule("chat", "A M", triggers=[trigger(limit)]))
    first, second = connect(server.token("ann")), connect(server.token("ann"))
    first.join("chat")
    second.join("chat")
    for client in (first, second):
        client.say("chat", 1)
        assert said(client) == 1
        settle(first, second)
    second.say("chat", 3)
    assert told(second) == ("rate_limited", "Two a minute.")


def test_the_order_of_one_client_is_kept_and_others_overtake(server: Server, connect: Connect) -> None:
    slow = javascript(
        "(event) => { const end = Date.now() + (event.payload.slow ? 300 : 0); while (Date.now() < end); }",
        milliseconds=1000,
    )
    server.publish(rule("chat", "A M", history=25, triggers=[trigger(slow)]))
    one, other = connect(), connect()
    for client in (one, other):
        client.join("chat")
    one.say("chat", {"slow": True})
    one.say("chat", {"n": 1})
    other.say("chat", {"n": 2})
    frames = [other.next() for _ in range(3)]
    assert [frame["payload"] for frame in frames] == [{"n": 2}, {"slow": True}, {"n": 1}]
    ids = [int(frame["id"]) for frame in frames]
    assert ids == sorted(ids), "the order in which they were delivered is the order of the history"
    assert {run["message"] for run in server.call("trigger_runs")[:3]} == set(ids), "a run names its message"
    late = connect()
    late.join("chat", history=True)
    assert [f["payload"] for f in late.next()["payload"]["history"]] == [{"n": 2}, {"slow": True}, {"n": 1}]


def test_who_lost_the_right_while_a_trigger_ran_is_refused(server: Server, connect: Connect) -> None:
    slow = javascript("(event) => { const end = Date.now() + 400; while (Date.now() < end); }", milliseconds=1000)
    server.publish(rule("chat", "A M", triggers=[trigger(slow)]))
    client, other = connect(), connect(server.token("ann"))
    for each in (client, other):
        each.join("chat")
    client.say("chat", "late")
    server.publish(rule("chat", "M Ma A"))
    assert told(client)[0] == "authentication_required"
    assert other.sync() == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("(event) => { while (true); }", "ran out of time"),
        ("async (event) => { while (true) await null; }", "ran out of time"),
        ("async (event) => { for (;;) await kv.get('x'); }", "ran out of time|call helpers"),
        ("(event) => { const again = () => again() + 1; again(); }", "Maximum call stack"),
        ("(event) => { const all = []; for (;;) all.push(new Array(1000).fill(7)); }", "memory|ran out of time"),
        ("(event) => { let text = 'x'; for (;;) text += text; }", "memory|too long|ran out of time"),
        ("(event) => /^(a+)+$/.test('a'.repeat(60) + 'b')", "ran out of time"),
        ("(event) => new Promise(() => {})", "never settles"),
        ("(event) => { Object.prototype.role = 'agent'; return event; }", "not extensible"),
        ("(event) => { event.__proto__.role = 'agent'; return event; }", "not extensible"),
        ("(event) => { Array.prototype.push = null; return event; }", "read-only"),
        ("async (event) => { await import('os'); return event; }", "could not load"),
        ("(event) => process.exit()", "not defined"),
        ("(event) => require('fs')", "not defined"),
        ("(event) => fetch('http://127.0.0.1/')", "not defined"),
        ("(event) => { throw {}; }", "no Error"),
        ("(event) => 5", "returned neither"),
        ("(event) => { const a = {}; a.a = a; return { payload: a }; }", "circular"),
        ("(event) => ({ payload: 'x'.repeat(100000) })", "a message has at most"),
    ],
)
def test_trouble_is_contained_and_explained(server: Server, connect: Connect, code: str, why: str) -> None:
    server.publish(rule("chat", "A M", triggers=[trigger(javascript(code))]), rule("calm", "A M"))
    client = connect()
    client.join("chat")
    client.say("chat", {"text": "hello"})
    frame = client.next()
    assert frame["payload"]["code"] == "trigger_failed"
    assert re.search(why, server.call("explain", ref=frame["payload"]["ref"])[-1])
    run = server.call("trigger_runs")[0]
    assert (run["state"], run["trigger"], run["channel"]) == ("failed", "guard", "chat")
    assert re.search(why, run["note"])
    # The next message of a harmless trigger finds the engine in order.
    fine = javascript("(event) => ({ payload: Object.keys({}).length + (({}).role ? 1 : 0) })")
    server.publish(rule("chat", "A M", triggers=[trigger(fine)]))
    client.say("chat", {})
    assert said(client) == 0


def test_payloads_that_pollute_change_nothing_for_the_next(server: Server, connect: Connect) -> None:
    careless = javascript(
        """(event) => {
          const merge = (to, from) => { for (const key in from) {
            if (typeof from[key] === "object" && typeof to[key] === "object") merge(to[key], from[key]);
            else to[key] = from[key];
          } return to; };
          try { merge({}, JSON.parse(JSON.stringify(event.payload))); } catch {}
          return { payload: { role: ({}).role ?? null } };
        }"""
    )
    server.publish(rule("chat", "A M", triggers=[trigger(careless)]))
    client = connect()
    client.join("chat")
    client.text('{"action":"message","options":{"channel":"chat"},"payload":{"__proto__":{"role":"agent"}}}')
    assert said(client) == {"role": None}
    client.say("chat", {"constructor": {"prototype": {"role": "agent"}}})
    assert said(client) == {"role": None}


def test_documents_with_steps_that_make_no_sense_are_refused(server: Server) -> None:
    for broken in (
        javascript("async function (event) { return"),
        condition("event..x"),
        {"type": "validate", "schema": {"type": "nothing"}},
        {"type": "rate_limit", "limit": 0},
        {"type": "transform", "changes": [{"do": "set", "field": "a b", "value": "1"}]},
        {"type": "publish", "channel": "{{ 1 + 1 }}"},
        {"type": "webhook", "url": "ftp://example.com"},
    ):
        with pytest.raises(RuntimeError, match=r"channels\[0\]\.triggers\[0\]\.steps\[0\]"):
            server.publish(rule("chat", "A M", triggers=[trigger(broken)]))
    assert json.loads(json.dumps(trigger())) == trigger()
