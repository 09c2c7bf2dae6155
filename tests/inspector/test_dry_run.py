"""Trace only: it says of every message what sending it would have shown, and does nothing."""

import itertools
import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from tests.core.permission_table import LETTERS
from tests.sockets.live import Live, MemoryConnection
from webapp.core.actors import ANONYMOUS, AUTHENTICATED_KIND, Actor, actor_from_claims
from webapp.core.codes import Code
from webapp.core.permissions import Operation, Permission
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import Target
from webapp.core.triggers import StepKind, Trigger, TriggerEvent, TriggerStep
from webapp.inspector.dry_run import Asker, DryRun, only_traced
from webapp.inspector.lines import Scribe
from webapp.inspector.records import MessageRecord, Record
from webapp.inspector.route import Route
from webapp.inspector.traces import Tracer
from webapp.protocols import FACES
from webapp.realtime.connection import Connection
from webapp.realtime.events import Refusal, Send

BOXES = [frozenset(c) for n in range(8) for c in itertools.combinations(Permission, n)]
PAYLOAD = {"hello": "world"}


class Bench:
    """A server with a guest, a user and another of each in the channel, and one of each outside."""

    def __init__(self, boxes: frozenset[Permission], **fields: Any) -> None:
        self.live = Live()
        self.live.publish(RuleSet((Rule(Target("room"), boxes, **fields),)))
        self.inside = [self.live.connect(user) for user in (None, "ann", None, "bob")]
        self.outside = [self.live.connect(user) for user in (None, "eve")]
        for connection in self.inside:
            self.live.send(connection, "join", "room", {"presence": True})
        self.quiet()

    def quiet(self) -> None:
        for connection in self.all:
            connection.take()

    @property
    def all(self) -> list[MemoryConnection]:
        return self.inside + self.outside

    @property
    def dry(self) -> DryRun:
        realtime = self.live.realtime
        return DryRun(self.live.workspace, realtime.hub, realtime.ticks, realtime.triggers)

    def route(self, record: Record) -> Route:
        scribe = Scribe(self.live.workspace, sees_payloads=True)
        return Tracer(scribe, self.live.realtime.tap, FACES).route(record, self.live.workspace.rules)

    def sent(self, sender: MemoryConnection, **options: Any) -> Record:
        before = self.live.realtime.tap.noted
        self.live.send(sender, "message", "room", PAYLOAD, **options)
        return self.live.realtime.tap.since(before)[0]

    def traced(self, asker: Asker, **options: Any) -> MessageRecord | Refusal:
        command = Send(
            "room", json.dumps(PAYLOAD).encode(), options.get("authenticated", False), options.get("socketId")
        )
        return self.dry.message(asker, command)

    @property
    def state(self) -> tuple[object, ...]:
        live, realtime = self.live.workspace, self.live.realtime
        return (
            realtime.tap.noted, realtime.tap.messages, live.messages, live.deliveries, live.refusals,
            realtime.hub.deliveries, [c.written for c in self.all], [c.last_error for c in self.all],
            {name: channel.messages for name, channel in live.channels.items()},
        )  # fmt: skip


def as_asker(connection: MemoryConnection) -> Asker:
    return Asker(connection.actor, cast(Connection, connection))


def said(route: Route) -> dict[str, Any]:
    """What a route says of the decision and the recipients."""
    reached = route.recipients
    return {
        "verdict": (route.line.verdict, route.line.code, route.line.what, route.line.audience, route.line.to),
        "rule": (route.line.rule, route.line.version),
        "client": (route.client.user, route.client.identity) if route.client is not None else None,
        "operation": route.operation,
        "steps": route.steps,
        "told": route.told,
        "marked": route.marked,
        "recipients": (reached.delivered, reached.groups, reached.named) if reached is not None else None,
    }


