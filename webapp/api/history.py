"""What channels keep: reading it, deleting from it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from ..models import Action, Scope, StoredMessage
from ..services import audit, messages
from .errors import ApiError, ErrorCode
from .events import check_channel
from .routes import Call, Nothing, route

DEFAULT, MOST = 100, 1000


class HistoryQuery(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=MOST, description="At most so many: the newest.")] = DEFAULT
    before: Annotated[
        Annotated[str, Meta(pattern="^[0-9]{1,18}$")] | None, Meta(description="Only those older than this id.")
    ] = None


class StoredOut(msgspec.Struct, omit_defaults=True):
    """A message as it was delivered. `at` is in milliseconds since 1970; `client` is its sender.

    Its `id` is text: 17 digits are more than a number of JavaScript holds."""

    id: str
    at: int
    kind: Annotated[str, Meta(extra_json_schema={"enum": ["public", "authenticated", "event"]})]
    payload: msgspec.Raw
    client: Annotated[msgspec.Raw | None, Meta(extra_json_schema={"type": ["object", "null"]})] = None
    event: str | None = None


class HistoryOut(msgspec.Struct):
    """Oldest first."""

    channel: str
    keeps: Annotated[int, Meta(description="How many messages the channel's rule keeps; 0: none.")]
    complete: Annotated[
        bool, Meta(description="Whether nothing older is kept. If not, ask again with `before` the first id here.")
    ]
    messages: list[StoredOut]


class DeletedOut(msgspec.Struct):
    channel: str
    id: str


@route(
    "GET",
    "/channels/{channel}/history",
    Scope.READ,
    summary="Read what a channel keeps",
    answer=HistoryOut,
    query=HistoryQuery,
    open_name="channel",
)
def read_history(call: Call[Nothing, HistoryQuery]) -> HistoryOut:
    """Public and authenticated messages, and events where the rule keeps them. Private messages are not shown: they
    belong to their two ends."""
    check_channel(call.channel)
    realtime, query = call.realtime, call.query
    realtime.broker.settle()
    rule = realtime.workspaces[call.canonical].rules.resolve(call.channel)
    keeps = rule.history if rule is not None else 0
    before = int(query.before) if query.before is not None else None
    page = messages.page(call.workspace, call.channel, keeps, query.limit, before)
    return HistoryOut(call.channel, keeps, page.complete, [_stored(row) for row in page.messages])


@route(
    "DELETE",
    "/channels/{channel}/history/{message_id}",
    Scope.PUBLISH,
    summary="Delete a stored message",
    answer=DeletedOut,
    open_name="channel",
)
def delete_message(call: Call[Nothing, Nothing]) -> DeletedOut:
    """Its payload is wiped, and the members are told with an event `{"type": "message_deleted", "id"}`."""
    text = call.names["message_id"]
    check_channel(call.channel)
    if not call.realtime.delete_message(call.canonical, call.channel, int(text)):
        raise ApiError(ErrorCode.NOT_FOUND, "This channel keeps no message with this id.")
    audit.write(
        Action.MESSAGE_DELETE,
        actor=call.caller.name,
        source=call.caller.source,
        workspace_id=call.workspace.id,
        after={"channel": call.channel, "id": text},
        address=call.caller.address,
    )
    return DeletedOut(call.channel, text)


def _stored(row: StoredMessage) -> StoredOut:
    return StoredOut(
        id=str(row.id),
        at=row.at_ms,
        kind=row.kind,
        payload=msgspec.Raw(row.payload.encode()),
        client=msgspec.Raw(row.sender.encode()) if row.sender is not None else None,
        event=row.event,
    )
