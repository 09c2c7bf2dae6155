"""Keeping users and addresses out for a time."""

import click
from flask.cli import AppGroup

from ..services import blocks as service
from ..services.blocks import Subject
from .group import SOURCE, author, workspace_named, workspace_option
from .live import harmless
from .tokens import Duration

block = AppGroup("block", help="Keep users and addresses out for a time, list who is, let them in again.")


@block.command("add")
@click.option("--user", metavar="USER", help="Keep this user out.")
@click.option("--address", metavar="ADDRESS", help="Keep this network address out.")
@click.option("--for", "seconds", type=Duration(), default=3600, show_default="1h", help="For how long, at most 7d.")
@click.option("--reason", default="", help="Why, for the list of blocks and the audit log.")
@workspace_option
def add_block(user: str | None, address: str | None, seconds: int, reason: str, canonical: str) -> None:
    """Keep a user or an address out. A running server disconnects their clients within a second."""
    if (user is None) == (address is None):
        raise click.UsageError("Name either --user or --address.")
    subject = Subject.USER if user is not None else Subject.ADDRESS
    value = user if user is not None else address
    workspace = workspace_named(canonical)
    made = service.create(workspace, subject, value or "", seconds, author=author(), source=SOURCE, reason=reason).block
    until = made.expires_at.isoformat(sep=" ", timespec="seconds")
    click.echo(harmless(f"Block {made.id}: the {made.subject} {made.value} is kept out until {until}."))


@block.command("list")
@workspace_option
def list_blocks(canonical: str) -> None:
    """List the blocks in force: id, until when, whom, who made it and why."""
    for row in service.in_force(workspace_named(canonical)):
        until = row.expires_at.isoformat(sep=" ", timespec="seconds")
        why = f": {row.reason}" if row.reason else ""
        click.echo(harmless(f"{row.id}  {until}  {row.subject} {row.value}  by {row.created_by}{why}"))


@block.command("remove")
@click.argument("block_id", metavar="ID", type=click.IntRange(1, 2**31 - 1))
@workspace_option
def remove_block(block_id: int, canonical: str) -> None:
    """End a block, so that those it kept out may connect again."""
    ended = service.end(workspace_named(canonical), block_id, author=author(), source=SOURCE)
    click.echo(harmless(f"The {ended.subject} {ended.value} may connect again."))
