"""Signing keys of a workspace: secrets, public keys, sets of keys and their addresses."""

import json
import logging
import secrets
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import gevent
from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ..config import Settings
from ..models import Action, KeyKind, SigningKey, Source, Workspace, now
from ..realtime.tokens import VerifyKey
from . import audit, vault
from .errors import Conflict, InvalidInput, NotFound
from .fetch import FetchProblem, fetch
from .key_material import MATERIAL_MOST, checked_secret, read_key_set, read_public_key
from .live import load_verifier, refresh
from .texts import checked_name
from .transactions import reading, touched, writing

FETCH_EVERY = timedelta(minutes=5)
LOOK_EVERY = 60.0
_log = logging.getLogger("tidegate.keys")


@dataclass(slots=True)
class _Refreshing:
    """Whether this process fetches just now, and when it may look again (in seconds of the monotonic clock)."""

    busy: bool = False
    next_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """The secret with which a workspace mints tokens."""

    kid: str
    secret: bytes


def new_secret() -> SigningKey:
    """Make a random HS256 key for a workspace that is about to be created."""
    return SigningKey(
        kid=_new_kid(), algorithm=KeyKind.HS256.value, material=vault.encrypt(secrets.token_urlsafe(48)), is_active=True
    )


def list_all(workspace: Workspace) -> list[SigningKey]:
    """List a workspace's keys, oldest first, inactive ones too."""
    with reading() as session:
        query = select(SigningKey).where(SigningKey.workspace_id == workspace.id).order_by(SigningKey.id)
        return list(session.scalars(query))


def verify_keys(workspace: Workspace) -> tuple[VerifyKey, ...]:
    """Return the active keys in the form that verifies tokens.

    Raises:
        SecretKeyMismatch: they were encrypted with another secret key.
    """
    return load_verifier(workspace).keys


def signing_secret(workspace: Workspace) -> SigningSecret:
    """Return the newest active secret, with which tokens are minted.

    Raises:
        Conflict: the workspace has public keys alone.
    """
    for key in reversed(list_all(workspace)):
        if key.is_active and key.algorithm == KeyKind.HS256:
            return SigningSecret(key.kid, vault.decrypt(key.material).encode())
    raise Conflict("This workspace has no active secret to sign with: tokens are made where its private keys are.")


def add_secret(
    workspace: Workspace,
    secret: str | None = None,
    *,
    author: str,
    source: Source | str,
    kid: str | None = None,
    address: str | None = None,
) -> SigningKey:
    """Add a secret for HS256, or a new random one.

    Raises:
        InvalidInput: it is too short, or no secret at all.
        Conflict: there is a key with this ``kid``.
    """
    material = checked_secret(secret) if secret is not None else secrets.token_urlsafe(48)
    return _add(workspace, KeyKind.HS256, material, kid, author, source, address)


def add_public_key(
    workspace: Workspace,
    pem: str,
    *,
    author: str,
    source: Source | str,
    kid: str | None = None,
    address: str | None = None,
) -> SigningKey:
    """Add a public key; the kind of key decides which one algorithm it verifies.

    Raises:
        InvalidInput: not a public key for RS256, ES256 or EdDSA.
        Conflict: there is a key with this ``kid``.
    """
    kind, _ = read_public_key(pem)
    return _add(workspace, kind, pem.strip(), kid, author, source, address)


def add_jwks(
    workspace: Workspace,
    document: str | dict[str, Any],
    *,
    author: str,
    source: Source | str,
    kid: str | None = None,
    address: str | None = None,
) -> SigningKey:
    """Add a set of public keys (JWKS).

    Raises:
        InvalidInput: not such a set, or no usable key in it.
        Conflict: there is a key with this ``kid``.
    """
    read_key_set(document)
    text = document if isinstance(document, str) else json.dumps(document)
    return _add(workspace, KeyKind.JWKS, text, kid, author, source, address)


def add_jwks_url(
    workspace: Workspace,
    url: str,
    *,
    author: str,
    source: Source | str,
    kid: str | None = None,
    address: str | None = None,
) -> SigningKey:
    """Add the address of a set of keys, which is fetched now and every five minutes.

    Raises:
        InvalidInput: the address can't be used, or what it answers is no set of keys.
        Conflict: there is a key with this ``kid``.
    """
    if not isinstance(url, str):
        raise InvalidInput({"url": "Expected an address."})
    fetched = _fetched(url.strip())
    return _add(workspace, KeyKind.JWKS_URL, url.strip(), kid, author, source, address, fetched)


def set_active(
    workspace: Workspace, key_id: int, active: bool, *, author: str, source: Source | str, address: str | None = None
) -> SigningKey:
    """Switch a key on or off. Tokens of a key that is off are no longer accepted.

    Raises:
        NotFound: the workspace has no such key.
    """
    with writing() as session:
        key = session.scalar(select(SigningKey).where(SigningKey.id == key_id, SigningKey.workspace_id == workspace.id))
        if key is None:
            raise NotFound({"key": "There is no such key."})
        if key.is_active == active:
            return key
        touched(session, workspace.id)
        key.is_active = active
        audit.record(
            session,
            Action.KEY_ACTIVATE if active else Action.KEY_DEACTIVATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before={"kid": key.kid, "active": not active},
            after={"kid": key.kid, "active": active},
            address=address,
        )
    refresh(workspace.id)
    return key


