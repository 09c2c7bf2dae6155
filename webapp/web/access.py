"""Who is signed in, which workspace an address names, and what their role lets them do there."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, flash, g, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from ..extensions import login_manager
from ..models import Source
from ..models.access import Admin, RoleName
from ..models.workspace import Workspace
from ..services import admins, workspaces
from ..services.errors import NotFound
from .htmx import go_to, htmx

UNSAFE_IN_PATHS = set("\\\r\n\t")


def init_app(app: Flask) -> None:
    login_manager.init_app(app)
    login_manager.login_view = "auth.sign_in"
    login_manager.user_loader(admins.load)
    login_manager.unauthorized_handler(_send_to_sign_in)
    app.context_processor(
        lambda: {"workspace": g.get("workspace"), "role": g.get("role"), "may_edit": may_edit(), "may_own": is_owner()}
    )


def signed_in() -> Admin:
    """Return the admin who asks; only for pages that need a sign-in."""
    admin: Admin = current_user._get_current_object()
    return admin


def current_workspace() -> Workspace:
    workspace: Workspace = g.workspace
    return workspace


def authorship() -> dict[str, Any]:
    """Who changes something here, and from where, as the services ask for it."""
    return {"author": signed_in().username, "source": Source.WEB, "address": request.remote_addr}


def may_edit() -> bool:
    """Whether the role held here may change rules, tokens and settings (owner and editor)."""
    role: RoleName | None = g.get("role")
    return role is not None and role.includes(RoleName.EDITOR)


def is_owner() -> bool:
    """Whether one owns this workspace: its keys, its people and its existence are owners' matters."""
    role: RoleName | None = g.get("role")
    return role is RoleName.OWNER


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
            abort(404)
        g.role = role
        return None

    return blueprint


P = ParamSpec("P")
R = TypeVar("R")


def needs_editor(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse a view to developers and viewers, who read only."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not may_edit():
            abort(403)
        return view(*args, **kwargs)

    return guarded


def needs_owner(view: Callable[P, R]) -> Callable[P, R]:
    """Refuse a view to everyone but owners."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not is_owner():
            abort(403)
        return view(*args, **kwargs)

    return guarded


def safe_next(target: str | None) -> str | None:
    """Return where to go after signing in if it is a path on this server, else None."""
    if not target or not target.startswith("/") or target.startswith("//") or UNSAFE_IN_PATHS & set(target):
        return None
    parts = urlsplit(target)
    return target if not parts.scheme and not parts.netloc else None


def _send_to_sign_in() -> Response:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    if htmx:
        page = urlsplit(htmx.current_url or "")
        wanted = page.path + (f"?{page.query}" if page.query else "")
    if wanted not in (None, "/"):
        flash("Sign in to go on.", "info")
    return go_to(url_for("auth.sign_in", next=safe_next(wanted) if wanted != "/" else None))
