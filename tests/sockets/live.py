"""The running server in this process, without sockets: its own hub and engine, a store and connections in memory.

Store and connections implement the narrow interfaces that the server asks for; nothing of the server is replaced.
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from webapp.core.actors import ANONYMOUS, AUTHENTICATED_KIND, Actor
from webapp.core.policy import JOINED
from webapp.core.ruleset import RuleSet
from webapp.inspector.tap import Tap
from webapp.protocols.xano import XANO
from webapp.realtime.connection import Connection
from webapp.realtime.events import Face, Message, Sender
from webapp.realtime.history import Note, Prune, Query
from webapp.realtime.hooks import Delivery
from webapp.realtime.limits import Limits
from webapp.realtime.server import Realtime
from webapp.realtime.workspace import Workspace, WorkspaceConfig

Json = dict[str, Any]
LIMITS = Limits(messages_per_minute=0)


class MemoryStore:
    """Keeps messages in a list. ``commits_at_once`` False makes the writer work in the background."""

    def __init__(self, commits_at_once: bool) -> None:
        self.commits_at_once = commits_at_once
        self._kept: list[tuple[int, Message]] = []
        self.deliveries: list[Delivery] = []
        self.notes: list[Note] = []

    def append(
        self,
        messages: Sequence[tuple[int, Message]],
        prunes: Sequence[Prune],
        deliveries: Sequence[Delivery] = (),
        notes: Sequence[Note] = (),
    ) -> None:
        self._kept += messages
        self.notes += notes
        self.deliveries += deliveries

    def take_back(self, deliveries: Sequence[Delivery]) -> None:
        self.deliveries = [delivery for delivery in self.deliveries if delivery not in deliveries]

    def read(self, query: Query) -> list[Message]:
        found = [
            message
            for workspace_id, message in self._kept
            if workspace_id == query.workspace_id
            and message.channel == query.channel
            and message.kind in query.kinds
            and (query.thread is None or message.thread == query.thread)
            and (query.before is None or message.id < query.before)
            and (query.until is None or message.id <= query.until)
        ]
        return found[-query.limit :]

    def delete(self, workspace_id: int, channel: str, message_id: int, private: bool = False) -> bool:
        before = len(self._kept)
        self._kept = [(w, m) for w, m in self._kept if (w, m.channel, m.id) != (workspace_id, channel, message_id)]
        return len(self._kept) < before

    def last_id(self) -> int:
        return max((message.id for _, message in self._kept), default=0)


class MemoryConnection:
    """A connection whose socket is a list of bytes."""

    _numbers = itertools.count(1)
    standing = JOINED

    def __init__(self, realtime: Realtime, workspace: Workspace, actor: Actor) -> None:
        self.realtime = realtime
        self.id = f"socket-{next(self._numbers)}"
        self.workspace = workspace
        self.actor = actor
        self.face: Face = XANO
        self.sender = Sender(self.id, actor.extras, actor.dbo_id, actor.row_id, actor.user_id)
        self.address = self.user_agent = ""
        self.connected_at = self.heard_at = self.window = 0.0
        self.closing_since = 0.0
        self.close_code = 0
        self.ended = False
        self.received = self.window_count = self.queued = 0
        self.last_error = None
        self.since = realtime.ticks.next()
        self.ended_why = self.ended_by = ""
        self.cut_at = 0.0
        self.memberships: dict[str, Any] = {}
        self.written = b""

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)

    def close(self, code: int, _reason: str = "") -> None:
        """Say nothing, and be gone."""
        self.closing_since, self.close_code, self.ended = 1.0, code, True
        self.realtime.disconnected(cast(Connection, self))

    def hold(self) -> None:
        """Nothing to keep back: reading from the store above takes no time."""
        self.realtime.turn.flush()

    def release(self, first: bytes = b"") -> None:
        if first:
            self.realtime.turn.send(self, first)  # type: ignore[arg-type]

    def take(self) -> list[Json]:
        """Return the frames written since the last look."""
        data, self.written = self.written, b""
        frames = []
        while data:
            assert data[0] == 0x81, "a text frame, unmasked and whole"
            size, start = data[1], 2
            if size == 126:
                size, start = int.from_bytes(data[2:4], "big"), 4
            elif size == 127:
                size, start = int.from_bytes(data[2:10], "big"), 10
            frames.append(json.loads(data[start : start + size]))
            data = data[start + size :]
        return frames


class Live:
    """A server in this process, with one workspace."""

    def __init__(self, commits_at_once: bool = True, tap: Tap | None = None) -> None:
        self.realtime = Realtime(LIMITS, MemoryStore(commits_at_once), tap)
        self._generation = 0
        self.publish(RuleSet())

    @property
    def workspace(self) -> Workspace:
        return self.realtime.workspaces["default"]

    def publish(self, rules: RuleSet) -> int:
        """Put rules in force and return how many memberships that ended."""
        self._generation += 1
        config = WorkspaceConfig(1, "default", replace(rules, version=self._generation), generation=self._generation)
        return self.realtime.apply(config).removed

    def connect(self, user: str | None) -> MemoryConnection:
        actor = ANONYMOUS if user is None else Actor(AUTHENTICATED_KIND, user_id=user)
        connection = MemoryConnection(self.realtime, self.workspace, actor)
        self.realtime.connections.add(cast(Connection, connection))
        self.realtime._by_address[""] += 1
        self.workspace.add(cast(Connection, connection))
        return connection

    def disconnect(self, connection: MemoryConnection) -> None:
        connection.ended = True
        connection.closing_since = 1.0
        self.realtime.disconnected(cast(Connection, connection))
        self.end_turn()

    def send(
        self, connection: MemoryConnection, action: str, channel: str, payload: Any = None, **options: Any
    ) -> None:
        """Have the engine read a frame of this connection, and end the turn."""
        frame = {"action": action, "options": {"channel": channel, **options}, "payload": payload}
        self.realtime.engine.receive(cast(Connection, connection), json.dumps(frame).encode())
        self.end_turn()

    def end_turn(self) -> None:
        self.realtime.turn.flush()
        self.realtime.broker.settle()
        self.realtime.turn.flush()


@dataclass(eq=False)
class Member:
    """A client as the model sees it: the channels it is in, and in which it asked for presence and history."""

    connection: MemoryConnection
    authenticated: bool
    presence: dict[str, bool] = field(default_factory=dict)
    history: dict[str, bool] = field(default_factory=dict)
    expected: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.connection.id


def simplified(frame: Json) -> Json:
    """A frame of the wire as the model writes it."""
    action, options, payload = frame["action"], frame["options"], cast(Json, frame["payload"])
    short: Json = {"action": action, "channel": options["channel"]}
    if action == "presence_full":
        short["ids"] = [client["socketId"] for client in payload["presence"]]
    elif action == "presence_update":
        short |= {"what": payload["action"], "who": payload["presence"]["socketId"]}
    elif action == "history":
        short["messages"] = [simplified(each) for each in payload["history"]]
    elif action in ("message", "event"):
        short["payload"] = payload
        short |= {"from": frame["client"]["socketId"]} if "client" in frame else {}
        short |= {"authenticated": True} if options.get("authenticated") else {}
        short |= {"peer": options["socketId"]} if "socketId" in options else {}
    return short
