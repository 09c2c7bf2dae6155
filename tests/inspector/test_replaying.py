"""A replay lists what comes out otherwise: grouped, counted, within bounds, and without keeping the loop for itself."""

import time
from typing import cast

import gevent
import pytest

from tests.servers import rule
from tests.sockets.live import Live, MemoryConnection
from webapp.core.actors import AUTHENTICATED_KIND, Actor
from webapp.core.codes import Code
from webapp.core.documents import parse_document
from webapp.core.permissions import Operation
from webapp.core.ruleset import RuleSet
from webapp.inspector.capture import TICKS_A_SECOND
from webapp.inspector.filters import Filter
from webapp.inspector.lines import Scribe
from webapp.inspector.records import Record
from webapp.inspector.replay import GROUPS_MOST, Replay, replay
from webapp.inspector.trial import try_one
from webapp.realtime.connection import Connection
from webapp.realtime.events import Refusal
from webapp.realtime.limits import Limits


def rules(*rows: dict[str, object], **switches: bool) -> RuleSet:
    return parse_document({"channels": list(rows), **switches}).rules


@pytest.fixture
def live() -> Live:
    live = Live()
    live.publish(rules(rule("chat/*", "A M Ma V")))
    return live


def members(live: Live, *users: str | None, channel: str = "chat/a") -> list[MemoryConnection]:
    clients = [live.connect(user) for user in users]
    for client in clients:
        live.send(client, "join", channel, {})
    return clients


def tried(live: Live, after: RuleSet, wanted: Filter | None = None, since: int = 0) -> Replay:
    scribe, matcher = Scribe(live.workspace, sees_payloads=True), (wanted or Filter()).matcher()
    return replay(live.realtime.tap, lambda record: scribe.takes(record, matcher), since, live.workspace.rules, after)


def listed(made: Replay) -> list[tuple[str, str, int, bool]]:
    return [(f.newest.operation.value, f.newest.who, f.count, f.newest.after.allowed) for f in made.groups]


def newest(live: Live) -> Record:
    return next(live.realtime.tap.backwards())


def test_a_denied_message_that_the_draft_lets_through_is_one_flip(live: Live) -> None:
    guest, _ = members(live, None, "ada")
    live.send(guest, "message", "chat/a", "hello")
    made = tried(live, rules(rule("chat/*", "A M V")))
    (flips,) = made.groups
    assert (made.flips, made.records, flips.count, flips.clients, flips.deliveries) == (1, 3, 1, 1, 0)
    assert (flips.newest.before.code, flips.newest.after.code) == (Code.AUTHENTICATION_REQUIRED, None)
    assert flips.newest.operation is Operation.SEND_PUBLIC
    assert flips.record is newest(live)


def test_what_is_the_same_is_one_group_with_the_newest_of_it(live: Live) -> None:
    guest, other, _ = members(live, None, None, "ada")
    for client in (guest, other, guest):
        live.send(client, "message", "chat/a", "hello")
    (flips,) = tried(live, rules(rule("chat/*", "A M V"))).groups
    assert (flips.count, flips.records, flips.clients) == (3, 3, 2)
    assert flips.record is newest(live)


def test_recipients_who_would_lose_messages_are_counted_and_losses_come_first(live: Live) -> None:
    _, other, ada = members(live, None, None, "ada")
    live.send(ada, "message", "chat/a", "to three")
    live.disconnect(other)
    live.send(ada, "message", "chat/a", "to two")
    live.send(ada, "message", "chat/a", "whispered", authenticated=True)
    made = tried(live, rules(rule("chat/*", "M Ma V X")))
    assert listed(made) == [
        ("receive_public", "anonymous clients", 2, False),
        ("send_authenticated", "authenticated clients", 1, True),
    ]
    assert (made.groups[0].deliveries, made.groups[0].clients, made.groups[0].records) == (3, 2, 2)


def test_who_may_no_longer_send_reaches_nobody_and_that_is_one_flip(live: Live) -> None:
    *_, ada = members(live, None, None, "ada")
    live.send(ada, "message", "chat/a", "hello")
    assert listed(tried(live, rules(rule("chat/*", "A")))) == [("send_public", "authenticated clients", 1, False)]


def test_an_event_of_the_server_flips_for_who_would_hear_it_no_more(live: Live) -> None:
    members(live, None, None, "ada")
    live.realtime.publish_event("default", "chat/a", b"1")
    live.end_turn()
    made = tried(live, rules(rule("chat/*", "M Ma")), Filter(channel="chat/a", action=None))
    assert ("receive_event", "anonymous clients", 1, False) in listed(made)
    assert ("join", "anonymous clients", 2, False) in listed(made)


