"""Who may administrate: set-up links, admins, API keys, workspaces."""

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from ..models import RoleName, Scope
from ..services import admins, apikeys, totp, workspaces
from .group import SOURCE, author, read_password, settings_of, workspace_named, workspace_option
from .serving import dashboard_address


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print a one-time link, valid for an hour, with which an owner of all workspaces is made."""
    token = admins.setup_link(author=author(), source=SOURCE)
    workspace_named(workspaces.DEFAULT)
    click.echo(f"{dashboard_address(settings_of(current_app))}/setup/{token}")


admin = AppGroup("admin", help="Make, list and remove admins, reset their passwords and two-step sign-ins.")


@admin.command("create")
@click.argument("username")
@click.option(
    "--role",
    type=click.Choice([role.value for role in RoleName]),
    default=RoleName.OWNER.value,
    show_default=True,
    help="What the admin may do.",
)
@click.option("--workspace", "canonical", metavar="CANONICAL", help="Only in this workspace; without it in all.")
def create_admin(username: str, role: str, canonical: str | None) -> None:
    """Make an admin. The password is asked for, or read from the first line of the input."""
    workspace_named(workspaces.DEFAULT)
    only = workspace_named(canonical) if canonical is not None else None
    made = admins.create(username, read_password(), author=author(), source=SOURCE, role=role, workspace=only)
    click.echo(f"{made.username} can sign in now.")


@admin.command("reset-password")
@click.argument("username")
def reset_password(username: str) -> None:
    """Set an admin's password, which ends all of the admin's sessions."""
    admins.by_username(username)
    admins.reset_password(username, read_password(), author=author(), source=SOURCE)
    click.echo("The password is set, and all sessions of this admin have ended.")


@admin.command("reset-totp")
@click.argument("username")
def reset_totp(username: str) -> None:
    """Switch two-step sign-in off for an admin who has neither the app nor a recovery code."""
    reset = totp.reset(username, author=author(), source=SOURCE)
    click.echo(f"The password alone signs {reset.username} in now.")


@admin.command("list")
def list_admins() -> None:
    """List the admins: name, and the role in each workspace."""
    for found in admins.list_all():
        roles = ", ".join(f"{role} of {held.canonical}" for held, role in admins.workspaces_of(found))
        click.echo(f"{found.username}  {roles or 'no role'}")


@admin.command("remove")
@click.argument("username")
def remove_admin(username: str) -> None:
    """Delete an admin, which ends all of the admin's sessions. The last owner of a workspace stays."""
    removed = admins.remove(username, author=author(), source=SOURCE)
    click.echo(f"{removed.username} is removed, and all sessions of this admin have ended.")


apikey = AppGroup("apikey", help="Make, list and revoke keys of the JSON API.")


@apikey.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the key may do; several are possible. Without it, everything.",
)
@workspace_option
def create_apikey(name: str, scopes: tuple[str, ...], canonical: str) -> None:
    """Make a key and print it, alone on the last line. It is shown this once."""
    workspace = workspace_named(canonical)
    key, plaintext = apikeys.create(workspace, name, scopes or None, author=author(), source=SOURCE)
    click.echo(f"The key {key.name!r} may {', '.join(key.scopes)} in the workspace {workspace.canonical}.", err=True)
    click.echo(plaintext)


@apikey.command("list")
@workspace_option
def list_apikeys(canonical: str) -> None:
    """List the keys that are valid: prefix, scopes, last use, name."""
    for key in apikeys.list_all(workspace_named(canonical)):
        used = key.last_used_at.isoformat(timespec="seconds") if key.last_used_at else "never used"
        click.echo(f"{key.prefix}  {','.join(key.scopes)}  {used}  {key.name}")


@apikey.command("revoke")
@click.argument("prefix")
@workspace_option
def revoke_apikey(prefix: str, canonical: str) -> None:
    """Revoke a key by its prefix: the eight characters after `tg_`."""
    workspace = workspace_named(canonical)
    for key in apikeys.list_all(workspace):
        if key.prefix == prefix:
            apikeys.revoke(workspace, key.id, author=author(), source=SOURCE)
            click.echo(f"The key {key.name!r} is revoked.")
            return
    raise click.BadParameter(f"there is no valid key with the prefix {prefix!r}.", param_hint="PREFIX")


workspace = AppGroup("workspace", help="Make and list workspaces.")


@workspace.command("create")
@click.argument("canonical")
@click.option("--name", help="The name that the dashboard shows; the canonical without it.")
def create_workspace(canonical: str, name: str | None) -> None:
    """Make a workspace with a signing key; who owns all others becomes an owner of it."""
    made = workspaces.create(canonical, name or canonical, author=author(), source=SOURCE)
    click.echo(f"The workspace {made.canonical} is there. From the second one on, tokens have to name theirs (aud).")


@workspace.command("list")
def list_workspaces() -> None:
    """List the workspaces: canonical and name."""
    for found in workspaces.list_all():
        click.echo(f"{found.canonical}  {found.name}")
