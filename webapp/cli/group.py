"""What all commands share: the application they run in, and how refusals end them."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import OperationalError, ProgrammingError

from ..config import ConfigError, Settings
from ..extensions import init_database
from ..models import Source, Workspace
from ..services import workspaces
from ..services.errors import NotFound, SecretKeyMismatch, ServiceError

SOURCE = Source.CLI


class Refused(click.ClickException):
    """Bad input, or something that may not be done. Nothing was changed."""

    exit_code = 2


class Failed(click.ClickException):
    """It could not be done now; the same command may succeed later."""

    exit_code = 1


class Tidegate(click.Group):
    """A group whose commands end with a sentence and an exit code, whatever went wrong."""

    def invoke(self, ctx: click.Context) -> Any:
        with _refusals():
            return super().invoke(ctx)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise Refused(f"The settings can't be used.\n{error}") from None
    except SecretKeyMismatch as error:
        raise Failed(str(error)) from None
    except ServiceError as error:
        raise Refused("\n".join(f"{f}: {m}" if f else m for f, m in error.problems.items())) from None
    except (OperationalError, ProgrammingError) as error:
        text = (
            str(error.orig).strip().splitlines()[0] if error.orig is not None and str(error.orig) else "no reason given"
        )
        hint = " Run `tidegate db upgrade` first." if "no such table" in text or "does not exist" in text else ""
        raise Failed(f"The database can't be used: {text}.{hint}") from None


def application(settings: Settings | None = None) -> Flask:
    """Make the application that commands run in: settings and database, without pages, API and running server.

    Raises:
        ConfigError: settings that can't be used.
    """
    settings = settings or Settings.from_env()
    app = Flask("webapp", static_folder=None)
    app.config["SECRET_KEY"] = settings.secret_key
    app.extensions["tidegate.settings"] = settings
    init_database(app, settings)
    return app


def settings_of(app: Flask) -> Settings:
    settings: Settings = app.extensions["tidegate.settings"]
    return settings


def author() -> str:
    """Name who works on the command line, for the audit log."""
    import getpass

    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "command line"


def count(number: int, noun: str) -> str:
    """``count(1, "rule")`` is "1 rule", ``count(2, "rule")`` "2 rules"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def unmarked(sentence: str) -> str:
    """Write a sentence of the judge without the marks that pages set in other type: asterisks around what is named."""
    return re.sub(r"\*(\w[^*]*)\*", r"\1", sentence)


def workspace_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--workspace`` to a command."""
    return click.option(
        "--workspace",
        "canonical",
        default=workspaces.DEFAULT,
        show_default=True,
        metavar="CANONICAL",
        help="Which workspace.",
    )(command)


def workspace_named(canonical: str) -> Workspace:
    """Return a workspace; the first command on a new database makes the default one.

    Raises:
        NotFound: there is none.
    """
    try:
        return workspaces.get(canonical)
    except NotFound:
        if canonical != workspaces.DEFAULT or workspaces.list_all():
            raise
        return workspaces.ensure_default()


def read_password() -> str:
    """Ask for a password twice, or read it from the first line of the input where nobody can be asked."""
    if sys.stdin.isatty():
        answer: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")
