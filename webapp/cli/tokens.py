"""Minting tokens of clients."""

import json
import re
from typing import Any

import click
from flask.cli import with_appcontext

from ..services import tokens
from .group import SOURCE, author, workspace_named, workspace_option

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class JsonObject(click.ParamType[Any]):
    """A JSON object, given on the command line."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, dict):
            return value
        try:
            read = json.loads(value)
        except (ValueError, RecursionError) as error:
            self.fail(f"this is not JSON: {error}.", param, ctx)
        if not isinstance(read, dict):
            self.fail("expected a JSON object.", param, ctx)
        return read


class Duration(click.ParamType[int]):
    """Seconds, or a number with a unit: 90, 15m, 1h, 7d."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"([0-9]{1,12})([smhd]?)", value.strip())
        if found is None:
            self.fail("expected seconds, or a number with a unit such as 15m, 1h, 7d.", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


@click.command("token")
@click.option("--sub", metavar="USER", help="The user id.")
@click.option("--extras", type=JsonObject(), metavar="JSON", help="What presence shows of the user.")
@click.option("--dbo-id", type=int, help="The user's table, in Xano's terms.")
@click.option("--row-id", type=int, help="The user's row in it.")
@click.option("--ttl", type=Duration(), default=tokens.TTL_DEFAULT, show_default=True, help="How long it is valid.")
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="TARGET",
    help="The only channels it opens, names or patterns; several are possible.",
)
@click.option("--grants", type=JsonObject(), metavar="JSON", help="An access list of channels and permissions.")
@click.option("--claims", type=JsonObject(), metavar="JSON", help="Further claims, which Tidegate does not read.")
@workspace_option
@with_appcontext
def token(
    sub: str | None,
    extras: dict[str, Any] | None,
    dbo_id: int | None,
    row_id: int | None,
    ttl: int,
    channels: tuple[str, ...],
    grants: dict[str, Any] | None,
    claims: dict[str, Any] | None,
    canonical: str,
) -> None:
    """Make a token for a client and print it, alone on the last line."""
    minted = tokens.mint(
        workspace_named(canonical),
        author=author(),
        source=SOURCE,
        sub=sub,
        extras=extras,
        dbo_id=dbo_id,
        row_id=row_id,
        ttl=ttl,
        authorized_channels=list(channels) or None,
        grants=grants,
        claims=claims,
    )
    click.echo(f"Token {minted.jti}, valid until {minted.expires_at.isoformat()}.", err=True)
    click.echo(minted.token)
