"""Workspaces, and how a change to one reaches the running server."""

import re
from urllib.parse import urlsplit

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ..models import Action, Admin, Role, RoleName, Source, Workspace
from . import audit, keys, live
from .errors import Conflict, InvalidInput, NotFound
from .live import load_config, refresh, running
from .texts import checked_name
from .transactions import locked, reading, writing

__all__ = [
    "DEFAULT",
    "by_id",
    "create",
    "ensure_default",
    "get",
    "list_all",
    "load_config",
    "refresh",
    "running",
    "update_settings",
    "watch",
]

DEFAULT = "default"
_CANONICAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
ORIGINS_MOST = 100
ORIGIN_LENGTH_MOST = 300


def ensure_default() -> Workspace:
    """Return the workspace ``default``, making it with a signing key if there is no workspace yet."""
    with reading() as session:
        found = session.scalar(select(Workspace).where(Workspace.canonical == DEFAULT))
        if found is not None:
            return found
        first = session.scalar(select(Workspace).order_by(Workspace.id))
    if first is not None:
        return first
    try:
        return create(DEFAULT, "Default", author="system", source=Source.SYSTEM)
    except Conflict:  # another process was faster
        return get(DEFAULT)


def create(
    canonical: str,
    name: str,
    *,
    author: str,
    source: Source | str,
    owner: Admin | None = None,
    address: str | None = None,
) -> Workspace:
    """Make a workspace with a secret signing key. Without an owner, those become owners who own all others.

    Raises:
        InvalidInput: the canonical or the name can't be taken.
        Conflict: there is one with this canonical.
    """
    if not isinstance(canonical, str) or not _CANONICAL.fullmatch(canonical):
        raise InvalidInput({"canonical": "Up to 64 letters, digits, `-` and `_`, beginning with a letter or a digit."})
    name = checked_name(name)
    workspace = Workspace(canonical=canonical, name=name, allowed_origins=[], generation=1)
    key = keys.new_secret()
    try:
        with writing() as session:
            session.add(workspace)
            session.flush()
            key.workspace_id = workspace.id
            session.add(key)
            admins = [owner.id] if owner is not None else _owners_of_all(session, workspace)
            session.add_all(Role(admin_id=a, workspace_id=workspace.id, role=RoleName.OWNER.value) for a in admins)
            # From the second workspace on tokens have to name theirs, so the others have to be read again.
            session.execute(
                update(Workspace).where(Workspace.id != workspace.id).values(generation=Workspace.generation + 1)
            )
            audit.record(
                session,
                Action.WORKSPACE_CREATE,
                actor=author,
                source=source,
                workspace_id=workspace.id,
                after={"canonical": canonical, "name": name},
                address=address,
            )
    except IntegrityError:
        raise Conflict({"canonical": f"There is already a workspace `{canonical}`."}) from None
    for other in list_all():
        refresh(other.id)
    return workspace


def _owners_of_all(session: Session, new: Workspace) -> list[int]:
    """Say who owns every workspace but a new one."""
    others = session.scalar(select(func.count()).where(Workspace.id != new.id)) or 0
    owned = select(func.count()).where(Role.admin_id == Admin.id, Role.role == RoleName.OWNER.value)
    return list(session.scalars(select(Admin.id).where(owned.scalar_subquery() == others)))


def get(canonical: str) -> Workspace:
    """Return a workspace by its canonical.

    Raises:
        NotFound: there is none.
    """
    workspace = None
    if _CANONICAL.fullmatch(canonical):  # others can't exist, and a database may not even take them as a text
        with reading() as session:
            workspace = session.scalar(select(Workspace).where(Workspace.canonical == canonical))
    if workspace is None:
        raise NotFound({"workspace": f"There is no workspace `{canonical}`."})
    return workspace


def by_id(workspace_id: int) -> Workspace:
    """Return a workspace as it is now.

    Raises:
        NotFound: there is none.
    """
    with reading() as session:
        workspace = session.get(Workspace, workspace_id)
    if workspace is None:
        raise NotFound({"workspace": "There is no such workspace."})
    return workspace


def list_all() -> list[Workspace]:
    """List all workspaces, oldest first."""
    with reading() as session:
        return list(session.scalars(select(Workspace).order_by(Workspace.id)))


def update_settings(
    workspace: Workspace,
    *,
    author: str,
    source: Source | str,
    name: str | None = None,
    allowed_origins: list[str] | None = None,
    reason: str = "",
    address: str | None = None,
) -> Workspace:
    """Change a workspace's name or the origins whose pages may connect (none listed: all may).

    Raises:
        InvalidInput: an origin that is none, or a name that can't be taken.
    """
    checked = checked_name(name) if name is not None else None
    origins = _checked_origins(allowed_origins) if allowed_origins is not None else None
    with writing() as session:
        row = locked(session, workspace.id)
        before = {"name": row.name, "allowed_origins": row.allowed_origins}
        row.name = checked if checked is not None else row.name
        row.allowed_origins = origins if origins is not None else row.allowed_origins
        after = {"name": row.name, "allowed_origins": row.allowed_origins}
        if after != before:
            row.generation += 1
            audit.record(
                session,
                Action.WORKSPACE_UPDATE,
                actor=author,
                source=source,
                workspace_id=row.id,
                before=before,
                after=after,
                reason=reason,
                address=address,
            )
    refresh(row.id)
    return row


def watch() -> int:
    """Take over what other processes have changed; called twice a second. Returns how many workspaces changed."""
    keys.refresh_in_background()
    return live.watch()


def _checked_origins(values: object) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidInput({"allowed_origins": "Expected a list of origins."})
    if len(values) > ORIGINS_MOST:
        raise InvalidInput({"allowed_origins": f"At most {ORIGINS_MOST} origins."})
    return sorted({_checked_origin(value.strip()) for value in values if value.strip()})


def _checked_origin(value: str) -> str:
    """Return an origin as browsers send it: scheme and host in lower case, no default port, no path."""
    if len(value) > ORIGIN_LENGTH_MOST:
        raise InvalidInput({"allowed_origins": f"An origin has at most {ORIGIN_LENGTH_MOST} characters."})
    message = f"`{value}` is not an origin; write for example `https://app.example.com`."
    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput({"allowed_origins": message}) from None
    extra = parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None
    if parts.scheme.lower() not in ("http", "https") or not host or extra or "*" in host or " " in value:
        raise InvalidInput({"allowed_origins": message})
    host = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme.lower()]
    return f"{parts.scheme.lower()}://{host}" + (f":{port}" if port not in (None, default) else "")
