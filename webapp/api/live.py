"""Who is connected and where: clients, channels, and their members."""

from itertools import islice
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..core.codes import Code
from ..models import Action, Scope, Workspace
from ..realtime.listing import ClientInfo, describe
from ..realtime.server import Realtime
from ..services import audit, blocks, clients
from .errors import ApiError, ErrorCode
from .events import WarningOut, check_channel
from .routes import Call, Nothing, route

LIST_DEFAULT, LIST_MOST = 1000, 10_000

Limit = Annotated[int, Meta(ge=1, le=LIST_MOST, description="At most so many.")]
Offset = Annotated[int, Meta(ge=0, description="Pass over so many first.")]
UserId = Annotated[str, Meta(min_length=1, max_length=255)] | int


class ClientOut(msgspec.Struct, rename={"socket_id": "socketId"}):
    """A connection. `connected_for` is in seconds; `queued` are the bytes that wait because it reads slowly; `test`:
    it is a test client of the dashboard."""

    socket_id: str
    user_id: str | None
    authenticated: bool
    extras: dict[str, Any]
    dbo_id: int
    row_id: int
    channels: list[str]
    protocol: str
    address: str
    user_agent: str
    connected_for: float
    queued: int
    last_error: str | None
    test: bool


class ClientsOut(msgspec.Struct):
    clients: list[ClientOut]
    total: int


class ChannelOut(msgspec.Struct):
    """A channel that has members. `target` is that of the rule that decides there."""

    name: str
    members: int
    authenticated: int
    messages: Annotated[int, Meta(description="Delivered since its first member came.")]
    target: str | None


class ChannelsOut(msgspec.Struct):
    channels: list[ChannelOut]
    total: int


class MembersOut(msgspec.Struct):
    channel: str
    members: list[ClientOut]
    total: int


class ClientsQuery(msgspec.Struct, forbid_unknown_fields=True):
    user: Annotated[str | None, Meta(description="Only the clients of this user.")] = None
    limit: Limit = LIST_DEFAULT
    offset: Offset = 0


class ChannelsQuery(msgspec.Struct, forbid_unknown_fields=True):
    prefix: Annotated[str, Meta(description="Only channels whose names begin so.")] = ""
    limit: Limit = LIST_DEFAULT
    offset: Offset = 0


class MembersQuery(msgspec.Struct, forbid_unknown_fields=True):
    limit: Limit = LIST_DEFAULT
    offset: Offset = 0


class MemberIn(msgspec.Struct, forbid_unknown_fields=True):
    user: UserId


class MemberQuery(msgspec.Struct, forbid_unknown_fields=True):
    user: Annotated[str | None, Meta(description="The user, where no body is sent.")] = None


class PutInOut(msgspec.Struct, omit_defaults=True):
    """What became of a user's clients."""

    channel: str
    user: str
    clients: Annotated[int, Meta(description="How many clients the user has.")]
    joined: Annotated[int, Meta(description="How many of them are new in the channel.")]
    members: Annotated[int, Meta(description="How many of them are in it now.")]
    warning: Annotated[WarningOut | None, Meta(description="Only where one was refused: why.")] = None


class TakenOutOut(msgspec.Struct):
    channel: str
    user: str
    removed: int


@route(
    "GET", "/clients", Scope.READ, summary="List the clients that are connected", answer=ClientsOut, query=ClientsQuery
)
def list_clients(call: Call[Nothing, ClientsQuery]) -> ClientsOut:
    """Oldest connection first."""
    query = call.query
    live = call.realtime.workspaces[call.canonical]
    user = query.user
    found = (
        list(live.connections.values())
        if user is None
        else sorted(live.by_user.get(user, ()), key=lambda c: c.connected_at)
    )
    # Only what is shown is described: there may be many thousands.
    page = islice(found, query.offset, query.offset + query.limit)
    return ClientsOut([_client(describe(connection)) for connection in page], len(found))


class KickedOut(msgspec.Struct, rename={"socket_id": "socketId"}):
    """The client whose connection was ended."""

    socket_id: str
    user_id: str | None
    address: str


@route(
    "DELETE",
    "/clients/{socket_id}",
    Scope.PUBLISH,
    summary="End a client's connection",
    answer=KickedOut,
    open_name="socket_id",
)
def kick_client(call: Call[Nothing, Nothing]) -> KickedOut:
    """It gets an error with the code `kicked`, then the close code 4401, after which SDKs do not come back by
    themselves; nothing keeps it from connecting again. 404 if no such client is connected."""
    client = clients.kick(_served(call), call.names["socket_id"], **call.authorship)
    return KickedOut(client.socket_id, client.user_id, client.address)


