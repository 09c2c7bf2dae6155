"""Keys of the JSON API."""

import re
import secrets
from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest

from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from ..models import Action, ApiKey, Scope, Source, Workspace, now
from . import audit
from .errors import Conflict, InvalidInput, NotFound
from .texts import checked_name
from .transactions import locked, reading, writing

_USE_IS_NOTED_EVERY = timedelta(minutes=1)
_PREFIX = re.compile("[0-9a-f]{8}")


def create(
    workspace: Workspace,
    name: str,
    scopes: Iterable[Scope | str] | None = None,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is shown this once. Without scopes it may do everything.

    Raises:
        InvalidInput: the name or a scope can't be taken.
        Conflict: a key that is not revoked has this name.
    """
    name = checked_name(name)
    held = _checked_scopes(scopes)
    prefix = secrets.token_hex(4)
    plaintext = f"tg_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey(workspace_id=workspace.id, name=name, prefix=prefix, hash=_hash(plaintext), scopes=held)
    with writing() as session:
        locked(session, workspace.id)
        valid = select(ApiKey.id).where(ApiKey.workspace_id == workspace.id, ApiKey.revoked_at.is_(None))
        if session.scalar(valid.where(ApiKey.name == name)) is not None:
            raise Conflict({"name": f"There is already a key `{name}`. Revoke it first, or choose another name."})
        session.add(key)
        audit.record(
            session,
            Action.APIKEY_CREATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            after={"name": name, "prefix": prefix, "scopes": held},
            address=address,
        )
    return key, plaintext


def authenticate(plaintext: str) -> ApiKey | None:
    """Return the key that a text stands for; None if there is none, or it was revoked."""
    parts = plaintext.split("_", 2)
    # Compared even where there is no such key, so that the time taken tells nothing about prefixes.
    given, found = _hash(plaintext), None
    if len(parts) == 3 and parts[0] == "tg" and _PREFIX.fullmatch(parts[1]):
        with reading() as session:
            found = session.scalar(select(ApiKey).where(ApiKey.prefix == parts[1]))
    matches = compare_digest(given, found.hash if found is not None else "0" * 64)
    if found is None or not matches or found.revoked_at is not None:
        return None
    if found.last_used_at is None or found.last_used_at < now() - _USE_IS_NOTED_EVERY:
        _note_use(found)
    return found


def revoke(
    workspace: Workspace, key_id: int, *, author: str, source: Source | str, address: str | None = None
) -> ApiKey:
    """Revoke a key. Revoking it again changes nothing.

    Raises:
        NotFound: the workspace has no such key.
    """
    with writing() as session:
        key = session.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.workspace_id == workspace.id))
        if key is None:
            raise NotFound({"key": "There is no such key."})
        if key.revoked_at is None:
            key.revoked_at = now()
            audit.record(
                session,
                Action.APIKEY_REVOKE,
                actor=author,
                source=source,
                workspace_id=workspace.id,
                before={"name": key.name, "prefix": key.prefix},
                address=address,
            )
    return key


def list_all(workspace: Workspace, *, with_revoked: bool = False) -> list[ApiKey]:
    """List a workspace's keys, newest first."""
    query = select(ApiKey).where(ApiKey.workspace_id == workspace.id).order_by(ApiKey.id.desc())
    if not with_revoked:
        query = query.where(ApiKey.revoked_at.is_(None))
    with reading() as session:
        return list(session.scalars(query))


def _checked_scopes(scopes: Iterable[Scope | str] | None) -> list[str]:
    if scopes is None:
        return [scope.value for scope in Scope]
    known = ", ".join(Scope)
    try:
        asked = {Scope(scope) for scope in scopes}
    except ValueError:
        raise InvalidInput({"scopes": f"Expected some of {known}."}) from None
    if not asked:
        raise InvalidInput({"scopes": f"A key needs at least one of {known}."})
    return [scope.value for scope in Scope if scope in asked]


def _hash(plaintext: str) -> str:
    # The secret is 256 random bits: a fast hash is as safe as a slow one, and it runs on every request.
    return sha256(plaintext.encode("utf-8", "surrogatepass")).hexdigest()


def _note_use(key: ApiKey) -> None:
    try:
        with writing(patience=0) as session:
            row = session.get(ApiKey, key.id)
            if row is not None:
                row.last_used_at = now()
    except OperationalError:
        pass  # someone else is writing; the next request notes it
