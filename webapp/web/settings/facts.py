"""What an administrator of the machine has set, for those who only see the pages."""

from dataclasses import dataclass, fields

from flask import current_app, request

from ... import __version__
from ...config import PREFIX, Settings
from ...models.workspace import Workspace

_SHOWN = ("ping_interval", "ping_timeout")


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit in force: what it means, the variable that sets it, its value."""

    variable: str
    value: str
    help: str
    is_default: bool


def limits() -> list[Limit]:
    """List the limits in force; they are set where the server is started."""
    settings: Settings = current_app.extensions["tidegate.settings"]
    found = []
    for f in fields(Settings):
        if f.name.startswith("limit_") or f.name in _SHOWN:
            value = getattr(settings, f.name)
            shown = f"{value:,}" if isinstance(value, int) else f"{value:g}"
            if f.name.startswith("limit_") and value == 0:
                shown = "none"
            found.append(Limit(PREFIX + f.name.upper(), shown, f.metadata["help"], value == f.default))
    return found


def server_facts(workspace: Workspace) -> list[tuple[str, str, bool]]:
    """Say what runs here: term, value, and whether the value is to be copied as it is."""
    settings: Settings = current_app.extensions["tidegate.settings"]
    secure = request.is_secure
    socket = f"{'wss' if secure else 'ws'}://{request.host}/rt/{workspace.canonical}"
    encryption = "Yes, by this server." if settings.tls_cert else "Yes, by a proxy in front." if secure else "No."
    return [
        ("Version", f"Tidegate {__version__}", False),
        ("Database", "SQLite" if settings.is_sqlite else "PostgreSQL", False),
        ("Clients connect to", socket, True),
        ("JSON API", f"{request.host_url}api/v1/workspaces/{workspace.canonical}", True),
        ("Encrypted (TLS)", encryption, False),
    ]
