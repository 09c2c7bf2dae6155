"""Test clients of the dashboard: tokens that are marked, live a quarter of an hour, and end with a sign-in."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from ..models import Action, AdminSession, MintedToken, RevokedToken, Role, RoleName, Source, Workspace, now
from . import audit, live, tokens
from .errors import Conflict, InvalidInput
from .tokens import TEST_TTL_MOST, Minted, Wanted
from .transactions import locked, touched, writing

Query = Select[Any]

PREFIX = "test:"
"""How the user ids of test clients begin that are nobody's but a test client's."""
CLAIMS = ("sub", "user_id", "extras", "dbo_id", "row_id", "authorized_channels", "grants")
"""What the claims of a test client can hold; all else is set here."""
_NEEDS_EDITOR = "Somebody real may have this: it needs the editor role. Without it user ids begin with `test:`."


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a test client is to be: anonymous, or what ``claims`` say."""

    anonymous: bool = False
    claims: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made:
    """A new test client: its token, and the user id that it has."""

    minted: Minted
    user: str | None


def mint(
    workspace: Workspace,
    identity: Identity,
    *,
    session_id: int,
    role: RoleName,
    author: str,
    source: Source | str,
    ttl: int = TEST_TTL_MOST,
    address: str | None = None,
) -> Made:
    """Make a test client's token, which ends with the session of the dashboard that asks for it.

    Args:
        workspace: whose client it makes.
        identity: who it is to be.
        session_id: the session.
        role: the role of whoever asks; a developer's user ids get the prefix ``test:``.
        author: who asks.
        source: where from.
        ttl: how many seconds it is valid, at most 900.
        address: the author's network address.

    Raises:
        InvalidInput: a claim that no client could use, or that needs another role, by its name.
        Conflict: the session has ended, the role was taken away, or the workspace has no secret to sign with.
    """
    wanted = Wanted(anonymous=True) if identity.anonymous else _wanted(identity.claims, role)
    wanted |= Wanted(test=True, ttl=ttl)
    prepared = tokens.prepare(workspace, **wanted)
    with writing() as session:
        _check_still(session, workspace, session_id, role)
        who: dict[str, Any] = {"author": author, "source": source, "address": address}
        tokens.note(session, workspace, prepared, session_id=session_id, **who)
    return Made(prepared.minted, prepared.subject)


def user_id(wanted: str, role: RoleName) -> str:
    """Return the user id that a test client gets where somebody with this role asks for one."""
    if role.includes(RoleName.EDITOR) or wanted.startswith(PREFIX):
        return wanted
    return PREFIX + wanted


def end_of_sessions(session: Session, of: Iterable[int], *, author: str, source: Source | str) -> frozenset[int]:
    """Revoke the test clients' tokens of sessions that end, in the caller's transaction, which ended them already.

    Returns:
        The workspaces that :func:`notify` is to be told of once that is committed.
    """
    return _revoke(session, _usable().where(MintedToken.session_id.in_(list(of))), author, source)


def end_in_workspace(
    session: Session, admin_id: int, workspace_id: int, *, author: str, source: Source | str
) -> frozenset[int]:
    """Revoke the tokens of an admin's test clients in a workspace where a role was taken away; as above."""
    own = select(AdminSession.id).where(AdminSession.admin_id == admin_id)
    query = _usable().where(MintedToken.session_id.in_(own), MintedToken.workspace_id == workspace_id)
    return _revoke(session, query, author, source)


def notify(workspace_ids: Iterable[int]) -> None:
    """Let the running server end the connections of tokens that were revoked."""
    for workspace_id in sorted(workspace_ids):
        live.refresh(workspace_id)


def _wanted(claims: Mapping[str, Any], role: RoleName) -> Wanted:
    problems = {
        name: f"This is not one of {', '.join(f'`{known}`' for known in CLAIMS)}."
        for name in claims
        if name not in CLAIMS
    }
    if problems:
        raise InvalidInput(problems)
    is_editor = role.includes(RoleName.EDITOR)
    # In Xano's terms a row is a user: front ends tell by it who speaks.
    rows = {name: _NEEDS_EDITOR for name in ("dbo_id", "row_id") if claims.get(name) and not is_editor}
    if rows:
        raise InvalidInput(rows)
    plain: Any = {
        name: claims[name] for name in CLAIMS[2:] if name in claims
    }  # whatever their types: looked at when it is made
    wanted: Wanted = plain
    sub = claims.get("sub") if claims.get("sub") not in (None, "") else claims.get("user_id")
    if sub is not None and sub != "":
        if isinstance(sub, bool) or not isinstance(sub, str | int):
            raise InvalidInput({"sub": "Expected a text or a whole number."})
        wanted["sub"] = user_id(str(sub).strip(), role)
    return wanted


def _check_still(session: Session, workspace: Workspace, session_id: int, role: RoleName) -> None:
    """Let nobody be handed a token who was signed out, or lost the role, since the request began."""
    query = select(AdminSession).where(AdminSession.id == session_id, AdminSession.ended_at.is_(None))
    signed_in = session.scalar(query.with_for_update())
    locked(session, workspace.id)
    held = session.get(Role, (signed_in.admin_id, workspace.id)) if signed_in is not None else None
    if held is None or not RoleName(held.role).includes(role):
        raise Conflict("You were signed out, or your role has changed. Load the page again.")


def _usable() -> Query:
    return (
        select(MintedToken)
        .outerjoin(
            RevokedToken,
            (RevokedToken.workspace_id == MintedToken.workspace_id) & (RevokedToken.jti == MintedToken.jti),
        )
        .where(RevokedToken.jti.is_(None), MintedToken.expires_at > now())
        .order_by(MintedToken.workspace_id, MintedToken.jti)
    )


def _revoke(session: Session, query: Query, author: str, source: Source | str) -> frozenset[int]:
    concerned = sorted({token.workspace_id for token in session.scalars(query)})
    for workspace_id in concerned:
        touched(session, workspace_id)
    if concerned:
        session.execute(delete(RevokedToken).where(RevokedToken.expires_at < now() - timedelta(days=1)))
    # Asked again: whoever revoked one of them a moment ago held the workspace until now.
    for token in session.scalars(query).all():
        session.add(RevokedToken(workspace_id=token.workspace_id, jti=token.jti, expires_at=token.expires_at))
        audit.record(
            session,
            Action.TOKEN_REVOKE,
            actor=author,
            source=source,
            workspace_id=token.workspace_id,
            after={"jti": token.jti, "sub": token.subject, "test": True},
            reason="The sign-in that made this test client has ended.",
        )
    return frozenset(concerned)
