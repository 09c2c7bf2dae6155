"""What happened last: who was denied what, and where most is said. Only of one workspace."""

from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic

from ...core.decision import Decision
from ...inspector.meter import busiest
from ...models.workspace import Workspace
from ...services.live import running

DENIALS_SHOWN = 10
BUSIEST_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Denial:
    """A refusal as the page tells it. ``sentence`` is what the client was told."""

    ref: str
    at: datetime
    code: str
    sentence: str
    channel: str | None
    socket_id: str
    user_id: str | None
    address: str
    detail: str
    decision: Decision | None
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class BusyChannel:
    """``rate`` is in messages a minute."""

    name: str
    rate: str
    clients: int


def denials(workspace: Workspace) -> list[Denial]:
    """Return the last denials of a workspace, newest first."""
    realtime = running()
    if realtime is None:
        return []
    return [
        Denial(
            ref=refusal.ref,
            at=datetime.fromtimestamp(refusal.at, UTC),
            code=refusal.code.value,
            sentence=refusal.decision.message if refusal.decision is not None else refusal.text,
            channel=refusal.channel,
            socket_id=refusal.socket_id,
            user_id=refusal.user_id,
            address=refusal.address,
            detail=refusal.detail,
            decision=refusal.decision,
            is_test=refusal.actor.is_test,
        )
        for refusal in realtime.tap.refusals_of(workspace.canonical, DENIALS_SHOWN)
    ]


def busy_channels(workspace: Workspace) -> list[BusyChannel]:
    """Return the channels of a workspace where most was said in the last minutes."""
    realtime = running()
    live = realtime.workspace(workspace.canonical) if realtime is not None else None
    if realtime is None or live is None:
        return []
    found = []
    for busy in busiest(realtime.tap, workspace.canonical, monotonic(), BUSIEST_SHOWN):
        channel = live.channels.get(busy.channel)
        rate = f"{busy.rate:,.0f}" if busy.rate >= 10 else f"{busy.rate:.1f}"
        found.append(BusyChannel(busy.channel, rate, len(channel.members) if channel is not None else 0))
    return found