def deactivate(
    workspace: Workspace, key_id: int, *, author: str, source: Source | str, address: str | None = None
) -> SigningKey:
    """Switch a key off.

    Raises:
        NotFound: the workspace has no such key.
    """
    return set_active(workspace, key_id, False, author=author, source=source, address=address)


def reveal(workspace: Workspace, key_id: int, *, author: str, source: Source | str, address: str | None = None) -> str:
    """Return a key's material (the secret, PEM, set or address), and record who looked.

    Raises:
        NotFound: the workspace has no such key.
    """
    with writing() as session:
        key = session.scalar(select(SigningKey).where(SigningKey.id == key_id, SigningKey.workspace_id == workspace.id))
        if key is None:
            raise NotFound({"key": "There is no such key."})
        audit.record(
            session,
            Action.KEY_REVEAL,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            after={"kid": key.kid},
            address=address,
        )
    return vault.decrypt(key.material)


def refresh_due() -> int:
    """Fetch again the sets of keys whose time has come, and return how many have changed.

    A set that can't be fetched stays as it was, with the reason beside it; so both keys of a rotation stay valid.
    """
    due = select(SigningKey).where(
        SigningKey.algorithm == KeyKind.JWKS_URL.value,
        SigningKey.is_active.is_(True),
        SigningKey.fetched_at.is_(None) | (SigningKey.fetched_at <= now() - FETCH_EVERY),
    )
    with reading() as session:
        keys = list(session.scalars(due))
    return sum(_fetch_again(key) for key in keys)


def refresh_in_background() -> None:
    """Call :func:`refresh_due` in a greenlet of its own, at most once a minute and never twice at a time."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    state = app.extensions.setdefault("tidegate.keys", _Refreshing())
    if state.busy or monotonic() < state.next_at:
        return
    state.busy, state.next_at = True, monotonic() + LOOK_EVERY

    def work() -> None:
        try:
            with app.app_context():
                refresh_due()
        except Exception:
            _log.exception("sets of keys could not be refreshed; trying again in a minute")
        finally:
            state.busy = False

    gevent.spawn(work)


def fetch_now(workspace: Workspace, key_id: int) -> bool:
    """Fetch one set of keys again; whether it has changed.

    Raises:
        NotFound: the workspace has no such key, or it has no address.
    """
    found = [key for key in list_all(workspace) if key.id == key_id and key.algorithm == KeyKind.JWKS_URL]
    if not found:
        raise NotFound({"key": "There is no such key with an address."})
    return _fetch_again(found[0])


def _fetch_again(key: SigningKey) -> bool:
    old = vault.decrypt(key.fetched) if key.fetched is not None else None
    document, problem = old, None
    try:
        document = _fetched(vault.decrypt(key.material))
    except InvalidInput as error:
        problem = str(error)
    encrypted = vault.encrypt(document) if document is not None and document != old else None
    with writing() as session:
        row = session.get(SigningKey, key.id)
        if row is None:
            return False
        row.fetched_at, row.fetch_problem = now(), problem
        if encrypted is not None:
            row.fetched = encrypted
            touched(session, row.workspace_id)
    if encrypted is not None:
        refresh(key.workspace_id)
    return encrypted is not None


def _fetched(url: str) -> str:
    settings: Settings = current_app.extensions["tidegate.settings"]
    try:
        body = fetch(url, allow_private=settings.allow_private_addresses, most=MATERIAL_MOST)
        text = body.decode()
    except FetchProblem as error:
        raise InvalidInput({"url": str(error)}) from None
    except UnicodeDecodeError:
        raise InvalidInput({"url": "The answer is not a set of keys."}) from None
    try:
        read_key_set(text)
    except InvalidInput as error:
        raise InvalidInput({"url": f"The answer is no set of keys: {error.problems['jwks']}"}) from None
    return text


def _add(
    workspace: Workspace,
    kind: KeyKind,
    material: str,
    kid: str | None,
    author: str,
    source: Source | str,
    address: str | None,
    fetched: str | None = None,
) -> SigningKey:
    kid = checked_name(kid, "kid") if kid else _new_kid()
    key = SigningKey(
        workspace_id=workspace.id,
        kid=kid,
        algorithm=kind.value,
        material=vault.encrypt(material),
        is_active=True,
        fetched=vault.encrypt(fetched) if fetched is not None else None,
        fetched_at=now() if fetched is not None else None,
    )
    try:
        with writing() as session:
            touched(session, workspace.id)
            session.add(key)
            audit.record(
                session,
                Action.KEY_ADD,
                actor=author,
                source=source,
                workspace_id=workspace.id,
                after={"kid": kid, "algorithm": kind.value},
                address=address,
            )
    except IntegrityError:
        raise Conflict({"kid": f"There is already a key `{kid}`."}) from None
    refresh(workspace.id)
    return key


def _new_kid() -> str:
    return secrets.token_hex(4)
