"""Starting the server."""

import fcntl
import os
import socket
import sys
import time
from dataclasses import replace

import click
from flask import Flask

from ..config import Settings
from ..services import backup
from .group import application, settings_of

LOCK = "serving.lock"
LOCK_TIMEOUT = 5.0
"""Seconds a server that is just ending has to let go of the instance folder."""

SNIPPET = """\
  import {{ XanoClient }} from "@xano/js-sdk";
  const xano = new XanoClient({{ instanceBaseUrl: "{sdk_base}", realtimeConnectionCanonical: "{canonical}" }});
  const channel = xano.channel("chat/lobby", {{ queueOfflineActions: true }});
  channel.on((message) => console.log(message));
  channel.message({{ hello: "world" }});
"""


@click.command("serve")
def serve() -> None:
    """Bring the database up to date and serve until told to stop."""
    from .. import server

    app = application()
    settings = settings_of(app)
    if backup.server_answers(settings.control_socket):
        raise _runs_already(settings)
    lock = _lock(settings)
    settings = replace(settings, port=_free_port(settings.host, settings.port))
    _prepare(app, settings)
    # A clean process for the server: what preparing has opened must not be shared with its workers.
    try:
        server.serve(settings)
    finally:
        os.close(lock)


def _lock(settings: Settings) -> int:
    """Take the instance folder for this process and the workers forked from it; two may be starting at once."""
    try:
        descriptor = os.open(settings.instance / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise click.ClickException(f"The instance folder can't be used: {error}.") from None
    gives_up = time.monotonic() + LOCK_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > gives_up or backup.server_answers(settings.control_socket):
                os.close(descriptor)
                raise _runs_already(settings) from None
            time.sleep(0.05)
        else:
            return descriptor


def _runs_already(settings: Settings) -> click.ClickException:
    return click.ClickException(f"A server runs on the instance folder {settings.instance} already.")


def _free_port(host: str, wanted: int) -> int:
    """Choose a port (if ``wanted`` is 0) or look whether it is free, before the address is printed."""
    try:
        family, kind, *_, address = socket.getaddrinfo(host, wanted, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            port: int = probe.getsockname()[1]
            return port
    except OSError as error:
        what = f"port {wanted} of {host}" if wanted else host
        raise click.ClickException(
            f"Can't listen on {what}: {error.strerror}. Choose others with TIDEGATE_HOST and TIDEGATE_PORT."
        ) from None


def _prepare(app: Flask, settings: Settings) -> None:
    import flask_migrate

    from ..extensions import db
    from ..services import admins, workspaces

    with app.app_context():
        flask_migrate.upgrade()
        workspace = workspaces.ensure_default()
        link = None if admins.has_any() else admins.setup_link()
        db.engine.dispose()  # connections can't be shared with the worker that is forked
    base = dashboard_address(settings)
    click.echo(f"Tidegate's dashboard: {base}")
    if link is not None:
        click.echo(f"Make the first admin here, within an hour:\n  {base}/setup/{link}")
    reachable = settings.tls_cert is not None and settings.port == 443
    sdk_base = base if reachable else "https://realtime.example.com"
    click.echo(f"A client in five lines:\n{SNIPPET.format(sdk_base=sdk_base, canonical=workspace.canonical)}")
    if not reachable:
        click.echo(
            "  The SDK takes the host name alone and dials wss on port 443: put a proxy with TLS in front, or set\n"
            "  TIDEGATE_TLS_CERT, TIDEGATE_TLS_KEY and TIDEGATE_PORT=443 (docs/move-from-xano.md).\n"
        )
    sys.stdout.flush()


def dashboard_address(settings: Settings) -> str:
    """Return where a browser on this machine finds the dashboard."""
    scheme = "https" if settings.tls_cert is not None else "http"
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    default = {"http": 80, "https": 443}[scheme]
    return f"{scheme}://{host}" + ("" if settings.port == default else f":{settings.port}")