@route(
    "GET",
    "/channels",
    Scope.READ,
    summary="List the channels that have members",
    answer=ChannelsOut,
    query=ChannelsQuery,
)
def list_channels(call: Call[Nothing, ChannelsQuery]) -> ChannelsOut:
    """By name."""
    query = call.query
    found = [info for info in call.realtime.channels(call.canonical) if info.name.startswith(query.prefix)]
    found.sort(key=lambda info: info.name)
    page = found[query.offset : query.offset + query.limit]
    return ChannelsOut([msgspec.convert(info, ChannelOut, from_attributes=True) for info in page], len(found))


@route(
    "GET",
    "/channels/{channel}/members",
    Scope.READ,
    summary="List who is in a channel",
    answer=MembersOut,
    query=MembersQuery,
    open_name="channel",
)
def list_members(call: Call[Nothing, MembersQuery]) -> MembersOut:
    """A channel that nobody is in has no members; that is no error."""
    check_channel(call.channel)
    query = call.query
    live = call.realtime.workspaces[call.canonical].channels.get(call.channel)
    found = list(live.clients()) if live is not None else []
    page = found[query.offset : query.offset + query.limit]
    return MembersOut(call.channel, [_client(describe(connection)) for connection in page], len(found))


@route(
    "POST",
    "/channels/{channel}/members",
    Scope.PUBLISH,
    summary="Put a user's clients into a channel",
    answer=PutInOut,
    body=MemberIn,
    open_name="channel",
)
def put_in(call: Call[MemberIn, Nothing]) -> PutInOut:
    """As far as the rules let them join: each is decided like a join of its own, and told the same. A user who is
    blocked has no clients; then the `warning` says so."""
    check_channel(call.channel)
    user = str(call.body.user)
    realtime = call.realtime
    clients = len(realtime.workspaces[call.canonical].by_user.get(user, ()))
    joined = realtime.put_in(call.canonical, call.channel, user)
    members = sum(info.user_id == user for info in realtime.members(call.canonical, call.channel))
    if joined:
        _record(call, Action.CHANNEL_PUT_IN, user, joined)
    return PutInOut(call.channel, user, clients, joined, members, _refused(realtime, call, user))


@route(
    "DELETE",
    "/channels/{channel}/members",
    Scope.PUBLISH,
    summary="Take a user's clients out of a channel",
    answer=TakenOutOut,
    body=MemberIn,
    body_optional=True,
    query=MemberQuery,
    open_name="channel",
)
def take_out(call: Call[MemberIn, MemberQuery]) -> TakenOutOut:
    """The user is named in the body, or as `?user=` where a client can't send one with DELETE. They may join again
    as far as the rules let them."""
    check_channel(call.channel)
    in_body = str(call.body.user) if isinstance(call.body, MemberIn) else None
    user = call.query.user if in_body is None else in_body
    if not user or (call.query.user is not None and call.query.user != user):
        raise ApiError(ErrorCode.INVALID_INPUT, problems={"user": "Name the user, in the body or as `?user=`."})
    removed = call.realtime.take_out(call.canonical, call.channel, user)
    if removed:
        _record(call, Action.CHANNEL_TAKE_OUT, user, removed)
    return TakenOutOut(call.channel, user, removed)


def _refused(realtime: Realtime, call: Call[MemberIn, Nothing], user: str) -> WarningOut | None:
    """Say why a client of the user was not let in, as it was told itself, or that no client of the user can be."""
    if blocks.of_user(call.workspace, user) is not None:
        return WarningOut(Code.BLOCKED.value, Code.BLOCKED.sentence)
    for connection in realtime.workspaces[call.canonical].by_user.get(user, ()):
        code = connection.last_error
        if call.channel not in connection.memberships and code is not None:
            return WarningOut(code.value, code.sentence)
    return None


def _client(info: ClientInfo) -> ClientOut:
    shown = {name: getattr(info, name) for name in ClientOut.__struct_fields__ if name != "test"}
    return ClientOut(**shown | {"connected_for": round(info.connected_for, 3), "test": info.is_test})


def _record(call: Call[Any, Any], action: Action, user: str, clients: int) -> None:
    audit.write(
        action,
        actor=call.caller.name,
        source=call.caller.source,
        workspace_id=call.workspace.id,
        after={"channel": call.channel, "user": user, "clients": clients},
        address=call.caller.address,
    )


def _served(call: Call[Any, Any]) -> Workspace:
    """Return the workspace, which the running server has."""
    _ = call.realtime
    return call.workspace
