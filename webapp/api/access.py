"""Who asks: an API key, or someone on this machine who may open the control socket."""

import socket
from dataclasses import dataclass
from time import time

from flask import current_app, request
from limits import RateLimitItem, parse

from ..config import Settings
from ..extensions import limiter
from ..models import ApiKey, Scope, Source, Workspace
from ..services import apikeys, workspaces
from ..services.errors import NotFound
from .addresses import client_address
from .errors import ApiError, ErrorCode

RATE = parse("3000/minute")
"""Requests of one key."""
FAILED_RATE = parse("30/minute")
"""Requests of one address without a valid key."""

PROXY_HEADERS = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via")
"""Set by proxies: a request with one of these comes from somewhere else than its connection does."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. Without a key: the control socket, which may do everything everywhere."""

    key: ApiKey | None
    address: str | None

    @property
    def name(self) -> str:
        """The author of what is changed, as the audit log shows it."""
        return f"API key {self.key.name}" if self.key is not None else "command line"

    @property
    def source(self) -> Source:
        return Source.API if self.key is not None else Source.CLI

    def may_any(self, scopes: tuple[Scope, ...]) -> bool:
        return self.key is None or any(self.key.may(scope) for scope in scopes)


def identify() -> Caller:
    """Say who asks. Cookies count for nothing.

    Raises:
        ApiError: 401 without a valid key; 429 for too many requests of this key, or of this address without one.
    """
    if on_control_socket():
        return Caller(None, None)
    settings: Settings = current_app.extensions["tidegate.settings"]
    address = client_address(request.environ, settings.proxies)
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    given = text.strip() if scheme.lower() == "bearer" else ""
    key = apikeys.authenticate(given) if given else None
    if key is None:
        _count(FAILED_RATE, "failed", address)
        code = ErrorCode.KEY_INVALID if given else ErrorCode.KEY_MISSING
        raise ApiError(code, headers={"WWW-Authenticate": 'Bearer realm="Tidegate"'})
    _count(RATE, "key", str(key.id))
    return Caller(key, address)


def on_control_socket() -> bool:
    """Whether this came over the Unix socket in the instance folder, which its owner alone may open.

    Not through a proxy that somebody has put in front of it.
    """
    connection = request.environ.get("gunicorn.socket")
    return getattr(connection, "family", None) == socket.AF_UNIX and not proxied()


def proxied() -> bool:
    """Whether a proxy has left its mark on this request."""
    return any(name in request.headers for name in PROXY_HEADERS)


def enter(caller: Caller, canonical: str, scopes: tuple[Scope, ...]) -> Workspace:
    """Return the workspace an address names, if this caller may do there what one of ``scopes`` opens.

    Raises:
        ApiError: 404 if there is none or it is not the key's, 403 without the scope.
    """
    workspace = _find(canonical)
    if workspace is None or (caller.key is not None and caller.key.workspace_id != workspace.id):
        raise ApiError(ErrorCode.UNKNOWN_WORKSPACE)
    if not caller.may_any(scopes):
        needed = " or ".join(f"`{scope.value}`" for scope in scopes)
        raise ApiError(ErrorCode.SCOPE_MISSING, f"This needs a key with the scope {needed}.")
    return workspace


def _find(canonical: str) -> Workspace | None:
    if not canonical.isascii() or not canonical.isprintable():
        return None  # no canonical is like that, and not every database takes such a text
    try:
        return workspaces.get(canonical)
    except NotFound:
        return None


def _count(rate: RateLimitItem, subject: str, who: str) -> None:
    if limiter.limiter.hit(rate, "api", subject, who):
        return
    ends, _ = limiter.limiter.get_window_stats(rate, "api", subject, who)
    raise ApiError(ErrorCode.RATE_LIMITED, headers={"Retry-After": str(max(1, round(ends - time())))})
