"""What surrounds every page: navigation, colour scheme, addresses of static files that change with their content."""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, current_app, request, url_for

THEMES = ("light", "dark")


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
    Place("tokens.page", "Tokens and keys", "key-round"),
    Place("settings.page", "Settings", "settings"),
)


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(asset=asset, places=PLACES, current_area=current_area, theme=theme)


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


def current_area() -> str | None:
    return request.blueprint


def theme() -> str | None:
    """The colour scheme that was chosen here, or None: as the system has it."""
    chosen = request.cookies.get("theme")
    return chosen if chosen in THEMES else None