def wishes(bench: Bench) -> Iterator[dict[str, Any]]:
    yield {}
    yield {"authenticated": True}
    for target in (*bench.inside[2:], bench.inside[0], bench.outside[1]):
        yield {"socketId": target.id}
        yield {"socketId": target.id, "authenticated": True}


@pytest.mark.parametrize("boxes", BOXES[::3], ids=lambda boxes: "".join(k for k, v in LETTERS.items() if v in boxes))
def test_a_client_s_message_is_traced_as_it_is_sent(boxes: frozenset[Permission]) -> None:
    bench = Bench(boxes)
    for sender in bench.all:
        for wish in wishes(bench):
            before = bench.state
            traced = said(bench.route(bench.traced(as_asker(sender), **wish)))
            assert bench.state == before, "a trace did something"
            assert traced == said(bench.route(bench.sent(sender, **wish))), (sender.actor.user_id, wish)
            bench.quiet()


@pytest.mark.parametrize("history", [0, 25])
def test_an_event_is_traced_as_it_is_sent(history: int) -> None:
    bench = Bench(
        frozenset({Permission.CLIENT_AUTHENTICATED_MESSAGING, Permission.PRESENCE}),
        history=history,
        history_events=True,
    )
    ann, realtime = bench.inside[1], bench.live.realtime
    everyone: dict[str, Any] = {"target_socket": None, "target_user": None}
    for wish in ({}, {"target_socket": ann.id}, {"target_user": "ann"}, {"target_user": "nobody"}):
        wanted = everyone | wish
        before = bench.state
        record = bench.dry.event(
            "room", b'{"x":1}', event="e", socket_id=wanted["target_socket"], user=wanted["target_user"], by="ada"
        )
        traced = bench.route(record)
        assert bench.state == before
        noted = realtime.tap.noted
        published = realtime.publish_event("default", "room", b'{"x":1}', event="e", by="ada", **wanted)
        bench.live.end_turn()
        real = bench.route(realtime.tap.since(noted)[0])
        assert said(traced) == said(real)
        assert traced.recipients is not None
        assert traced.recipients.delivered == published.recipients
        bench.quiet()


def test_an_event_to_a_channel_without_members() -> None:
    bench = Bench(frozenset())
    route = bench.route(bench.dry.event("elsewhere", b"1", event=None, socket_id=None, user=None, by="ada"))
    assert (route.line.verdict, route.line.recipients) == ("silent", 0)


def test_somebody_who_is_not_connected_is_one_who_joins_first() -> None:
    bench = Bench(
        frozenset({Permission.CLIENT_PUBLIC_MESSAGING, Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY})
    )
    denied = bench.traced(Asker(ANONYMOUS))
    assert isinstance(denied, Refusal)
    assert (denied.code, denied.decision and denied.decision.operation.value) == (Code.ANONYMOUS_NOT_ALLOWED, "join")
    allowed = bench.traced(Asker(Actor(AUTHENTICATED_KIND, user_id="eve")))
    assert isinstance(allowed, MessageRecord)
    assert allowed.recipients == 2  # the two users; the guests were never let in
    narrowed = actor_from_claims({"sub": "eve", "authorized_channels": ["other"]})
    refused = bench.traced(Asker(narrowed))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.CHANNEL_NOT_AUTHORIZED


def test_rules_that_changed_a_moment_ago_count() -> None:
    """The channel's rights may still be those of before when somebody traces."""
    bench = Bench(frozenset({Permission.ANONYMOUS_CLIENTS, Permission.CLIENT_PUBLIC_MESSAGING}))
    bench.live.publish(RuleSet((Rule(Target("room"), frozenset({Permission.ANONYMOUS_CLIENTS})),)))
    refused = bench.traced(as_asker(bench.inside[1]))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.PUBLIC_MESSAGING_OFF


