"""Tokens of clients: minting, looking into them, revoking them."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict, Unpack

import jwt
from sqlalchemy import delete, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..core.actors import Actor, ClaimError, actor_from_claims
from ..core.codes import Code
from ..models import Action, MintedToken, RevokedToken, Source, Workspace, now
from ..realtime.tokens import TokenProblem, TokenVerifier, VerifyKey, read_header
from . import audit, keys
from .errors import InvalidInput
from .live import load_verifier, refresh
from .texts import checked_name, checked_text
from .transactions import reading, touched, writing

TTL_DEFAULT = 3600
TTL_MOST = 10 * 365 * 24 * 3600
TEST_TTL_MOST = 15 * 60
# A token travels in one header (the WebSocket subprotocol), which proxies cut at about 8 KiB.
TOKEN_MOST = 7000
_OWN_FIELDS = ("sub", "user_id", "extras", "dbo_id", "row_id", "authorized_channels", "grants")
_RESERVED = frozenset({*_OWN_FIELDS, "aud", "jti", "iat", "exp", "nbf", "token_type", "test", "anonymous"})


class Wanted(TypedDict, total=False):
    """What a token is to say: the keyword arguments of :func:`prepare`."""

    sub: str | int | None
    extras: Mapping[str, Any] | None
    dbo_id: int | None
    row_id: int | None
    ttl: int
    authorized_channels: list[str] | None
    grants: Mapping[str, Any] | None
    claims: Mapping[str, Any] | None
    test: bool
    anonymous: bool


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token. It is shown once; only its id is kept."""

    token: str
    jti: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Prepared:
    """A token that is signed and not yet noted; nobody may be handed it before :func:`note` is committed."""

    minted: Minted
    subject: str | None
    test: bool