def test_a_plain_message_that_the_rules_made_authenticated_is_tried_as_it_was_sent() -> None:
    """As the marked one that was recorded, a draft with public messaging alone would have refused it."""
    live = Live()
    live.publish(rules(rule("chat/*", "X")))
    ada, bob = members(live, "ada", "bob")
    live.send(ada, "message", "chat/a", "plain")
    live.send(bob, "message", "chat/a", "marked", authenticated=True)
    made = tried(live, rules(rule("chat/*", "M")))
    assert listed(made) == [("send_authenticated", "authenticated clients", 1, False)]
    assert made.groups[0].record is newest(live)


def test_what_was_true_stays_true(live: Live) -> None:
    """A client outside the channel stays outside, a private message to nobody finds nobody, whatever the draft says."""
    (ada,) = members(live, "ada")
    stranger = live.connect("bob")
    live.send(stranger, "message", "chat/a", "not in it")
    live.send(ada, "message", "chat/a", "gone", socketId="nobody")
    live.send(stranger, "history", "chat/a")
    made = tried(live, rules(rule("*", "A M X V")))
    assert (made.records, made.flips) == (4, 0)


def test_only_what_rules_decide_is_tried(live: Live) -> None:
    live.realtime.engine._limits = Limits(channels_per_client=1)
    (ada,) = members(live, "ada")
    live.send(ada, "join", "chat/b", {})
    live.send(ada, "leave", "chat/b")
    live.send(ada, "shout", "chat/a")
    live.disconnect(ada)
    made = tried(live, RuleSet())
    assert (made.records, made.passed, listed(made)) == (1, 5, [("join", "authenticated clients", 1, False)])


def test_who_was_taken_out_by_a_rule_change_did_not_ask_for_it(live: Live) -> None:
    members(live, None)
    live.publish(rules(rule("chat/*", "M Ma")))
    assert isinstance(newest(live), Refusal)
    assert try_one(newest(live), live.workspace.rules, rules(rule("chat/*", "A"))) == []


def test_the_filter_and_the_time_bound_it(live: Live) -> None:
    guest, _ = members(live, None, "ada")
    live.send(guest, "message", "chat/a", "hello")
    after = rules(rule("chat/*", "A M V"))
    assert tried(live, after, Filter(user="ada")).flips == 0
    assert tried(live, after, Filter(client=guest.id)).flips == 1
    assert tried(live, after, Filter(channel="other")).records == 0
    later = int(time.time() * TICKS_A_SECOND) + TICKS_A_SECOND
    assert tried(live, after, since=later) == Replay(0, 0, 0, 0, 0, 0, (), 0)


def test_one_message_shows_all_its_decisions_whether_they_flip_or_not(live: Live) -> None:
    *_, ada = members(live, None, None, "ada")
    live.send(ada, "message", "chat/a", "hello")
    found = try_one(newest(live), live.workspace.rules, live.workspace.rules)
    assert [(t.operation.value, t.count, t.flips) for t in found] == [
        ("send_public", 1, False),
        ("receive_public", 2, False),
        ("receive_public", 1, False),
    ]


def test_two_hundred_groups_are_shown_and_all_are_counted(live: Live) -> None:
    for number in range(GROUPS_MOST + 5):
        live.send(live.connect("ada"), "join", f"chat/{number}", {})
    made = tried(live, RuleSet())
    assert (len(made.groups), made.left_out, made.flips) == (GROUPS_MOST, 5, GROUPS_MOST + 5)


def test_messages_to_more_kinds_than_a_record_names_are_counted(live: Live) -> None:
    for number in range(70):
        connection = live.connect(None)
        live.workspace.discard(cast(Connection, connection))
        targets = parse_document({"channels": [rule("chat/*"), rule(f"own-{number}")]}).rules.rules
        kind = type(AUTHENTICATED_KIND)(True, None, tuple(row.target for row in targets))
        connection.actor = Actor(kind, user_id=f"u{number}")
        live.workspace.add(cast(Connection, connection))
        live.send(connection, "join", "chat/a", {})
    live.send(connection, "message", "chat/a", "hello")
    assert tried(live, RuleSet()).partly == 1


def test_others_get_their_turn(live: Live) -> None:
    clients = members(live, *[None] * 40)
    for _ in range(50):
        for client in clients:
            live.send(client, "message", "chat/a", "hello")
    turns = 0

    def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    running = gevent.spawn(others)
    try:
        made = tried(live, rules(rule("chat/*", "A M")))
    finally:
        running.kill()
    assert made.flips == len(live.realtime.tap.refusals.records)
    assert turns >= 2
