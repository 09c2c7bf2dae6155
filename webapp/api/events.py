"""Messages of the server: what Xano calls "Realtime Event"."""

from typing import Annotated

import msgspec
from flask import current_app
from msgspec import Meta

from ..config import Settings
from ..core.targets import channel_problem
from ..models import Scope
from ..realtime.server_events import event_client
from ..services import decisions
from .errors import ApiError, ErrorCode
from .routes import Call, Nothing, route

ROW_MOST = 2**53 - 1
ENVELOPE_MOST = 64 * 1024
"""Bytes that the rest of the body may have beside the data."""

RowId = Annotated[int, Meta(ge=0, le=ROW_MOST)]
EventName = Annotated[str, Meta(min_length=1, max_length=255, description="A name, shown as `options.event`.")]


class EventAuth(msgspec.Struct, forbid_unknown_fields=True):
    """The user that the event speaks of, in Xano's terms: members see it as the event's `client`."""

    dbo_id: Annotated[RowId, Meta(description="The id of the auth table.")]
    row_id: Annotated[RowId, Meta(description="The id of the user's row in it.")]


class EventTarget(msgspec.Struct, forbid_unknown_fields=True, rename={"socket_id": "socketId"}):
    """One client of the channel, or all clients of one user in it. Exactly one of the two."""

    socket_id: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    user: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class EventIn(msgspec.Struct, forbid_unknown_fields=True):
    """A message of the server to the members of a channel."""

    channel: Annotated[str, Meta(min_length=1, max_length=255)]
    data: Annotated[msgspec.Raw, Meta(description="Any JSON. It reaches the clients as the same bytes.")]
    event: EventName | None = None
    auth: EventAuth | None = None
    target: EventTarget | None = None
    trace_only: Annotated[bool, Meta(description="Go the whole way, but store and deliver nothing.")] = False


class WarningOut(msgspec.Struct):
    """Something that was done, but surely not as it was meant."""

    code: str
    message: str


class EventOut(msgspec.Struct, omit_defaults=True):
    """What became of an event."""

    id: Annotated[str, Meta(description="17 digits: 100-nanosecond ticks since 1970.")]
    recipients: Annotated[int, Meta(description="How many clients it reached (with `trace_only`: would have reached).")]
    refused: Annotated[
        dict[str, int], Meta(description="How many members it did not reach, by the code of the reason.")
    ]
    warning: Annotated[
        WarningOut | None,
        Meta(description="Only where nobody can be in this channel: `no_rule` or `workspace_disabled`."),
    ] = None


def _body_most() -> int:
    return _message_most() + ENVELOPE_MOST


@route(
    "POST",
    "/events",
    Scope.PUBLISH,
    summary="Send a message of the server to a channel",
    answer=EventOut,
    body=EventIn,
    body_most=_body_most,
    errors=(ErrorCode.MESSAGE_TOO_LARGE,),
)
def publish_event(call: Call[EventIn, Nothing]) -> EventOut:
    """It goes to all members who may receive events (PERMISSIONS: `receive_event`), whatever the boxes for clients'
    messages say, or to the one client or user that `target` names, if they are members.

    Where the rule keeps events, it is stored first, then delivered. Where no active rule allows the channel it reaches
    nobody: that is no error, but the answer carries a `warning`."""
    body = call.body
    check_channel(body.channel)
    target = body.target or EventTarget()
    if body.target is not None and (target.socket_id is None) == (target.user is None):
        raise ApiError(ErrorCode.INVALID_INPUT, problems={"target": "Name either a socketId or a user."})
    data = bytes(body.data)
    if len(data) > _message_most():
        raise ApiError(ErrorCode.MESSAGE_TOO_LARGE, problems={"data": f"At most {_message_most()} bytes."})
    published = call.realtime.publish_event(
        call.canonical,
        body.channel,
        data,
        event=body.event,
        client=event_client(body.auth.dbo_id, body.auth.row_id) if body.auth is not None else None,
        target_socket=target.socket_id,
        target_user=target.user,
        trace_only=body.trace_only,
    )
    return EventOut(published.id, published.recipients, published.refused, _warning(call))


def _warning(call: Call[EventIn, Nothing]) -> WarningOut | None:
    """Say why nobody can be there: a channel name with a typing error would look like one without members."""
    rules = call.realtime.workspaces[call.canonical].rules
    code = decisions.closed_to_all(rules, call.body.channel)
    return WarningOut(code.value, code.sentence) if code is not None else None


def check_channel(name: str, path: str = "channel") -> None:
    """Refuse what can't be a channel's name.

    Raises:
        ApiError: 422.
    """
    problem = channel_problem(name)
    if problem is not None:
        raise ApiError(ErrorCode.INVALID_INPUT, problems={path: problem})


def _message_most() -> int:
    settings: Settings = current_app.extensions["tidegate.settings"]
    return settings.limit_message_bytes