def test_what_was_not_sent_is_said_so() -> None:
    bench = Bench(frozenset({Permission.ANONYMOUS_CLIENTS, Permission.CLIENT_PUBLIC_MESSAGING}), history=25)
    route = only_traced(bench.route(bench.traced(as_asker(bench.inside[0]))), b'{"a":"\xc3\xa9"}')
    assert route.sentence == "Allowed; it would reach 4 clients."
    assert [stage.name for stage in route.stages] == ["decided", "stored", "published"]
    assert all("only traced" in stage.note for stage in route.stages[1:])
    assert (route.payload, route.hidden) == ('{"a":"é"}', "")


def test_somebody_who_is_blocked_gets_nowhere() -> None:
    """The rules let the user in, so tracing said "Allowed", though no client of that user could connect."""
    bench = Bench(frozenset({Permission.CLIENT_PUBLIC_MESSAGING}))
    eve = Actor(AUTHENTICATED_KIND, user_id="eve")
    assert isinstance(bench.traced(Asker(eve)), MessageRecord)
    refused = bench.traced(Asker(eve, blocked=True))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.BLOCKED


def triggered(*steps: dict[str, Any], on: TriggerEvent = TriggerEvent.MESSAGE) -> Trigger:
    made = (TriggerStep.of(StepKind(step.pop("type")), step) for step in [dict(step) for step in steps])
    return Trigger("guard", frozenset({on}), tuple(made))


OPEN = frozenset({Permission.CLIENT_PUBLIC_MESSAGING, Permission.PRESENCE})


def test_triggers_are_traced_without_any_effect() -> None:
    count = {
        "type": "javascript",
        "code": "async (event) => { await kv.increment('n'); event.payload.seen = 1; return event }",
    }
    publish = {"type": "publish", "data": "hello"}
    bench = Bench(OPEN, triggers=(triggered(count, publish),))
    before = bench.state
    record = bench.traced(as_asker(bench.inside[1]))
    assert bench.state == before
    assert isinstance(record, MessageRecord)
    assert json.loads(record.message.payload)["seen"] == 1
    assert [(run.trigger, run.state.value, len(run.steps)) for run in record.runs] == [("guard", "changed", 2)]
    assert len(bench.live.realtime.triggers.log.runs) == 0


def test_a_trigger_that_blocks_is_traced_as_it_blocks() -> None:
    bench = Bench(OPEN, triggers=(triggered({"type": "condition", "expression": "false", "message": "No."}),))
    told = bench.traced(as_asker(bench.inside[1]))
    assert isinstance(told, Refusal)
    assert (told.code, told.told) == (Code.BLOCKED_BY_TRIGGER, "No.")
    assert said(bench.route(told)) == said(bench.route(bench.sent(bench.inside[1])))


def test_somebody_who_is_not_connected_has_the_triggers_of_the_join_too() -> None:
    """Who was kept out by one was traced as if it had joined."""
    team = triggered({"type": "condition", "expression": "event.client.userId !== 'eve'"}, on=TriggerEvent.JOIN)
    bench = Bench(OPEN, triggers=(team,))
    eve, ann = (Asker(Actor(AUTHENTICATED_KIND, user_id=name)) for name in ("eve", "ann"))
    refused = bench.traced(eve)
    assert isinstance(refused, Refusal)
    assert refused.decision is not None
    assert (refused.code, refused.decision.operation) == (Code.BLOCKED_BY_TRIGGER, Operation.JOIN)
    assert [run.on.value for run in refused.runs] == ["join"]
    allowed = bench.traced(ann)
    assert isinstance(allowed, MessageRecord)
    assert [run.on.value for run in allowed.runs] == ["join"]


def test_a_trigger_on_an_event_is_traced() -> None:
    bench = Bench(
        OPEN, triggers=(triggered({"type": "condition", "expression": "event.payload.ok"}, on=TriggerEvent.EVENT),)
    )
    for ok in (True, False):
        data = json.dumps({"ok": ok}).encode()
        record = bench.dry.event("room", data, event=None, socket_id=None, user=None, by="ada")
        assert (record.blocked is None, record.recipients) == (ok, 4 if ok else 0)
