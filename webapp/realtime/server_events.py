"""Messages of the server itself: from the API, the dashboard, the command line and triggers."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from ..core.actors import Actor
from ..core.codes import Code
from ..core.permissions import Operation
from ..core.policy import decide
from ..inspector.records import Detail
from .channel import Channel
from .connection import Connection
from .events import Json, Kind, Message, Sender
from .hooks import Delivery
from .triggering import NOT_RUN, Ran
from .workspace import Workspace

if TYPE_CHECKING:
    from .server import Realtime


@dataclass(frozen=True, slots=True)
class Published:
    """What became of an event of the server: its id, how many it reached, and whom it did not, by reason."""

    id: str
    recipients: int
    refused: dict[str, int]


class StorageUnavailable(Exception):
    """An event could not be stored, so it was not sent."""


class ServerEvents:
    """Sends what the server itself has to say."""

    def __init__(self, realtime: "Realtime") -> None:
        self._realtime = realtime

    def publish(
        self,
        canonical: str,
        channel: str,
        data: Json,
        *,
        event: str | None = None,
        client: Json | None = None,
        target_socket: str | None = None,
        target_user: str | None = None,
        trace_only: bool = False,
        by: str = "",
        sets_off: bool = True,
    ) -> Published:
        """Send a message of the server to a channel, or to one client or user in it.

        It follows ``receive_event`` alone (PERMISSIONS.md). With ``trace_only`` the whole way is gone and nothing
        is delivered. ``data`` and ``client`` are JSON; ``by`` names the admin who sends it. ``sets_off``: triggers run
        on it, which may block or change it.

        Raises:
            KeyError: no such workspace.
            StorageUnavailable: the channel keeps history and the event could not be stored.
        """
        realtime = self._realtime
        workspace = realtime.workspaces[canonical]
        received = monotonic()
        detail = Detail() if realtime.tap.watching else None
        ran = NOT_RUN
        if sets_off and workspace.has_triggers:
            ran = realtime.triggers.on_event(workspace, channel, data, event, trace_only)
        message_id = realtime.ticks.next()
        payload = data if ran is NOT_RUN else ran.payload
        message = Message(message_id, channel, Kind.EVENT, payload, sender=client, event=event, target_id=target_socket)
        live = workspace.channels.get(channel)
        if live is not None:
            realtime.hub.current(workspace, live)
        wanted = _addressed(live, target_socket, target_user)
        reasons = _unheard(workspace, live, wanted) if live is not None else {}
        if ran.objection is not None:
            reasons = {ran.objection.code.value: len(wanted)}
            if not trace_only:
                self._note_blocked(workspace, message, received, by, ran)
            return Published(str(message.id), 0, reasons)
        if trace_only:
            return Published(str(message.id), len(wanted) - sum(reasons.values()), reasons)
        if live is not None:
            live.last_id = message.id
        told = None if workspace.hooks is None else realtime.webhooks.of_message(workspace, message)
        if ran.notices:
            told = (*(told or ()), *realtime.webhooks.of_notices(workspace, ran.notices, message.id))
        if target_socket is not None or target_user is not None:
            if told:
                realtime.history.add_deliveries(told)
                realtime.broker.settle()
            count = realtime.hub.deliver_event_to(workspace, live, message, wanted) if live is not None else 0
        else:
            count = self._publish_to_channel(workspace, message, told)
        workspace.messages += 1
        members = live.kinds() if live is not None else ()
        if target_socket is not None or target_user is not None:
            members = tuple(Counter(c.actor.kind for c in wanted).items())
        version = workspace.rules.version
        handed = realtime.ticks.next() if message.stored else 0
        now, user = monotonic(), target_user or ""
        realtime.tap.delivered(
            workspace, message, version, None, members, count, received, now, detail, by, user, handed, ran.runs
        )
        return Published(str(message.id), count, reasons)

    def _note_blocked(self, workspace: Workspace, message: Message, received: float, by: str, ran: Ran) -> None:
        version, now = workspace.rules.version, monotonic()
        code = ran.objection.code if ran.objection is not None else None
        self._realtime.tap.delivered(
            workspace, message, version, None, (), 0, received, now, by=by, runs=ran.runs, blocked=code
        )

    def _publish_to_channel(
        self, workspace: Workspace, message: Message, told: Sequence[Delivery] | None = None
    ) -> int:
        rule = workspace.rules.resolve(message.channel)
        keep = rule.history if rule is not None and rule.history_events else 0
        if not keep and told is None:
            return self._realtime.broker.publish(workspace, message)
        counts: list[int | None] = []
        self._realtime.broker.store_and_publish(workspace, message, keep, counts.append, deliveries=told or ())
        self._realtime.broker.settle()
        if not counts or counts[0] is None:
            raise StorageUnavailable
        return counts[0]


def _addressed(channel: Channel | None, socket_id: str | None, user: str | None) -> list[Connection]:
    """Return the members that an event is meant for, before anyone asks whether they may receive it."""
    if channel is None:
        return []
    members: Iterable[Connection] = channel.clients()
    if socket_id is not None:
        members = (c for c in members if c.id == socket_id)
    if user is not None:
        members = (c for c in members if c.actor.user_id == user)
    return list(members)


def _unheard(workspace: Workspace, channel: Channel, members: Iterable[Connection]) -> dict[str, int]:
    """Count the members that may not receive an event, by the code of the reason."""
    kinds = Counter(c.actor.kind for c in members if not channel.members[c.id].rights.receive_event)
    reasons: Counter[str] = Counter()
    for kind, count in kinds.items():
        code = decide(workspace.rules, Actor(kind=kind), Operation.RECEIVE_EVENT, channel.name).code
        reasons[str(code or Code.INTERNAL_ERROR)] += count
    return dict(reasons)


def event_client(dbo_id: int, row_id: int) -> Json:
    """Make the ``client`` of an event that names an auth table and row, as Xano's "Realtime Event" does."""
    return Sender("", {}, dbo_id, row_id).json
