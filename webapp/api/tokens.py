"""Tokens of clients: making, looking into, revoking."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..models import Scope
from ..services import tokens
from .errors import ErrorCode
from .events import RowId
from .routes import Call, Nothing, route


class TokenIn(msgspec.Struct, forbid_unknown_fields=True):
    """What a new token says of its client."""

    sub: Annotated[str | int | None, Meta(description="The user id.")] = None
    extras: Annotated[dict[str, Any] | None, Meta(description="Shown to others in presence and with messages.")] = None
    dbo_id: RowId | None = None
    row_id: RowId | None = None
    ttl: Annotated[int, Meta(description="Seconds it is valid.")] = tokens.TTL_DEFAULT
    authorized_channels: Annotated[
        list[str] | None, Meta(description="Names or patterns of the only channels it opens; without it: all.")
    ] = None
    grants: Annotated[dict[str, Any] | None, Meta(description="An access list: `resources` and `patterns`.")] = None
    claims: Annotated[dict[str, Any] | None, Meta(description="Further claims of your own.")] = None


class TokenOut(msgspec.Struct):
    """A new token. It is shown this once."""

    token: str
    jti: Annotated[str, Meta(description="Its id, with which it can be revoked.")]
    expires_at: datetime


class InspectIn(msgspec.Struct, forbid_unknown_fields=True):
    token: str


class ActorOut(msgspec.Struct):
    """Who a client with this token is."""

    user_id: str | None
    dbo_id: int
    row_id: int
    narrowed: Annotated[bool, Meta(description="Whether the token narrows what the rules allow.")]


class InspectionOut(msgspec.Struct):
    """What a token says, and whether a client with it would be authenticated."""

    valid: bool
    code: str | None
    detail: str
    kid: Annotated[str | None, Meta(description="The key of this workspace that its signature fits.")]
    algorithm: str | None
    header: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
    claims: Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
    actor: ActorOut | None


class RevokeQuery(msgspec.Struct, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(description="Why, for the audit log.")] = ""


class RevokedOut(msgspec.Struct):
    jti: str
    revoked_before: Annotated[bool, Meta(description="Whether it had been revoked already.")]


@route(
    "POST",
    "/tokens",
    Scope.TOKENS,
    summary="Make a token for a client",
    answer=TokenOut,
    status=201,
    body=TokenIn,
    errors=(ErrorCode.CONFLICT,),
)
def mint_token(call: Call[TokenIn, Nothing]) -> TokenOut:
    """It is signed with the workspace's newest active secret; 409 if it has none."""
    body = call.body
    minted = tokens.mint(
        call.workspace,
        sub=body.sub,
        extras=body.extras,
        dbo_id=body.dbo_id,
        row_id=body.row_id,
        ttl=body.ttl,
        authorized_channels=body.authorized_channels,
        grants=body.grants,
        claims=body.claims,
        **call.authorship,
    )
    return TokenOut(minted.token, minted.jti, minted.expires_at)


@route("POST", "/tokens/inspect", Scope.TOKENS, summary="Look into a token", answer=InspectionOut, body=InspectIn)
def inspect_token(call: Call[InspectIn, Nothing]) -> InspectionOut:
    """Says what it holds and whether it would be accepted now, and if not, why. Header and claims are shown in any
    case; they are to be believed only if the token is valid."""
    found = tokens.inspect(call.workspace, call.body.token)
    actor = found.actor
    return InspectionOut(
        valid=found.valid,
        code=found.code.value if found.code is not None else None,
        detail=found.detail,
        kid=found.kid,
        algorithm=found.algorithm,
        header=_plain(found.header),
        claims=_plain(found.claims),
        actor=ActorOut(actor.user_id, actor.dbo_id, actor.row_id, actor.kind.narrowed) if actor is not None else None,
    )


@route(
    "DELETE",
    "/tokens/{jti}",
    Scope.TOKENS,
    summary="Revoke a token",
    answer=RevokedOut,
    query=RevokeQuery,
    open_name="jti",
)
def revoke_token(call: Call[Nothing, RevokeQuery]) -> RevokedOut:
    """Open connections with it are closed before this answers. It need not have been made here."""
    jti = call.names["jti"]
    fresh = tokens.revoke(call.workspace, jti, reason=call.query.reason, **call.authorship)
    return RevokedOut(jti, not fresh)


def _plain(value: Mapping[str, Any]) -> msgspec.Raw:
    """Write what a stranger's token holds as JSON. Python reads more than JSON is: NaN, and lone surrogates."""
    try:
        text = json.dumps(value)
        return msgspec.Raw(json.dumps(json.loads(text, parse_constant=lambda _: None)).encode("ascii"))
    except (ValueError, RecursionError):
        return msgspec.Raw(b"{}")
