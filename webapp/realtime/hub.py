"""Who is where, and the fan-out: from a message to the frames of its recipients."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..core.permissions import Operation
from ..core.policy import Facts, decide
from .channel import Channel, Membership
from .connection import Connection
from .events import PRIVATE, Join, Json, Kind, Message, Ticks
from .presence import announce, send_roster
from .turn import Turn
from .webhooks import Webhooks
from .workspace import Workspace

if TYPE_CHECKING:
    from ..inspector.tap import Tap

RECEIVING = {
    Kind.PUBLIC: Operation.RECEIVE_PUBLIC,
    Kind.AUTHENTICATED: Operation.RECEIVE_AUTHENTICATED,
    Kind.PRIVATE: Operation.RECEIVE_PRIVATE,
    Kind.EVENT: Operation.RECEIVE_EVENT,
}

CLOSED, LEFT, RULES = "the connection ended", "left", "a change of the rules"
"""Why a membership ended."""
Removed = Callable[[Membership], Any]
"""Told of a membership that a rule change ended."""
Left = Callable[[Membership], Any]
"""Told of every membership that has ended, where the workspace has triggers."""


class Hub:
    """The members of all channels of this process. ``removed`` is told whom a rule change takes out, ``left``
    of all who are no longer there."""

    def __init__(self, turn: Turn, removed: Removed, left: Left, tap: "Tap", ticks: Ticks, webhooks: Webhooks) -> None:
        self._turn = turn
        self._tap = tap
        self._ticks = ticks
        self._removed = removed
        self._left = left
        self._webhooks = webhooks
        self.deliveries = 0

    def join(self, workspace: Workspace, connection: Connection, terms: Join) -> Membership:
        """Put a connection into a channel. Whether it may is decided already."""
        name = terms.channel
        channel = self.current(workspace, workspace.open_channel(name))
        workspace.channels[name] = channel  # refreshing may have emptied and closed it
        membership = channel.add(connection, workspace.group(channel, connection.actor.kind), self._ticks.next(), terms)
        if workspace.hooks is not None:
            self._webhooks.joined(membership)
        return membership

    def leave(self, workspace: Workspace, membership: Membership, why: str = LEFT, by: str = "") -> None:
        """Take a connection out of a channel; the others who see presence are told."""
        channel = membership.channel
        listed = membership.present if membership.is_listed else None
        self._take_out(workspace, membership, why, by)
        if listed is not None and channel.members:
            announce(self._turn, channel, listed, None)

    def _take_out(self, workspace: Workspace, membership: Membership, why: str, by: str = "") -> None:
        channel = membership.channel
        channel.remove(membership)
        tick = self._ticks.next()
        self._tap.left(membership, tick, why, by)
        if workspace.has_triggers:
            self._left(membership)
        if workspace.hooks is not None:
            self._webhooks.left(membership, tick)
        if not channel.members and workspace.channels.get(channel.name) is channel:
            del workspace.channels[channel.name]

    def current(self, workspace: Workspace, channel: Channel) -> Channel:
        """Bring a channel's rights up to the rules in force, taking out whoever may no longer be there."""
        if not workspace.is_current(channel):
            # Whoever is taken out was seen by the rules that let it in; the new ones would say it never was.
            visible = {group: group.rights.in_presence for group in channel.groups.values()}
            saw = {group for group in channel.groups.values() if group.rights.sees_presence}
            excluded = workspace.refresh(channel)
            leaving = [(m, visible[group] and m.shows) for group in excluded for m in list(group.members.values())]
            # First all go, then those who stay are told: they are the same for each, so one write tells them all.
            for membership, _ in leaving:
                self._take_out(workspace, membership, RULES)
            for membership, was_listed in leaving:
                if was_listed and channel.members:
                    announce(self._turn, channel, membership.present, None)
            for membership, _ in leaving:
                self._removed(membership)
            for group in channel.groups.values():
                if group.rights.sees_presence and group not in saw:
                    for membership in group.members.values():
                        self._begin_to_show(membership)
        return channel

    def _begin_to_show(self, membership: Membership) -> None:
        """Send the list of members to one who may see it from now on, where it can do nothing with news alone."""
        if membership.encoder.waits_for_roster:
            send_roster(self._turn, membership)

    def show(self, membership: Membership, state: Json | None) -> None:
        """List a member with what it says of itself, or no more; all who see presence are told, itself too."""
        before = membership.present if membership.is_listed else None
        membership.shows = state is not None
        membership.state = state or b"{}"
        membership.entry = self._ticks.next()
        after = membership.present if membership.is_listed else None
        if before is not None or after is not None:
            announce(self._turn, membership.channel, before, after)

    def regroup(self, connection: Connection, become: Callable[[], Any]) -> None:
        """Decide all memberships of a client again that goes on as another: ``become`` makes it that one."""
        workspace = connection.workspace
        before = {name: m.present for name, m in connection.memberships.items() if m.is_listed}
        become()
        for name, membership in list(connection.memberships.items()):
            channel = self.current(workspace, membership.channel)
            if connection.memberships.get(name) is not membership:
                continue
            rights = workspace.rights(connection.actor.kind, name)
            if not rights.join:
                self._take_out(workspace, membership, RULES)
                if name in before and channel.members:
                    announce(self._turn, channel, before[name], None)
                self._removed(membership)
                continue
            saw = membership.rights.sees_presence
            if membership.group.kind != connection.actor.kind:
                channel.move(membership, workspace.group(channel, connection.actor.kind))
            membership.entry = self._ticks.next()
            after = membership.present if membership.is_listed else None
            if name in before or after is not None:
                announce(self._turn, channel, before.get(name), after)
            if rights.sees_presence and not saw:
                self._begin_to_show(membership)

    def membership(self, connection: Connection, channel: str) -> Membership | None:
        """Return the membership under the rules of this moment; whoever they exclude is out when this returns."""
        membership: Membership | None = connection.memberships.get(channel)
        if membership is not None and not connection.workspace.is_current(membership.channel):
            self.current(connection.workspace, membership.channel)
            membership = connection.memberships.get(channel)
        return membership

    def deliver(self, workspace: Workspace, message: Message) -> int:
        """Hand a message to all who may receive it, under the rules of this moment; returns how many these are."""
        channel = workspace.channels.get(message.channel)
        if channel is None:
            return 0
        if not workspace.is_current(channel):
            self.current(workspace, channel)
        channel.messages += 1
        if message.kind is PRIVATE:
            count = self._deliver_privately(workspace, channel, message)
        else:
            count = 0
            send = self._turn.send
            operation = RECEIVING[message.kind]
            audience = (
                channel.audience(operation)
                if not message.unechoed
                else channel.audience_but(operation, message.socket_id or "")
            )
            for encoder, recipients in audience:
                send(recipients, encoder.message(message), audience)
                count += len(recipients)
        self.deliveries += count
        workspace.deliveries += count
        return count

    def deliver_event_to(
        self, workspace: Workspace, channel: Channel, message: Message, connections: Iterable[Connection]
    ) -> int:
        """Hand a server event to some members only, those of them who may receive it."""
        count = 0
        for connection in connections:
            membership = channel.members.get(connection.id)
            if membership is not None and membership.rights.receive_event:
                self._turn.send(connection, membership.encoder.message(message))
                count += 1
        self.deliveries += count
        workspace.deliveries += count
        return count

    def _deliver_privately(self, workspace: Workspace, channel: Channel, message: Message) -> int:
        """To its target, or each client of its target, and echoed once to its sender; to oneself once."""
        facts = Facts(marked_authenticated=message.authenticated)
        count, to_itself = 0, False
        for target in self._targets(workspace, channel, message):
            to_itself |= target.connection.id == message.socket_id
            actor = target.connection.actor
            if decide(workspace.rules, actor, Operation.RECEIVE_PRIVATE, channel.name, facts).allowed:
                count += 1
                if target.connection.id != message.socket_id:
                    self._turn.send(target.connection, target.encoder.message(message))
        sender = channel.members.get(message.socket_id or "")
        if sender is not None and (to_itself or not message.unechoed) and (count or message.target_user is not None):
            self._turn.send(sender.connection, sender.encoder.message(message, to_sender=True))
        return count

    def _targets(self, workspace: Workspace, channel: Channel, message: Message) -> list[Membership]:
        if message.target_user is None:
            target = channel.members.get(message.target_id or "")
            return [target] if target is not None else []
        sender = channel.members.get(message.socket_id or "")
        from_test = sender is not None and sender.connection.actor.is_test
        found = (channel.members.get(client.id) for client in workspace.by_user.get(message.target_user, ()))
        # A test client may bear the name of a real user, to whom others write in confidence.
        return [m for m in found if m is not None and (from_test or not m.connection.actor.is_test)]
