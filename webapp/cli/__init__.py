"""The command line. Exit codes: 0 done, 1 it could not be done now, 2 bad input or refused, and nothing was changed."""

import sys

import click
from flask import Flask
from flask.cli import ScriptInfo

from .. import __version__
from . import access, backups, blocks, database, keys, live, rules, serving, tokens, webhooks
from .group import Tidegate, application

__all__ = ["commands", "init_app", "main", "tidegate"]

commands: tuple[click.Command, ...] = (
    serving.serve,
    database.db,
    access.setup_link,
    access.admin,
    access.apikey,
    access.workspace,
    keys.key,
    tokens.token,
    rules.rules,
    blocks.block,
    webhooks.webhook,
    live.publish,
    live.decide,
    live.explain,
    backups.backup,
    backups.restore,
)

tidegate = Tidegate(
    "tidegate",
    commands=commands,
    help="A self-hosted realtime channel server with a control room. Settings are read from TIDEGATE_* variables.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


click.version_option(__version__, prog_name="tidegate", message="%(prog)s %(version)s")(tidegate)


def main() -> None:
    """Run a command of `tidegate` and end the process with its exit code."""
    tidegate.main(sys.argv[1:], prog_name="tidegate", obj=ScriptInfo(create_app=application))


def init_app(app: Flask) -> None:
    """Offer the same commands as `flask --app webapp:create_app …`."""
    for command in commands:
        if command.name not in app.cli.commands:
            app.cli.add_command(command)
