"""Any sequence of joins, messages, rule changes and goodbyes: the hub delivers what a naive model says.

The model knows the rules from the expected table and the naive resolution of targets (tests/core), nothing of the
engine. Beside it the judge is asked, as a simulator would, whether it says the same as what happened.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from tests.core.making import permissions
from tests.core.naive import winner
from tests.core.permission_table import ALL_LETTERS, EXPECTED, EXPECTED_STRICT, Letters
from tests.sockets.live import Json, Live, Member, simplified
from webapp.core.permissions import Operation
from webapp.core.policy import Facts, Peer, decide, message_operation
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import parse_target

CHANNELS = ("a", "a/b", "a/b/c")
TARGETS = tuple(parse_target(text, nested="*" in text) for text in ("a", "a/*", "a/b", "*", "a/*/c"))
LETTERS_OF = {permissions(letters): letters for letters in ALL_LETTERS}

some_channel = st.sampled_from((*["a"] * 4, *CHANNELS))  # mostly one, so that things meet
some_letters = st.sampled_from(sorted(ALL_LETTERS, key=sorted))
some_rule = st.builds(
    Rule,
    st.sampled_from(TARGETS),
    st.one_of(some_letters, some_letters.map(lambda letters: letters | {"A", "P"})).map(permissions),
    enabled=st.sampled_from([True, True, True, False]),
    history=st.sampled_from([0, 25]),
    history_events=st.booleans(),
)
some_rules = st.lists(some_rule, min_size=1, max_size=5, unique_by=lambda made: made.target).map(tuple)


class Model(RuleBasedStateMachine):
    commits_at_once = True
    clients = Bundle("clients")

    def __init__(self) -> None:
        super().__init__()
        self.live = Live(self.commits_at_once)
        self.in_force: tuple[Rule, ...] = ()
        self.strict = False
        self.members: list[Member] = []
        self.kept: list[tuple[str, str, Json]] = []
        self.number = 0

    # What the rules say

    def deciding(self, channel: str) -> Rule | None:
        return winner(self.in_force, channel)

    def may(self, client: Member, channel: str, operation: str) -> bool:
        found = self.deciding(channel)
        if found is None or (operation == "read_history" and not found.history):
            return False
        letters: Letters = LETTERS_OF[found.permissions]
        return (EXPECTED_STRICT if self.strict else EXPECTED)[letters, client.authenticated, operation]

    def simulated(self, client: Member, channel: str, operation: Operation, facts: Facts | None = None) -> bool:
        facts = facts or Facts(joined=channel in client.presence)
        return decide(self.live.workspace.rules, client.connection.actor, operation, channel, facts).allowed

    def inside(self, channel: str) -> list[Member]:
        """The members of a channel in the order in which they came."""
        order = list(self.live.workspace.channels[channel].members) if channel in self.live.workspace.channels else []
        return sorted((m for m in self.members if channel in m.presence), key=lambda m: order.index(m.id))

    # What happens

    @initialize(target=clients, rules=some_rules)
    def begin(self, rules: tuple[Rule, ...]) -> Any:
        self.change_rules(rules, False)
        return multiple(*(self.connect(number % 2 == 0) for number in range(4)))

    @precondition(lambda self: len(self.members) < 6)
    @rule(target=clients, authenticated=st.booleans())
    def connect(self, authenticated: bool) -> Member:
        self.number += 1
        connection = self.live.connect(f"user-{self.number}" if authenticated else None)
        client = Member(connection, authenticated)
        self.members.append(client)
        return client

    @rule(client=clients, channel=some_channel, presence=st.booleans(), history=st.booleans())
    def join(self, client: Member, channel: str, presence: bool, history: bool) -> None:
        again = channel in client.presence
        allowed = self.may(client, channel, "join")
        assert self.simulated(client, channel, Operation.JOIN) is allowed
        self.live.send(client.connection, "join", channel, {"presence": presence, "history": history})
        if not allowed:
            self.expect_error(client, channel)
            return
        client.presence[channel] = presence or client.presence.get(channel, False)
        client.expected.append({"action": "join", "channel": channel})
        if client.presence[channel] and self.may(client, channel, "sees_presence"):
            ids = [m.id for m in self.inside(channel) if self.may(m, channel, "in_presence")]
            client.expected.append({"action": "presence_full", "channel": channel, "ids": ids})
        if history and not client.history.get(channel):
            client.history[channel] = True
            self.expect_history(client, channel)
        if not again and self.may(client, channel, "in_presence"):
            self.expect_update(client, channel, "join", [m for m in self.inside(channel) if m is not client])

    @rule(client=clients, channel=some_channel)
    def leave(self, client: Member, channel: str) -> None:
        self.live.send(client.connection, "leave", channel)
        if channel not in client.presence:
            self.expect_error(client, channel)
            return
        client.expected.append({"action": "leave", "channel": channel})
        self.forget(client, channel)

    @rule(client=clients, channel=some_channel, marked=st.booleans())
    def say(self, client: Member, channel: str, marked: bool) -> None:
        self.number += 1
        kind = self.kind_of(client, channel, marked)
        found = self.deciding(channel)
        operation = message_operation(self.live.workspace.rules, client.connection.actor, channel, marked)
        assert self.simulated(client, channel, operation) is (kind is not None)
        self.live.send(client.connection, "message", channel, self.number, authenticated=marked)
        if kind is None:
            self.expect_error(client, channel)
            return
        assert found is not None
        message: Json = {"action": "message", "channel": channel, "payload": self.number, "from": client.id}
        message |= {"authenticated": True} if kind == "authenticated" else {}
        for member in self.inside(channel):
            if self.may(member, channel, f"receive_{kind}"):
                member.expected.append(message)
        if found.history:
            self.kept.append((channel, f"receive_{kind}", message))

    def kind_of(self, client: Member, channel: str, marked: bool) -> str | None:
        if channel not in client.presence:
            return None
        found = self.deciding(channel)
        letters = LETTERS_OF[found.permissions] if found is not None else frozenset()
        plain_is_marked = client.authenticated and "M" not in letters and "X" in letters
        kind = "authenticated" if marked or plain_is_marked else "public"
        return kind if self.may(client, channel, f"send_{kind}") else None

    @rule(client=clients, to=clients, channel=some_channel, marked=st.booleans())
    def whisper(self, client: Member, to: Member, channel: str, marked: bool) -> None:
        self.number += 1
        there = channel in to.presence
        allowed = (
            channel in client.presence
            and there
            and self.may(client, channel, "send_private")
            and self.may(to, channel, "receive_private")
            and (not marked or (client.authenticated and to.authenticated))
        )
        peer = Peer(there, to.connection.actor.kind)
        facts = Facts(joined=channel in client.presence, marked_authenticated=marked, peer=peer)
        assert self.simulated(client, channel, Operation.SEND_PRIVATE, facts) is allowed
        self.live.send(client.connection, "message", channel, self.number, authenticated=marked, socketId=to.id)
        if not allowed:
            self.expect_error(client, channel)
            return
        message: Json = {"action": "message", "channel": channel, "payload": self.number, "from": client.id}
        message |= {"authenticated": True} if marked else {}
        client.expected.append(message | {"peer": to.id})
        if to is not client:
            to.expected.append(message | {"peer": client.id})

    @rule(channel=some_channel)
    def event(self, channel: str) -> None:
        self.number += 1
        event: Json = {"action": "event", "channel": channel, "payload": {"data": self.number}}
        hearing = [m for m in self.inside(channel) if self.may(m, channel, "receive_event")]
        published = self.live.realtime.publish_event("default", channel, b"%d" % self.number)
        self.live.end_turn()
        assert published.recipients == len(hearing)
        for member in hearing:
            member.expected.append(event)
        found = self.deciding(channel)
        if found is not None and found.history and found.history_events:
            self.kept.append((channel, "receive_event", event))

    @rule(client=clients, channel=some_channel)
    def ask_for_history(self, client: Member, channel: str) -> None:
        self.live.send(client.connection, "history", channel)
        if channel in client.presence:
            self.expect_history(client, channel)
        else:
            self.expect_error(client, channel)

    @rule(client=consumes(clients))
    def disconnect(self, client: Member) -> None:
        self.live.disconnect(client.connection)
        for channel in list(client.presence):
            self.forget(client, channel)
        self.members.remove(client)

    @rule(channel=some_channel)
    def everyone_joins_and_speaks(self, channel: str) -> None:
        for client in self.members:
            self.join(client, channel, True, False)
            self.say(client, channel, False)

    @rule(rules=some_rules, strict=st.booleans())
    def change_rules(self, rules: tuple[Rule, ...], strict: bool) -> None:
        seen = {(m, c) for m in self.members for c in m.presence if self.may(m, c, "in_presence")}
        ended = self.live.publish(RuleSet(rules, Switches(strict_anonymous=strict)))
        self.in_force, self.strict = rules, strict
        excluded = [(m, c) for m in self.members for c in m.presence if not self.may(m, c, "join")]
        assert ended == len(excluded)
        for client, channel in excluded:
            self.expect_error(client, channel)
            del client.presence[channel]
            client.history.pop(channel, None)
        for client, channel in excluded:
            if (client, channel) in seen:
                self.expect_update(client, channel, "leave", self.inside(channel))

    @rule()
    def flip_strictness(self) -> None:
        self.change_rules(self.in_force, not self.strict)

    # What is expected

    def expect_error(self, client: Member, channel: str) -> None:
        client.expected.append({"action": "error", "channel": channel})

    def expect_history(self, client: Member, channel: str) -> None:
        found = self.deciding(channel)
        kept: list[Json] = []
        if found is not None and self.may(client, channel, "read_history"):
            kept = [m for where, right, m in self.kept if where == channel and self.may(client, channel, right)]
            kept = kept[-found.history :]
        client.expected.append({"action": "history", "channel": channel, "messages": kept})

    def expect_update(self, who: Member, channel: str, action: str, members: list[Member]) -> None:
        for member in members:
            if member.presence[channel] and self.may(member, channel, "sees_presence"):
                update: Json = {"action": "presence_update", "channel": channel, "what": action, "who": who.id}
                member.expected.append(update)

    def forget(self, client: Member, channel: str) -> None:
        del client.presence[channel]
        client.history.pop(channel, None)
        if self.may(client, channel, "in_presence"):
            self.expect_update(client, channel, "leave", self.inside(channel))

    @invariant()
    def everyone_got_what_the_model_says(self) -> None:
        for client in self.members:
            self.check(client)

    @invariant()
    def memberships_agree(self) -> None:
        for client in self.members:
            assert set(client.connection.memberships) == set(client.presence)
        channels = self.live.workspace.channels
        assert set(channels) == {channel for m in self.members for channel in m.presence}
        assert sum(len(c.members) for c in channels.values()) == sum(len(m.presence) for m in self.members)

    def check(self, client: Member) -> None:
        received = [simplified(frame) for frame in client.connection.take()]
        expected, client.expected = client.expected, []
        if len(expected) > 1 and expected[0]["action"] != "join":  # several ends at once come in any order
            received.sort(key=repr)
            expected.sort(key=repr)
        assert received == expected


class SlowStoreModel(Model):
    """The same where a commit takes time and the next messages gather meanwhile (PostgreSQL)."""

    commits_at_once = False


TestHub = Model.TestCase
TestHub.settings = settings(max_examples=400, stateful_step_count=40, deadline=None, database=None)
TestHubWithSlowStore = SlowStoreModel.TestCase
TestHubWithSlowStore.settings = settings(max_examples=150, stateful_step_count=40, deadline=None, database=None)
