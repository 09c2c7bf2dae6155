"""Connections and channels as lists show them."""

from dataclasses import dataclass
from time import monotonic
from typing import Any

from ..inspector.capture import TICKS_A_SECOND
from .channel import Channel
from .connection import Connection
from .workspace import Workspace


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """A connection as lists show it.

    ``connected_for`` is in seconds, ``since`` in seconds since 1970, ``queued`` in bytes. ``is_test``: it was made in
    the dashboard, to try something.
    """

    socket_id: str
    user_id: str | None
    authenticated: bool
    extras: dict[str, Any]
    dbo_id: int
    row_id: int
    channels: tuple[str, ...]
    protocol: str
    address: str
    user_agent: str
    connected_for: float
    queued: int
    last_error: str | None
    is_test: bool = False
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A channel that has members."""

    name: str
    members: int
    authenticated: int
    messages: int
    target: str | None


def describe(connection: Connection) -> ClientInfo:
    """Describe a connection for lists."""
    actor = connection.actor
    return ClientInfo(
        socket_id=connection.id,
        user_id=actor.user_id,
        authenticated=actor.authenticated,
        extras=dict(actor.extras),
        dbo_id=actor.dbo_id,
        row_id=actor.row_id,
        channels=tuple(connection.memberships),
        protocol=connection.face.name,
        address=connection.address,
        user_agent=connection.user_agent,
        connected_for=monotonic() - connection.connected_at,
        queued=connection.queued,
        last_error=connection.last_error.value if connection.last_error is not None else None,
        is_test=actor.is_test,
        since=connection.since / TICKS_A_SECOND,
    )


def describe_channel(workspace: Workspace, channel: Channel) -> ChannelInfo:
    """Describe a channel for lists."""
    rule = workspace.rules.resolve(channel.name)
    return ChannelInfo(
        name=channel.name,
        members=len(channel.members),
        authenticated=sum(len(g.members) for g in channel.groups.values() if g.kind.authenticated),
        messages=channel.messages,
        target=rule.target.text if rule is not None else None,
    )
