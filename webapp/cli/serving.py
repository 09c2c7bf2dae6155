"""Starting the server."""

import sys

import click
from flask import Flask

from ..config import Settings
from .group import application, settings_of

SNIPPET = """\
  import {{ XanoClient }} from "@xano/js-sdk";
  const xano = new XanoClient({{ instanceBaseUrl: "{base}", realtimeConnectionHash: "{canonical}" }});
  const channel = xano.channel("chat/lobby", {{ queueOfflineActions: true }});
  channel.on((message) => console.log(message));
  channel.message({{ hello: "world" }});
"""


@click.command("serve")
def serve() -> None:
    """Bring the database up to date and serve until told to stop."""
    from .. import server

    settings = _prepare(application())
    # A clean process for the server: what preparing has opened must not be shared with its workers.
    server.serve(settings)


def _prepare(app: Flask) -> Settings:
    import flask_migrate

    from ..extensions import db
    from ..services import admins, backup, workspaces

    settings = settings_of(app)
    if backup.server_answers(settings.control_socket):
        raise click.ClickException(f"A server runs on the instance folder {settings.instance} already.")
    with app.app_context():
        flask_migrate.upgrade()
        workspace = workspaces.ensure_default()
        link = None if admins.has_any() else admins.setup_link()
        db.engine.dispose()  # connections can't be shared with the worker that is forked
    base = dashboard_address(settings)
    click.echo(f"Tidegate's dashboard: {base}")
    if link is not None:
        click.echo(f"Make the first admin here, within an hour:\n  {base}/setup/{link}")
    click.echo(f"A client in five lines:\n{SNIPPET.format(base=base, canonical=workspace.canonical)}")
    sys.stdout.flush()
    return settings


def dashboard_address(settings: Settings) -> str:
    """Return where a browser on this machine finds the dashboard."""
    scheme = "https" if settings.tls_cert is not None else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    default = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" + ("" if settings.port == default else f":{settings.port}")
