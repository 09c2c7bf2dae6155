"""A channel that has members: who is in, with which rights, and who hears what."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ..core.actors import Kind as ActorKind
from ..core.permissions import Operation
from ..core.policy import Rights
from .events import Present
from .turn import Recipients

if TYPE_CHECKING:
    from .connection import Connection
    from .events import Encoder, Join

KINDS_MOST = 64
SENDERS_KEPT = 8
"""Senders that do not hear themselves whose audience a channel keeps: in a large one each takes as much as all."""

Audience = tuple[tuple["Encoder", "Recipients"], ...]
"""The recipients of a message, by the protocol that encodes it for them."""


class Group:
    """The members of one kind (anonymous, authenticated, a token's grants), who share their compiled rights."""

    __slots__ = ("kind", "members", "rights")

    def __init__(self, kind: ActorKind, rights: Rights) -> None:
        self.kind = kind
        self.rights = rights
        self.members: dict[Connection, Membership] = {}


class Membership:
    """One connection's place in one channel. ``since`` is when it joined, in ticks as a message's id.

    ``terms`` are what it asked for when it joined, ``encoder`` writes what it gets here. ``shows`` says whether it is
    to be listed in presence, with ``state`` (a JSON object) and under ``entry`` (a tick, new with each state).
    """

    __slots__ = (
        "channel",
        "connection",
        "encoder",
        "entry",
        "group",
        "shows",
        "since",
        "state",
        "terms",
        "wanted_history",
        "wants_presence",
    )

    def __init__(self, connection: "Connection", channel: "Channel", group: Group, since: int, terms: "Join") -> None:
        self.since = self.entry = since
        self.connection = connection
        self.channel = channel
        self.group = group
        self.wanted_history = terms.wants_history
        self.wants_presence = terms.wants_presence
        self.state = b"{}"
        self.agree(terms)

    def agree(self, terms: "Join") -> None:
        """Go on as it asks for when it joins, or joins again."""
        self.terms = terms
        self.shows = terms.shows
        if not terms.shows:
            self.state = b"{}"
        self.encoder: Encoder = terms.encoder or self.connection.face

    @property
    def rights(self) -> Rights:
        return self.group.rights

    @property
    def is_listed(self) -> bool:
        """Whether others see it in presence."""
        return self.shows and self.group.rights.in_presence

    @property
    def present(self) -> Present:
        """Itself as presence lists it."""
        connection = self.connection
        return Present(
            client=connection.sender.json,
            socket_id=connection.id,
            user_id=connection.actor.user_id,
            key=self.terms.key or connection.id,
            ref=self.entry,
            connected=connection.since // 10_000,
            state=self.state,
        )


class Channel:
    """A channel with members. ``version`` is that of the rules its groups were compiled from."""

    __slots__ = (
        "_audiences",
        "_audiences_but",
        "_kinds",
        "groups",
        "last_id",
        "members",
        "messages",
        "name",
        "version",
    )

    def __init__(self, name: str, version: int) -> None:
        self.name = name
        self.version = version
        self.members: dict[str, Membership] = {}
        self.groups: dict[ActorKind, Group] = {}
        self.messages = 0
        self.last_id = 0
        """The id of the last message that was accepted, kept where triggers or the server may be overtaken."""
        self._audiences: dict[Operation, Audience] = {}
        self._audiences_but: dict[tuple[Operation, str], Audience] = {}
        self._kinds: tuple[tuple[ActorKind, int], ...] | None = None

    def add(self, connection: "Connection", group: Group, since: int, terms: "Join") -> Membership:
        membership = Membership(connection, self, group, since, terms)
        group.members[connection] = membership
        self.members[connection.id] = membership
        connection.memberships[self.name] = membership
        self.audience_changed()
        return membership

    def remove(self, membership: Membership) -> None:
        connection, group = membership.connection, membership.group
        del group.members[connection]
        if not group.members:
            del self.groups[group.kind]
        del self.members[connection.id]
        del connection.memberships[self.name]
        self.audience_changed()

    def move(self, membership: Membership, group: Group) -> None:
        """Put a member among those of another kind."""
        before = membership.group
        del before.members[membership.connection]
        if not before.members:
            del self.groups[before.kind]
        group.members[membership.connection] = membership
        membership.group = group
        self.audience_changed()

    def audience_but(self, operation: Operation, sender: str) -> Audience:
        """Return the same as :meth:`audience` without the client with this socketId."""
        key = (operation, sender)
        audience = self._audiences_but.get(key)
        if audience is None:
            without: list[tuple[Encoder, Recipients]] = []
            for encoder, recipients in self.audience(operation):
                others = [connection for connection in recipients.connections if connection.id != sender]
                if len(others) == len(recipients):
                    without.append((encoder, recipients))
                elif others:
                    without.append((encoder, Recipients(others)))
            if len(self._audiences_but) >= SENDERS_KEPT:
                self._forget_audiences_but()
            audience = self._audiences_but[key] = tuple(without)
        return audience

    def _forget_audiences_but(self) -> None:
        shared = {id(recipients) for audience in self._audiences.values() for _, recipients in audience}
        for audience in self._audiences_but.values():
            for _, recipients in audience:
                if id(recipients) not in shared:
                    recipients.stale = True  # nothing would tell it any more of a socket that fills up
        self._audiences_but.clear()

    def audience(self, operation: Operation) -> Audience:
        """Return the members whose rights let them do ``operation`` (receive something, or see presence).

        Kept until members or rights change, so that a message to the same people finds the same tuple.
        """
        audience = self._audiences.get(operation)
        if audience is None:
            audience = self._audiences[operation] = self._collect(operation)
        return audience

    def audience_changed(self) -> None:
        """To be called when members, rights, or the way a member is written to are no longer what they were."""
        for audience in self._audiences.values():
            for _, recipients in audience:
                recipients.stale = True
        self._audiences.clear()
        self._forget_audiences_but()
        self._kinds = None

    def kinds(self) -> tuple[tuple[ActorKind, int], ...]:
        """Return the kinds of clients that are in, each with how many; the same tuple until that changes.

        Of tokens that all differ only the first are named, so that a channel full of them costs no more to note.
        """
        if self._kinds is None:
            groups = islice(self.groups.values(), KINDS_MOST)
            self._kinds = tuple((group.kind, len(group.members)) for group in groups)
        return self._kinds

    def clients(self) -> Iterator["Connection"]:
        return (membership.connection for membership in self.members.values())

    def _collect(self, operation: Operation) -> Audience:
        by_encoder: dict[Encoder, list[Connection]] = {}
        presence = operation is Operation.SEES_PRESENCE
        for group in self.groups.values():
            if not getattr(group.rights, operation.value):
                continue
            for connection, membership in group.members.items():
                if not presence or membership.wants_presence:
                    by_encoder.setdefault(membership.encoder, []).append(connection)
        return tuple((encoder, Recipients(connections)) for encoder, connections in by_encoder.items())