@dataclass(frozen=True, slots=True)
class MintedPage:
    """A page of the tokens made here, each with whether it was revoked. ``total`` counts all that were looked for."""

    tokens: tuple[tuple[MintedToken, bool], ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a token says and whether it would be accepted. Header and claims are shown even if it would not."""

    valid: bool
    code: Code | None
    detail: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    kid: str | None
    algorithm: str | None
    actor: Actor | None


def mint(
    workspace: Workspace,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
    **wanted: Unpack[Wanted],
) -> Minted:
    """Make a token with the workspace's newest active secret.

    Args:
        workspace: whose client it makes.
        author: who asks for it.
        source: where from.
        address: the author's network address.
        wanted: what it says, see :func:`prepare`.

    Raises:
        InvalidInput: a claim that no client could use, by its name.
        Conflict: the workspace has no secret to sign with.
    """
    prepared = prepare(workspace, **wanted)
    with writing() as session:
        note(session, workspace, prepared, author=author, source=source, address=address)
    return prepared.minted


def prepare(
    workspace: Workspace,
    *,
    sub: str | int | None = None,
    extras: Mapping[str, Any] | None = None,
    dbo_id: int | None = None,
    row_id: int | None = None,
    ttl: int = TTL_DEFAULT,
    authorized_channels: list[str] | None = None,
    grants: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    test: bool = False,
    anonymous: bool = False,
) -> Prepared:
    """Sign a token with the workspace's newest active secret, outside of any transaction.

    Args:
        workspace: whose client it makes.
        sub: the user id.
        extras: what presence shows of the user.
        dbo_id: the user's table, in Xano's terms.
        row_id: the user's row in it.
        ttl: how many seconds it is valid.
        authorized_channels: the only channels (names or patterns) it opens; None for all.
        grants: an access list (core/grants.py).
        claims: further claims of one's own, which Tidegate does not read.
        test: a test client's token, which lives at most 15 minutes.
        anonymous: a test client that is decided as an anonymous one.

    Raises:
        InvalidInput: a claim that no client could use, by its name.
        Conflict: the workspace has no secret to sign with.
    """
    ttl = _checked_ttl(ttl, TEST_TTL_MOST if test else TTL_MOST)
    given: dict[str, Any] = {"sub": _checked_sub(sub), "extras": extras, "dbo_id": dbo_id, "row_id": row_id}
    given |= {"authorized_channels": authorized_channels, "grants": grants}
    payload = _checked_claims(claims) | {name: value for name, value in given.items() if value is not None}
    issued = int(time.time())
    jti = uuid.uuid4().hex
    payload |= {"aud": workspace.canonical, "jti": jti, "iat": issued, "exp": issued + ttl, "token_type": "realtime"}
    if test:
        payload |= {"test": True, "anonymous": True} if anonymous else {"test": True}
    actor = _checked_actor(payload)
    signing = keys.signing_secret(workspace)
    token = jwt.encode(payload, signing.secret, algorithm="HS256", headers={"kid": signing.kid})
    if len(token) > TOKEN_MOST:
        raise InvalidInput(
            {"extras": f"The token would have {len(token)} characters; at most {TOKEN_MOST} travel safely."}
        )
    return Prepared(Minted(token, jti, datetime.fromtimestamp(issued + ttl, UTC)), actor.user_id, test)


def note(
    session: Session,
    workspace: Workspace,
    prepared: Prepared,
    *,
    author: str,
    source: Source | str,
    session_id: int | None = None,
    address: str | None = None,
) -> None:
    """Note a token that is about to be handed out, in the caller's transaction.

    ``session_id`` is the dashboard's session that a test client's token ends with.
    """
    minted = prepared.minted
    session.add(
        MintedToken(
            jti=minted.jti,
            workspace_id=workspace.id,
            subject=prepared.subject,
            created_by=author[:200],
            expires_at=minted.expires_at,
            session_id=session_id,
        )
    )
    after = {"jti": minted.jti, "sub": prepared.subject, "expires_at": minted.expires_at.isoformat()}
    audit.record(
        session,
        Action.TOKEN_MINT,
        actor=author,
        source=source,
        workspace_id=workspace.id,
        after=after | {"test": prepared.test},
        address=address,
    )


def inspect(workspace: Workspace, token: str) -> Inspection:
    """Say what a token holds and whether a client with it would be authenticated."""
    token = token.strip()
    if token.lower().startswith("bearer "):
        token = token[7:].strip()
    try:
        header = read_header(token)
    except TokenProblem as problem:
        return Inspection(False, problem.code, problem.detail, {}, {}, None, None, None)
    claims = _unverified_claims(token)
    verifier = load_verifier(workspace)
    key = _verifying_key(verifier, token)
    kid, algorithm = (key.kid, key.algorithm) if key is not None else (None, None)
    try:
        actor = verifier.verify(token, time.time())
    except TokenProblem as problem:
        return Inspection(False, problem.code, problem.detail, header, claims, kid, algorithm, None)
    return Inspection(True, None, "The token is valid.", header, claims, kid, algorithm, actor)


def revoke(
    workspace: Workspace,
    jti: str,
    *,
    author: str,
    source: Source | str,
    reason: str = "",
    expires_at: datetime | None = None,
    address: str | None = None,
) -> bool:
    """Revoke a token by its id, on open connections too. Returns False if it was revoked before.

    Args:
        workspace: whose token.
        jti: its id; it need not have been minted here.
        author: who revokes.
        source: where from.
        reason: why, in the author's words.
        expires_at: when it would have ended anyway, after which it need not be remembered; None: for ever.
        address: the author's network address.

    Raises:
        InvalidInput: no id, or one that is too long.
    """
    jti, reason = checked_name(jti, "jti", 255), checked_text(reason, "reason")
    try:
        with writing() as session:
            touched(session, workspace.id)
            minted = session.get(MintedToken, jti)
            if minted is not None and minted.workspace_id == workspace.id:
                expires_at = minted.expires_at
            if session.get(RevokedToken, (workspace.id, jti)) is not None:
                session.rollback()
                return False
            session.execute(delete(RevokedToken).where(RevokedToken.expires_at < now() - timedelta(days=1)))
            session.add(RevokedToken(workspace_id=workspace.id, jti=jti, expires_at=expires_at))
            audit.record(
                session,
                Action.TOKEN_REVOKE,
                actor=author,
                source=source,
                workspace_id=workspace.id,
                after={"jti": jti, "sub": minted.subject if minted is not None else None},
                reason=reason,
                address=address,
            )
    except IntegrityError:
        return False
    refresh(workspace.id)
    return True


def minted(workspace: Workspace, *, limit: int = 100) -> list[tuple[MintedToken, bool]]:
    """List the tokens made here that have not expired, newest first, each with whether it was revoked."""
    with reading() as session:
        return [(token, bool(revoked)) for token, revoked in session.execute(_unexpired(workspace).limit(limit))]


def minted_page(workspace: Workspace, *, wanted: str = "", page: int = 1, most: int = 50) -> MintedPage:
    """Find tokens made here that have not expired by a part of the user id, the token's id or its maker.

    A page beyond the last one is the last one.
    """
    query = _unexpired(workspace)
    wanted = wanted.strip().replace("\x00", "")
    if wanted:
        fields = (MintedToken.subject, MintedToken.jti, MintedToken.created_by)
        query = query.where(or_(*(field.icontains(wanted, autoescape=True) for field in fields)))
    with reading() as session:
        total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
        pages = max(1, -(-total // most))
        page = min(max(page, 1), pages)
        rows = session.execute(query.limit(most).offset((page - 1) * most)).all()
    return MintedPage(tuple((token, bool(revoked)) for token, revoked in rows), total, page, pages)


def _unexpired(workspace: Workspace) -> Any:
    return (
        select(MintedToken, RevokedToken.jti.is_not(None))
        .outerjoin(
            RevokedToken,
            (RevokedToken.workspace_id == MintedToken.workspace_id) & (RevokedToken.jti == MintedToken.jti),
        )
        .where(MintedToken.workspace_id == workspace.id, MintedToken.expires_at > now())
        .order_by(MintedToken.created_at.desc(), MintedToken.jti)
    )


def _checked_ttl(ttl: object, most: int) -> int:
    if isinstance(ttl, bool) or not isinstance(ttl, int) or not 1 <= ttl <= most:
        raise InvalidInput({"ttl": f"Expected a whole number of seconds from 1 to {most}."})
    return ttl


def _checked_sub(sub: object) -> str | None:
    if sub is None or sub == "":
        return None
    if isinstance(sub, bool) or not isinstance(sub, str | int):
        raise InvalidInput({"sub": "Expected a text or a whole number."})
    return checked_name(str(sub), "sub", 255)


def _checked_claims(claims: object) -> dict[str, Any]:
    if claims is None:
        return {}
    if not isinstance(claims, Mapping):
        raise InvalidInput({"claims": "Expected an object."})
    for name in claims:
        if name in _RESERVED:
            raise InvalidInput({"claims": f"`{name}` has a field of its own."})
        if name in ("iss", "sub") and not isinstance(claims[name], str):
            raise InvalidInput({"claims": f"`{name}` has to be a text."})
    return dict(claims)


def _checked_actor(payload: dict[str, Any]) -> Actor:
    try:
        json.dumps(payload, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput({"extras": "This can't be written as JSON."}) from None
    try:
        return actor_from_claims(payload)
    except ClaimError as error:
        name, _, message = str(error).partition(": ")
        field = name.split(".")[0]
        known = message and field in _OWN_FIELDS
        raise InvalidInput({field if known else "authorized_channels": message if known else str(error)}) from None


def _unverified_claims(token: str) -> Mapping[str, Any]:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return {}
    return claims


def _verifying_key(verifier: TokenVerifier, token: str) -> VerifyKey | None:
    for key in verifier.keys:
        try:
            replace(verifier, keys=(key,)).claims(token)
        except TokenProblem:
            continue
        return key
    return None
