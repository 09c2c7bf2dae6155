"""Keeping users and addresses out for a time."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from ..models import Block, Scope
from ..services import blocks
from ..services.blocks import Subject
from .errors import ApiError, ErrorCode
from .live import UserId
from .routes import Call, Nothing, route


class BlockIn(msgspec.Struct, forbid_unknown_fields=True):
    """Whom to keep out, and for how long. Exactly one of `user` and `address`."""

    seconds: Annotated[int, Meta(ge=1, le=blocks.SECONDS_MOST, description="For how long, at most seven days.")]
    user: UserId | None = None
    address: Annotated[str | None, Meta(description="One network address, IPv4 or IPv6.")] = None
    reason: Annotated[str, Meta(description="Why, for the list of blocks and the audit log.")] = ""


class BlockOut(msgspec.Struct):
    """A block that is in force."""

    id: int
    user: str | None
    address: str | None
    reason: str
    by: str
    created_at: datetime
    until: datetime


class BlockedOut(BlockOut):
    """A new block."""

    disconnected: Annotated[int, Meta(description="How many clients it disconnected.")]


class BlocksOut(msgspec.Struct):
    blocks: list[BlockOut]


@route("GET", "/blocks", Scope.PUBLISH, summary="List the blocks that are in force", answer=BlocksOut)
def list_blocks(call: Call[Nothing, Nothing]) -> BlocksOut:
    """Newest first."""
    return BlocksOut([_block(block) for block in blocks.in_force(call.workspace)])


@route(
    "POST",
    "/blocks",
    Scope.PUBLISH,
    summary="Block a user or an address for a time",
    answer=BlockedOut,
    status=201,
    body=BlockIn,
    errors=(ErrorCode.CONFLICT,),
)
def block(call: Call[BlockIn, Nothing]) -> BlockedOut:
    """Clients of theirs are told `blocked` and closed with 4401 before this answers, and so is whoever connects until
    the time is over. A block on the same user or address that is in force is replaced. 409 where there are 1,000."""
    body = call.body
    if (body.user is None) == (body.address is None):
        raise ApiError(ErrorCode.INVALID_INPUT, problems={"user": "Name either a user or an address."})
    subject = Subject.USER if body.user is not None else Subject.ADDRESS
    value = str(body.user) if body.user is not None else str(body.address)
    made = blocks.create(call.workspace, subject, value, body.seconds, reason=body.reason, **call.authorship)
    return BlockedOut(**msgspec.structs.asdict(_block(made.block)), disconnected=made.closed or 0)


@route("DELETE", "/blocks/{block_id}", Scope.PUBLISH, summary="Let a blocked user or address in again", answer=BlockOut)
def end_block(call: Call[Nothing, Nothing]) -> BlockOut:
    """404 if no such block is in force."""
    return _block(blocks.end(call.workspace, int(call.names["block_id"]), **call.authorship))


def _block(row: Block) -> BlockOut:
    return BlockOut(
        id=row.id,
        user=row.value if row.subject == Subject.USER else None,
        address=row.value if row.subject == Subject.ADDRESS else None,
        reason=row.reason,
        by=row.created_by,
        created_at=row.created_at,
        until=row.expires_at,
    )
