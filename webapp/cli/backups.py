"""Backing up and restoring everything the server keeps."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from ..services import backup as service

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("backup")
@click.argument("file", type=_FILE)
@with_appcontext
def backup(file: Path) -> None:
    """Write database and secret key to FILE, also while the server runs. Keep it as secret as the key."""
    service.backup(file)
    click.echo(f"Everything is in {file}.")


@click.command("restore")
@click.argument("file", type=_FILE)
@with_appcontext
def restore(file: Path) -> None:
    """Put what FILE holds in the place of the present database and secret key. The server must not run."""
    service.restore(file)
    click.echo("Restored. Start the server again.")
