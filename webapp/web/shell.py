"""What surrounds every page: navigation, colour scheme, addresses of static files that change with their content."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, current_app, request, url_for

from ..core.targets import Target
from .forms import attributes

THEMES = ("light", "dark")
PRELOADED_FONTS = tuple(
    f"vendor/fonts/{name}/files/{name}-latin-wght-normal.woff2" for name in ("inter", "jetbrains-mono")
)
"""Fetched with the page, so that its text is set in them from the first moment and nothing jumps."""
YEAR, DAY = 365 * 86_400, 86_400


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation."""

    endpoint: str
    label: str
    icon: str

    @property
    def area(self) -> str:
        return self.endpoint.partition(".")[0]


PLACES = (
    Place("overview.page", "Overview", "gauge"),
    Place("channels.page", "Channels", "radio"),
    Place("runs.page", "Triggers", "workflow"),
    Place("inspector.page", "Inspector", "activity"),
    Place("bench.page", "Test bench", "flask-conical"),
    Place("versions.page", "Versions", "history"),
    Place("ruletests.page", "Tests", "list-checks"),
    Place("explain.page", "Explain a user", "user-round-search"),
    Place("tokens.page", "Tokens and keys", "key-round"),
    Place("webhooks.page", "Webhooks", "webhook"),
    Place("people.page", "People", "users-round"),
    Place("audit.page", "Audit", "scroll-text"),
    Place("settings.page", "Settings", "settings"),
)


WITHIN = {"transfer": "channels", "stacks": "channels"}
"""Areas without an entry of their own, and the one that they belong to."""


def init_app(app: Flask) -> None:
    app.jinja_env.tests["overlapping"] = _overlapping
    app.jinja_env.globals.update(
        field_attributes=attributes, asset=asset, places=PLACES, current_area=current_area, theme=theme
    )
    app.jinja_env.globals["preloaded_fonts"] = PRELOADED_FONTS
    app.after_request(_keep_static)


def asset(filename: str) -> str:
    """Return the address of a static file, with a mark of its content so that browsers may keep it."""
    folder = current_app.static_folder
    assert folder is not None
    path = Path(folder, filename)
    stat = path.stat()
    return url_for("static", filename=filename, v=_mark(path, stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=256)
def _mark(path: Path, _modified: int, _size: int) -> str:
    return sha256(path.read_bytes()).hexdigest()[:10]


def _keep_static(response: Response) -> Response:
    """Let browsers keep what carries a mark of its content for good, and the fonts for a day."""
    if request.endpoint == "static" and response.status_code in (200, 304):
        if "v" in request.args:
            response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
        elif request.path.endswith(".woff2"):
            response.headers["Cache-Control"] = f"public, max-age={DAY}"
    return response


def current_area() -> str | None:
    return WITHIN.get(request.blueprint or "", request.blueprint)


def theme() -> str | None:
    """The colour scheme that was chosen here, or None: as the system has it."""
    chosen = request.cookies.get("theme")
    return chosen if chosen in THEMES else None


def _overlapping(target: Target, other: Target) -> bool:
    return target.overlaps(other)
