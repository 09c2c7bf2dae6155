"""The keys that verify clients' tokens: secrets, public keys, sets of keys and their addresses."""

import sys

import click
from flask.cli import AppGroup

from ..models import KeyKind, SigningKey
from ..services import keys as service
from .files import read_text
from .group import SOURCE, author, workspace_named, workspace_option

key = AppGroup("key", help="Manage the keys that sign and verify clients' tokens.")
_FILE = click.argument("file")
_ID = click.argument("key_id", metavar="ID", type=int)
_KID = click.option("--kid", metavar="KID", help="The name that tokens give in their header; a random one without it.")


@key.command("list")
@workspace_option
def list_keys(canonical: str) -> None:
    """List the keys: id, kid, kind, state, when they were made or fetched."""
    for found in service.list_all(workspace_named(canonical)):
        state = "active" if found.is_active else "inactive"
        moment = found.fetched_at or found.created_at
        click.echo(
            f"{found.id}  {found.kid}  {found.algorithm}  {state}  {moment.isoformat(timespec='seconds')}"
            + (f"  {found.fetch_problem}" if found.fetch_problem else "")
        )


@key.command("add-secret")
@_KID
@workspace_option
def add_secret(kid: str | None, canonical: str) -> None:
    """Add a secret for HS256: the first line of the input, or a random one if that is empty or a terminal."""
    given = "" if sys.stdin.isatty() else sys.stdin.readline().strip()
    click.echo("The secret of the input:" if given else "A random secret:", err=True)
    _added(service.add_secret(workspace_named(canonical), given or None, author=author(), source=SOURCE, kid=kid))


@key.command("add-public")
@_FILE
@_KID
@workspace_option
def add_public(file: str, kid: str | None, canonical: str) -> None:
    """Add the public key (or certificate) in FILE, in PEM, for RS256, ES256 or EdDSA. `-` reads the input."""
    _added(service.add_public_key(workspace_named(canonical), read_text(file), author=author(), source=SOURCE, kid=kid))


@key.command("add-jwks")
@_FILE
@_KID
@workspace_option
def add_jwks(file: str, kid: str | None, canonical: str) -> None:
    """Add the set of public keys (JWKS) in FILE. `-` reads the input."""
    _added(service.add_jwks(workspace_named(canonical), read_text(file), author=author(), source=SOURCE, kid=kid))


@key.command("add-jwks-url")
@click.argument("url")
@_KID
@workspace_option
def add_jwks_url(url: str, kid: str | None, canonical: str) -> None:
    """Add the address of a set of public keys, which is fetched now and every five minutes."""
    _added(service.add_jwks_url(workspace_named(canonical), url, author=author(), source=SOURCE, kid=kid))


@key.command("reveal")
@_ID
@workspace_option
def reveal(key_id: int, canonical: str) -> None:
    """Print a key; a secret for HS256 stands alone on the last line. The audit log notes who looked."""
    workspace = workspace_named(canonical)
    click.echo("Who has a secret can make tokens for any user: keep it on servers.", err=True)
    click.echo(service.reveal(workspace, key_id, author=author(), source=SOURCE))


@key.command("activate")
@_ID
@workspace_option
def activate(key_id: int, canonical: str) -> None:
    """Accept tokens of a key again."""
    found = service.set_active(workspace_named(canonical), key_id, True, author=author(), source=SOURCE)
    click.echo(f"The key {found.kid} is active.")


@key.command("deactivate")
@_ID
@workspace_option
def deactivate(key_id: int, canonical: str) -> None:
    """Accept no more tokens of a key."""
    found = service.deactivate(workspace_named(canonical), key_id, author=author(), source=SOURCE)
    click.echo(f"The key {found.kid} is inactive: tokens that it signed are not accepted.")


def _added(found: SigningKey) -> None:
    hint = f" `tidegate key reveal {found.id}` shows it." if found.algorithm == KeyKind.HS256 else ""
    click.echo(f"Key {found.id} ({found.kid}, {found.algorithm}) is active.{hint}")
