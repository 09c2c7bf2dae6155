"""Events of the server that a person sends from the dashboard."""

import msgspec
from flask import current_app

from ..config import Settings
from ..core.targets import channel_problem
from ..models import Action, Source, Workspace
from ..realtime.server_events import Published, StorageUnavailable
from . import audit
from .errors import Conflict, InvalidInput
from .live import running
from .texts import checked_name

EVENT_NAME_MOST = 255
NOT_RUNNING = "No realtime server runs in this process."


def checked_payload(text: str) -> bytes:
    """Return JSON as it will travel.

    Raises:
        InvalidInput: it is no JSON, or larger than a message may be.
    """
    data = text.strip().encode("utf-8", "surrogatepass")
    settings: Settings = current_app.extensions["tidegate.settings"]
    if len(data) > settings.limit_message_bytes:
        raise InvalidInput({"payload": f"At most {settings.limit_message_bytes:,} bytes; these are {len(data):,}."})
    try:
        data.decode()
        msgspec.json.decode(data)
    except (ValueError, RecursionError):
        raise InvalidInput({"payload": 'This is not JSON. Write for example {"hello": "world"}, or "text".'}) from None
    return data


def checked_channel(name: str) -> str:
    """Return the name of a channel.

    Raises:
        InvalidInput: no channel can have it.
    """
    problem = channel_problem(name)
    if problem is not None:
        raise InvalidInput({"channel": problem})
    return name


def send(
    workspace: Workspace,
    channel: str,
    payload: str,
    *,
    event: str = "",
    socket_id: str = "",
    user: str = "",
    author: str,
    source: Source | str,
    address: str | None = None,
) -> Published:
    """Send an event of the server to a channel, or to one client or user in it, and note who did.

    Args:
        workspace: whose channel.
        channel: its name.
        payload: JSON.
        event: the event's name; empty for none.
        socket_id: the only client that is meant; empty for all.
        user: the user whose clients alone are meant; empty for all.
        author: who sends it.
        source: where from.
        address: the author's network address.

    Raises:
        InvalidInput: a name or the payload can't be taken.
        Conflict: no server runs in this process, or the event could not be stored.
    """
    data, name = checked_payload(payload), checked_channel(channel)
    title = checked_name(event, "event", EVENT_NAME_MOST) if event.strip() else None
    realtime = running()
    if realtime is None or realtime.workspace(workspace.canonical) is None:
        raise Conflict(NOT_RUNNING)
    try:
        published = realtime.publish_event(
            workspace.canonical,
            name,
            data,
            event=title,
            target_socket=socket_id or None,
            target_user=user or None,
            by=author,
        )
    except StorageUnavailable:
        raise Conflict("The event could not be stored just now, so it was not sent. Try again.") from None
    after = {"channel": name, "event": title, "id": published.id, "bytes": len(data)}
    after |= {"socket_id": socket_id or None, "user": user or None, "recipients": published.recipients}
    audit.write(Action.EVENT_SEND, actor=author, source=source, workspace_id=workspace.id, after=after, address=address)
    return published
