"""A replay of recorded traffic says exactly what live traffic then does when the rules that were tried are published.

Clients join and talk, the replay is made, the rules are published, and the same clients say the same again.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, cast

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.sockets.live import Live, MemoryConnection
from webapp.core.actors import ANONYMOUS_KIND, AUTHENTICATED_KIND, Actor, Kind
from webapp.core.codes import Code
from webapp.core.grants import parse_grants
from webapp.core.permissions import Operation, Permission
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import Target
from webapp.inspector.records import MessageRecord
from webapp.inspector.replay import Replay, replay
from webapp.inspector.traces import words_for
from webapp.realtime.connection import Connection
from webapp.realtime.engine import SENDING
from webapp.realtime.events import Kind as MessageKind
from webapp.realtime.events import Refusal
from webapp.realtime.hub import RECEIVING

# One or two channels that all rules speak of, and an afterthought of a draft: what is said is to be heard under both.
CHANNELS = ("a", "a/b")
channels = st.sampled_from(CHANNELS)
rarely = st.sampled_from([False] * 5 + [True])
boxes = st.tuples(*[st.booleans()] * len(Permission)).map(
    lambda ticked: frozenset(box for box, is_ticked in zip(Permission, ticked) if is_ticked)
)
rules = st.tuples(
    st.builds(Rule, st.just(Target("*", nested=True)), boxes, history=st.sampled_from([0, 0, 25])),
    st.builds(Rule, st.just(Target("a")), boxes, enabled=rarely),
)
switches = st.builds(
    Switches, enabled=st.sampled_from([True] * 9 + [False]), strict_anonymous=rarely, access_manager=rarely
)
rule_sets = st.builds(RuleSet, rules, switches)
few_boxes = st.frozensets(st.sampled_from(list(Permission)), min_size=1, max_size=2)
held = st.sampled_from([["read", "write"], ["read", "write"], ["write"], ["read"]])
grants = st.dictionaries(channels, held, min_size=1).map(lambda given: parse_grants({"resources": {"channels": given}}))
narrowed = st.builds(Kind, st.just(True), grants, st.none() | st.just((Target("a"), Target("a/*", True))))
some_clients = st.tuples(
    st.just(ANONYMOUS_KIND), st.just(AUTHENTICATED_KIND), narrowed, narrowed | st.just(ANONYMOUS_KIND)
)
some_messages = st.lists(
    st.tuples(st.integers(0, 3), channels, rarely, st.sampled_from([None, None, None, 0, 1, 2])),
    min_size=12,
    max_size=24,
)


@st.composite
def drafts(draw: st.DrawFn) -> tuple[RuleSet, RuleSet]:
    """Rules in force, and others: the same with some boxes and switches changed, or quite different ones."""
    before = draw(rule_sets)
    if draw(rarely):
        return before, draw(rule_sets)
    changed = tuple(replace(rule, permissions=rule.permissions ^ draw(few_boxes)) for rule in before.rules)
    return before, RuleSet(changed, draw(st.just(before.switches) | switches))


Flipped = Counter[tuple[Operation, str, str, bool]]
"""How many clients lose (False) or gain (True) an operation on a channel, by the words for their kind."""


@dataclass(frozen=True)
class Said:
    """What became of a message: the kind it was sent as, None if it was refused, with the code, and who got it."""

    kind: MessageKind | None
    code: Code | None
    heard: frozenset[str]


def connect(live: Live, kind: Kind) -> MemoryConnection:
    connection = live.connect(None)
    live.workspace.discard(cast(Connection, connection))
    connection.actor = Actor(kind, user_id="u" if kind.authenticated else None)
    live.workspace.add(cast(Connection, connection))
    return connection


def say(live: Live, clients: list[MemoryConnection], message: Any) -> Said:
    sender, channel, marked, to = message
    options: dict[str, Any] = {"authenticated": True} if marked else {}
    if to is not None:
        options["socketId"] = clients[to % len(clients)].id
    for client in clients:
        client.take()
    seq = live.realtime.tap.noted
    live.send(clients[sender % len(clients)], "message", channel, "hello", **options)
    (record,) = live.realtime.tap.since(seq)
    heard = frozenset(c.id for c in clients if any(frame["action"] == "message" for frame in c.take()))
    if isinstance(record, MessageRecord):
        return Said(record.message.kind, None, heard)
    assert isinstance(record, Refusal)
    return Said(None, record.code, heard)


def expected(clients: list[MemoryConnection], message: Any, before: Said, after: Said) -> Flipped:
    """What flips of one message, seen from outside."""
    flipped: Flipped = Counter()
    channel, sender = message[1], clients[message[0] % len(clients)]
    gained = after.kind is not None
    if (before.kind is None) != (after.kind is None):
        kind = after.kind or before.kind
        assert kind is not None
        flipped[SENDING[kind], words_for(sender.actor.kind), channel, gained] += 1
    elif before.kind is not None and after.kind is not None and before.kind is not MessageKind.PRIVATE:
        for client in clients:
            if (client.id in before.heard) != (client.id in after.heard):
                lost = client.id in before.heard
                operation = RECEIVING[before.kind if lost else after.kind]
                flipped[operation, words_for(client.actor.kind), channel, not lost] += 1
    return flipped


def listed(made: Replay) -> Flipped:
    flipped: Flipped = Counter()
    for flips in made.groups:
        tried = flips.newest
        assert tried.flips
        key = (tried.operation, tried.who, tried.before.channel, tried.after.allowed)
        flipped[key] += flips.deliveries or flips.count
    return flipped


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts(), some_clients, some_messages)
def test_any_rules_and_any_traffic(
    rule_sets: tuple[RuleSet, RuleSet], wanted: tuple[Kind, ...], messages: list[Any]
) -> None:
    before, after = rule_sets
    live = Live()
    live.publish(before)
    clients = [connect(live, kind) for kind in wanted]
    joins = [(client, channel) for client in clients for channel in CHANNELS]
    for client, channel in joins:
        live.send(client, "join", channel, {})
    were_in = [channel in client.memberships for client, channel in joins]
    said = [say(live, clients, message) for message in messages]

    tap = live.realtime.tap
    noted, in_force = tap.noted, live.workspace.rules
    made = replay(tap, lambda record: True, 0, in_force, after)
    assert (tap.noted, live.workspace.rules) == (noted, in_force), "trying changes nothing"
    assert made.records == len(joins) + len(messages)
    assert made.left_out == 0
    again = replay(tap, lambda record: True, 0, in_force, in_force)
    assert (again.flips, again.groups) == (0, ()), "the rules that decided decide the same again"

    live.publish(after)
    outcome: Flipped = Counter()
    for message, once in zip(messages, said):
        outcome += expected(clients, message, once, say(live, clients, message))
    for (client, channel), was_in in zip(joins, were_in):
        live.send(client, "join", channel, {})
        is_in = channel in client.memberships
        if was_in != is_in:
            outcome[Operation.JOIN, words_for(client.actor.kind), channel, is_in] += 1
    for operation in {key[0] for key in outcome}:
        event(f"{operation} flips")
    assert listed(made) == outcome
    assert made.flips == sum(flips.count for flips in made.groups)


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(drafts(), some_clients, some_messages)
def test_what_was_refused_is_explained_with_the_code_that_refused_it(
    rule_sets: tuple[RuleSet, RuleSet], wanted: tuple[Kind, ...], messages: list[Any]
) -> None:
    before, after = rule_sets
    live = Live()
    live.publish(before)
    clients = [connect(live, kind) for kind in wanted]
    for client in clients:
        for channel in CHANNELS:
            live.send(client, "join", channel, {})
    for message in messages:
        say(live, clients, message)
    for flips in replay(live.realtime.tap, lambda record: True, 0, live.workspace.rules, after).groups:
        if isinstance(flips.record, Refusal):
            assert flips.newest.before == flips.record.decision
