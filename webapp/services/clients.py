"""Acting on connected clients: ending a connection, taking a client out of a channel."""

from typing import TYPE_CHECKING, Any

from ..models import Action, Source, Workspace
from ..realtime.listing import ClientInfo, describe
from . import audit
from .errors import NotFound
from .live import running

if TYPE_CHECKING:
    from ..realtime.server import Realtime

GONE = "This client is no longer connected."


def find(workspace: Workspace, socket_id: str) -> ClientInfo:
    """Return a client that is connected to the server in this process.

    Raises:
        NotFound: there is no such one (any more).
    """
    return _find(workspace, socket_id)[1]


def kick(
    workspace: Workspace, socket_id: str, *, author: str, source: Source | str, address: str | None = None
) -> ClientInfo:
    """End a client's connection. Its SDK does not come back by itself, but nothing keeps it from connecting again.

    Raises:
        NotFound: there is no such client (any more).
    """
    realtime, client = _find(workspace, socket_id)
    _record(workspace, Action.CLIENT_CLOSE, _row(client), author, source, address)
    if not realtime.kick(workspace.canonical, socket_id, author):
        raise NotFound({"client": GONE})
    return client


def take_out(
    workspace: Workspace,
    socket_id: str,
    channel: str,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> ClientInfo:
    """Take one client out of one channel. It may join again as far as the rules let it.

    Raises:
        NotFound: there is no such client, or it is not in that channel (any more).
    """
    realtime, client = _find(workspace, socket_id)
    if channel not in client.channels:
        raise NotFound({"channel": "This client is no longer in that channel."})
    _record(workspace, Action.CHANNEL_TAKE_OUT, _row(client) | {"channel": channel}, author, source, address)
    if not realtime.take_client_out(workspace.canonical, channel, socket_id, author):
        raise NotFound({"channel": "This client is no longer in that channel."})
    return client


def _find(workspace: Workspace, socket_id: str) -> "tuple[Realtime, ClientInfo]":
    realtime = running()
    live = realtime.workspace(workspace.canonical) if realtime is not None else None
    connection = live.connections.get(socket_id) if live is not None else None
    if realtime is None or connection is None:
        raise NotFound({"client": GONE})
    return realtime, describe(connection)


def _row(client: ClientInfo) -> dict[str, Any]:
    """What the audit log says of a client: enough to know it again."""
    return {
        "socket_id": client.socket_id,
        "user": client.user_id if client.user_id is not None else "an anonymous client",
        "from": client.address,
        "test": client.is_test,
    }


def _record(
    workspace: Workspace,
    action: Action,
    after: dict[str, Any],
    author: str,
    source: Source | str,
    address: str | None,
) -> None:
    # Before it is done: what is not in the log must not have happened.
    audit.write(action, actor=author, source=source, workspace_id=workspace.id, after=after, address=address)
