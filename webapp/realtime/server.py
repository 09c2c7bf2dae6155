"""The running server of a process: what the socket endpoint, the API, the dashboard and the CLI act on."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Any

import gevent
from gevent import get_hub
from gevent.lock import RLock
from msgspec.structs import replace

from ..core.codes import CloseCode, Code
from ..inspector.meter import Meter
from ..inspector.tap import Tap
from ..inspector.turns import in_turns
from ..triggers.sandbox import write_with
from ..triggers.turns import PAUSE
from .broker import Broker
from .broker.memory import MemoryBroker
from .callers import Caller
from .channel import Membership
from .connection import Connection, take_over
from .engine import Engine
from .events import Kind, Message, Send, Ticks
from .guests import Guest, Said
from .history import HistoryWriter, Store
from .hub import CLOSED, Hub
from .limits import Limits
from .listing import ChannelInfo, ClientInfo, describe, describe_channel
from .outside import Outside
from .reading import HistoryReader
from .refusing import Refuser
from .server_events import ServerEvents
from .triggering import Triggering
from .turn import Turn
from .webhooks import Webhooks
from .workspace import Workspace, WorkspaceConfig

_log = logging.getLogger("tidegate.server")
SWEEP_SLICE = 0.004
"""Seconds a rule change works on channels before others get a turn of the loop."""


@dataclass(frozen=True, slots=True)
class ApplyReport:
    """What putting a configuration in force did: memberships ended, in how many channels, connections closed."""

    version: int
    removed: int = 0
    channels: int = 0
    closed: int = 0


class Realtime:
    """Everything that runs: the loop's turn, the hub, the engine, the workspaces."""

    def __init__(self, limits: Limits, store: Store, tap: Tap | None = None) -> None:
        self.limits = limits
        self.loop = get_hub().loop
        self.tap = tap if tap is not None else Tap()
        self.meter = Meter()
        self.turn = Turn(self.loop)
        self.ticks = Ticks(store.last_id())
        self.refuser = Refuser(self.turn, self.tap, self.ticks)
        self.history = HistoryWriter(store, self.turn.schedule)
        self.webhooks = Webhooks(self.history)
        self.hub = Hub(self.turn, self._removed, self._left, self.tap, self.ticks, self.webhooks)
        self.turn.before = self.history.commit
        self.broker: Broker = MemoryBroker(self.hub, self.history)
        reader = HistoryReader(self.hub, self.broker, store)
        write_with(self.turn)
        self.triggers = Triggering(Outside(self), self.ticks, limits.message_bytes)
        self.engine = Engine(
            self.turn,
            self.hub,
            self.broker,
            reader,
            self.refuser,
            self.tap,
            limits,
            self.ticks,
            self.webhooks,
            self.triggers,
        )
        self.publish_event = ServerEvents(self).publish
        self.store = store
        self.workspaces: dict[str, Workspace] = {}
        self.draining = False
        self.connections: set[Connection] = set()
        self.leaving: set[Connection] = set()
        """Connections that were told goodbye and whose sockets are still open."""
        self._by_address: Counter[str] = Counter()
        self._applying = RLock()

    # Workspaces

    def workspace(self, canonical: str) -> Workspace | None:
        """Return the live workspace with this canonical."""
        return self.workspaces.get(canonical)

    def default_workspace(self) -> Workspace | None:
        """Return the only workspace, for clients that name none; None while there are several."""
        return next(iter(self.workspaces.values())) if len(self.workspaces) == 1 else None

    def apply(self, config: WorkspaceConfig) -> ApplyReport:
        """Put a workspace's configuration in force: rules, keys, revocations, origins.

        When this returns, every membership has been decided again, whoever may no longer be in a channel is out of
        it, and nothing that was accepted under the old rules is still to be written.
        """
        with self._applying:
            workspace = self.workspaces.get(config.canonical)
            if workspace is None:
                self.workspaces[config.canonical] = Workspace(config)
                return ApplyReport(config.rules.version)
            if config.generation < workspace.config.generation:
                return ApplyReport(workspace.rules.version)  # a later one overtook this
            self.broker.settle()
            self.turn.flush()
            workspace.configure(config)
            removals = workspace.removals = Counter()
            self._sweep(workspace)
            closed = self._end_revoked(workspace) + self._end_blocked(workspace)
            self.turn.flush()
            return ApplyReport(config.rules.version, removals.total(), len(removals), closed)

    def _sweep(self, workspace: Workspace) -> None:
        """Decide every membership again, in slices, so that nobody else waits for it."""
        slice_ends = monotonic() + SWEEP_SLICE
        for channel in list(workspace.channels.values()):
            self.hub.current(workspace, channel)
            if monotonic() > slice_ends:
                gevent.sleep(PAUSE)
                slice_ends = monotonic() + SWEEP_SLICE

    def _removed(self, membership: Membership) -> None:
        membership.connection.workspace.removals[membership.channel.name] += 1
        self.refuser.removed(membership)

    def _left(self, membership: Membership) -> None:
        rule = membership.rights.rule
        if rule is not None:
            self.triggers.left(membership.connection, rule, membership.channel.name)

    def _end_revoked(self, workspace: Workspace) -> int:
        revoked = workspace.config.verifier.revoked
        if not revoked:
            return 0
        ended = [c for c in workspace.connections.values() if c.actor.token_id in revoked]
        for connection in in_turns(ended, SWEEP_SLICE):
            if not connection.closing_since:
                self.end_token(connection, Code.TOKEN_REVOKED)
        return len(ended)

    def _end_blocked(self, workspace: Workspace) -> int:
        now = time.time()
        if not any(block.until > now for block in workspace.config.blocks):
            return 0
        found = [(c, workspace.block(c.actor.user_id, c.address, now)) for c in workspace.connections.values()]
        ended = [(connection, block) for connection, block in found if block is not None]
        for connection, block in in_turns(ended, SWEEP_SLICE):
            if not connection.closing_since:
                self._end(connection, Code.BLOCKED, detail=block.detail)
        return len(ended)

    def end_token(self, connection: Connection, code: Code) -> None:
        """Close a connection whose token expired or was revoked, so that the SDK comes back with its current one."""
        self.refuser.refuse(connection, code, None)
        self.turn.flush()
        strict = connection.workspace.rules.switches.refuse_bad_tokens
        connection.close(CloseCode.REFUSED if strict else CloseCode.RECONNECT, code.value)

    # Connections

    def connect(self, sock: Any, caller: Caller) -> None:
        """Admit a client whose handshake is answered, or tell it why not and close."""
        actor, problem = caller.identity
        workspace = caller.workspace
        refused_by = workspace if workspace is not None else _NOWHERE
        connection = Connection(self, refused_by, caller.face, sock, actor)
        address = caller.address
        connection.address, connection.user_agent = address, caller.user_agent
        refusal = self._admission(caller)
        self.connections.add(connection)
        self._by_address[address] += 1
        self.tap.connections += 1
        take_over(connection, sock)
        if refusal is not None:
            self._turn_away(connection, *refusal)
            return
        assert workspace is not None
        workspace.add(connection)
        connection.since = self.ticks.next()
        self.tap.connected(connection, connection.since)
        if problem is not None:
            self.refuser.refuse(connection, problem.code, None, detail=problem.detail)
            if workspace.rules.switches.refuse_bad_tokens:
                self._turn_away(connection, problem.code, CloseCode.REFUSED, tell=False)

    def turned_away(self, caller: Caller, counted: bool = True) -> Said | None:
        """Say why a client is not let in, whom the answer to its request is to tell that, and note it; else None."""
        workspace, problem = caller.workspace, caller.identity[1]
        refusal = self._admission(caller, counted)
        if refusal is not None:
            code, detail = refusal[0], ""
            if code is Code.BLOCKED and workspace is not None:
                block = workspace.block(caller.identity[0].user_id, caller.address, time.time())
                detail = block.detail if block is not None else ""
        elif workspace is not None and problem is not None and workspace.rules.switches.refuse_bad_tokens:
            code, detail = problem.code, problem.detail
        else:
            return None
        return self.turn_away(caller, code, detail)

    def turn_away(self, caller: Caller, code: Code, detail: str = "") -> Said:
        """Note that a client is not let in, or not heard, and return what to tell it."""
        ref = self.refuser.turned_away(caller, caller.workspace or _NOWHERE, code, detail)
        return Said(code, code.sentence, ref)

    def _admission(self, caller: Caller, counted: bool = True) -> tuple[Code, CloseCode] | None:
        """Say why a client is not let in, or None. ``counted``: it is to be a connection, and these are limited."""
        workspace, actor = caller.workspace, caller.identity[0]
        if workspace is None:
            return Code.UNKNOWN_WORKSPACE, CloseCode.REFUSED
        # The dashboard's test clients come from its own pages, which no workspace has to list.
        if workspace.config.origins and caller.origin not in workspace.config.origins and not actor.is_test:
            return Code.ORIGIN_NOT_ALLOWED, CloseCode.REFUSED
        if workspace.config.blocks and workspace.block(actor.user_id, caller.address, time.time()):
            return Code.BLOCKED, CloseCode.REFUSED
        if not counted:
            return None
        limits = self.limits
        user = actor.user_id
        mine = workspace.by_user.get(user, ()) if user is not None else ()
        if (
            0 < limits.clients <= len(self.connections)
            or 0 < limits.clients_per_address <= self._by_address[caller.address]
            or 0 < limits.clients_per_user <= len(mine)
        ):
            return Code.TOO_MANY_CONNECTIONS, CloseCode.TRY_AGAIN_LATER
        return None

    def _turn_away(self, connection: Connection, code: Code, close: CloseCode, tell: bool = True) -> None:
        if tell:
            self.refuser.refuse(
                connection, code, None, detail=self._why_blocked(connection) if code is Code.BLOCKED else ""
            )
        self.turn.flush()
        connection.close(close, code.value)

    def _why_blocked(self, connection: Connection) -> str:
        block = connection.workspace.block(connection.actor.user_id, connection.address, time.time())
        return block.detail if block is not None else ""

    def disconnected(self, connection: Connection) -> None:
        """Take a connection out of everything: told when one is closing and again when its socket is gone."""
        if connection.ended:
            self.leaving.discard(connection)
        else:
            self.leaving.add(connection)
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]
        self.tap.closed[connection.close_code] += 1
        workspace = connection.workspace
        workspace.discard(connection)
        for membership in list(connection.memberships.values()):
            try:
                self.hub.leave(workspace, membership, CLOSED)
            except Exception:  # a fault in one channel must not keep it in all others
                _log.exception("connection %s could not leave %s as it should", connection.id, membership.channel.name)
        if connection.since:
            self.tap.disconnected(connection, self.ticks.next())

    # Acting from outside

    def say(self, caller: Caller, commands: Iterable[Send]) -> list[Said]:
        """Send messages of a client that has no connection, in order, until one is refused.

        Returns what became of those that were tried, when they are stored, where they are to be.
        """
        told: list[Said] = []
        for command in commands:
            refused, workspace = self.turned_away(caller, counted=False), caller.workspace
            said = refused or Said()
            told.append(said)
            if refused is not None or workspace is None:
                break
            self.engine.send_as(Guest(caller, workspace, self.turn, command.channel), replace(command, reply=said))
            if said.code is not None:
                break
        self.broker.settle()
        self.turn.flush()
        return told

    def put_in(self, canonical: str, channel: str, user: str) -> int:
        """Join all connections of a user to a channel, as far as they may; returns how many are new in it."""
        workspace = self.workspaces[canonical]
        joined = 0
        for connection in list(workspace.by_user.get(user, ())):
            if channel not in connection.memberships:
                self.engine.join(connection, channel)
                joined += channel in connection.memberships
        self.turn.flush()
        return joined

    def take_out(self, canonical: str, channel: str, user: str, by: str = "") -> int:
        """Take all connections of a user out of a channel; returns how many were in it."""
        workspace = self.workspaces[canonical]
        taken = sum(self._take_out(c, channel, by) for c in list(workspace.by_user.get(user, ())))
        self.turn.flush()
        return taken

    def take_client_out(self, canonical: str, channel: str, socket_id: str, by: str) -> bool:
        """Take one client out of a channel; False if it is not there (any more)."""
        connection = self.workspaces[canonical].connections.get(socket_id)
        taken = connection is not None and self._take_out(connection, channel, by)
        self.turn.flush()
        return taken

    def _take_out(self, connection: Connection, channel: str, by: str) -> bool:
        membership = connection.memberships.get(channel)
        if membership is None:
            return False
        self.hub.leave(connection.workspace, membership, "taken out", by)
        self.turn.send(connection, membership.encoder.taken_out(channel))
        return True

    def kick(self, canonical: str, socket_id: str, by: str) -> bool:
        """End a client's connection for good: its SDK does not come back by itself. False if it is gone already."""
        connection = self.workspaces[canonical].connections.get(socket_id)
        if connection is None:
            return False
        self._end(connection, Code.KICKED, by)
        return True

    def _end(self, connection: Connection, code: Code, by: str = "", detail: str = "") -> None:
        connection.ended_why, connection.ended_by = code.value, by
        self.refuser.refuse(connection, code, None, detail=detail)
        self.turn.flush()
        connection.close(CloseCode.REFUSED, code.value)

    def send_again(self, canonical: str, socket_id: str, command: Send, by: str) -> bool:
        """Send a message once more as its client, by the rules of this moment; False if the client is gone."""
        connection = self.workspaces[canonical].connections.get(socket_id)
        if connection is None:
            return False
        self.engine.send_again(connection, command, by)
        self.turn.flush()
        return True

    # Watching

    def watch(self) -> None:
        """Begin to note the moments of each message's way, for a viewer."""
        self.tap.watching += 1
        self.turn.after = self.tap.written

    def unwatch(self) -> None:
        """A viewer has gone."""
        self.tap.watching -= 1
        if not self.tap.watching:
            self.turn.after = None

    def delete_message(self, canonical: str, channel: str, message_id: int) -> bool:
        """Delete a stored message and tell the members; False if it was not there."""
        workspace = self.workspaces[canonical]
        self.broker.settle()
        if not self.store.delete(workspace.config.id, channel, message_id):
            return False
        notice = b'{"type":"message_deleted","id":"%d"}' % message_id
        message = Message(self.engine.ticks.next(), channel, Kind.EVENT, notice)
        self.hub.deliver(workspace, message)
        self.turn.flush()
        return True

    # Looking

    def clients(self, canonical: str) -> list[ClientInfo]:
        """Return the connections of a workspace."""
        return [describe(c) for c in self.workspaces[canonical].connections.values()]

    def channels(self, canonical: str) -> list[ChannelInfo]:
        """Return the channels of a workspace that have members."""
        workspace = self.workspaces[canonical]
        return [describe_channel(workspace, channel) for channel in list(workspace.channels.values())]

    def members(self, canonical: str, channel: str) -> list[ClientInfo]:
        """Return the connections in a channel."""
        live = self.workspaces[canonical].channels.get(channel)
        return [describe(connection) for connection in live.clients()] if live is not None else []

    def overview(self) -> dict[str, Any]:
        """Return the numbers of this process."""
        return {
            "clients": len(self.connections),
            "channels": sum(len(w.channels) for w in self.workspaces.values()),
            "messages": self.tap.messages,
            "deliveries": self.hub.deliveries,
            "refusals": self.tap.refused.total(),
            "joins": self.tap.joins,
            "uptime_seconds": time.time() - self.tap.started_at,
        }

    # The end

    def drain(self, timeout: float, notify: Callable[[], Any] = lambda: None) -> None:
        """Close every connection with 1012, so that SDKs come back to the next process, and wait for them to go.

        ``timeout`` is in seconds; who has not answered by then is cut.
        """
        self.draining = True
        self.broker.settle(timeout / 2)
        self.turn.flush()
        for connection in list(self.connections):
            connection.close(CloseCode.SERVICE_RESTART, "service restart")
        ends = monotonic() + timeout
        while self.leaving and monotonic() < ends:
            notify()
            gevent.sleep(0.05)
        for connection in list(self.leaving):
            connection.abort()
        self.turn.flush()
        self.broker.settle(timeout / 2)  # what webhooks are told of those who left
        gevent.sleep(0)


_NOWHERE = Workspace(WorkspaceConfig(0, ""))
