"""Who is signed in, which workspace an address names, and what their role lets them do there."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Request, abort, flash, g, request, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response

from ..extensions import login_manager
from ..models import Source
from ..models.access import Admin, RoleName
from ..models.workspace import Workspace
from ..services import admins, sessions, workspaces
from ..services.errors import NotFound
from . import refusals
from .htmx import go_to, htmx

UNSAFE_IN_PATHS = set("\\\r\n\t")
SIGN_IN = "sign_in"
"""Where the browser's cookie keeps the secret of the session that was begun at the sign-in."""
WORKSPACE = "workspace"
"""Where it keeps the canonical of the workspace that was looked at last."""


def init_app(app: Flask) -> None:
    login_manager.init_app(app)
    login_manager.login_view = "auth.sign_in"
    login_manager.request_loader(_load)
    login_manager.unauthorized_handler(_send_to_sign_in)
    app.context_processor(
        lambda: {
            "workspace": g.get("workspace"),
            "role": g.get("role"),
            "may_edit": may_edit(),
            "may_develop": holds(RoleName.DEVELOPER),
            "may_own": holds(RoleName.OWNER),
        }
    )


def signed_in() -> Admin:
    """Return the admin who asks; only for pages that need a sign-in."""
    admin: Admin = current_user._get_current_object()
    return admin


def this_session() -> sessions.Loaded:
    """Return the session that asks; only for pages that need a sign-in."""
    loaded: sessions.Loaded = g.loaded_session
    return loaded


def begin_session(admin: Admin, how: str) -> None:
    """Sign the browser in, afresh: nothing of the session before, its CSRF token included, is carried over."""
    session.clear()
    session[SIGN_IN] = sessions.begin(admin, address=request.remote_addr, user_agent=request.user_agent.string, how=how)


def end_session() -> None:
    """Sign the browser out, here and on the server."""
    sessions.sign_out(this_session(), address=request.remote_addr)
    logout_user()
    session.clear()


def current_workspace() -> Workspace:
    workspace: Workspace = g.workspace
    return workspace


def authorship() -> dict[str, Any]:
    """Who changes something here, and from where, as the services ask for it."""
    return {"author": signed_in().username, "source": Source.WEB, "address": request.remote_addr}


def may_edit() -> bool:
    """Whether the role held here may change rules, tokens and settings (owner and editor)."""
    return holds(RoleName.EDITOR)


def holds(least: RoleName) -> bool:
    """Whether the role held in this workspace includes ``least``."""
    role: RoleName | None = g.get("role")
    return role is not None and role.includes(least)


def role_held() -> RoleName:
    """Return the role that is held in this workspace; only for its pages."""
    role: RoleName = g.role
    return role


def in_workspace(blueprint: Blueprint) -> Blueprint:
    """Let every page of a blueprint need a sign-in and a role in the workspace that ``/w/<canonical>/`` names.

    A workspace where one has no role looks as if it did not exist.
    """

    @blueprint.url_value_preprocessor
    def keep_canonical(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        g.canonical = (values or {}).pop("canonical", None)

    @blueprint.url_defaults
    def add_canonical(_endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("canonical", g.get("canonical"))

    @blueprint.before_request
    def enter() -> Response | None:
        if not current_user.is_authenticated:
            response: Response = login_manager.unauthorized()
            return response
        try:
            g.workspace = workspaces.get(g.canonical)
        except NotFound:
            abort(404)
        role = admins.role_in(signed_in(), g.workspace)
        if role is None:
            del g.workspace  # the error page must not say what is there
            refusals.note("no role in this workspace")
            abort(404)
        g.role = role
        if session.get(WORKSPACE) != g.workspace.canonical:
            session[WORKSPACE] = g.workspace.canonical
        return None

    return blueprint


P = ParamSpec("P")
R = TypeVar("R")


def needs_owner(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse a view to everybody but owners."""
    return _needs(RoleName.OWNER, view)


def needs_editor(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse a view to developers and viewers."""
    return _needs(RoleName.EDITOR, view)


def needs_developer(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse a view to viewers, who read only."""
    return _needs(RoleName.DEVELOPER, view)


def _needs(least: RoleName, view: Callable[P, R]) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not holds(least):
            refusals.note(f"needs the role {least.value}")
            abort(403)
        return view(*args, **kwargs)

    return guarded


def safe_next(target: str | None) -> str | None:
    """Return where to go after signing in if it is a path on this server, else None."""
    if not target or not target.startswith("/") or target.startswith("//") or UNSAFE_IN_PATHS & set(target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None


def _load(_request: Request) -> Admin | None:
    """Return who is signed in with the session that the browser's cookie names."""
    secret = session.get(SIGN_IN)
    g.loaded_session = sessions.load(secret) if isinstance(secret, str) else None
    return g.loaded_session.admin if g.loaded_session is not None else None


def _send_to_sign_in() -> Response:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    if htmx:
        page = urlsplit(htmx.current_url or "")
        wanted = page.path + (f"?{page.query}" if page.query else "")
    if wanted not in (None, "/"):
        flash("Sign in to go on.", "info")
    return go_to(url_for("auth.sign_in", next=safe_next(wanted) if wanted != "/" else None))
