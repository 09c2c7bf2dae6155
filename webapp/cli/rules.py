"""Rule sets as files: export, check, apply."""

import click
from flask.cli import AppGroup

from ..core.documents import write_document as document_of
from ..services import rules as service
from .files import read_document, write_document
from .group import SOURCE, author, workspace_named, workspace_option

rules = AppGroup("rules", help="Export, check and apply rules as a file (JSON or YAML, Xano's field names).")


@rules.command("export")
@click.argument("file", default="-")
@workspace_option
def export(file: str, canonical: str) -> None:
    """Write the rules in force to FILE, or to the output."""
    workspace = workspace_named(canonical)
    write_document(file, document_of(service.active_rules(workspace), workspace.canonical))


@rules.command("check")
@click.argument("file")
def check(file: str) -> None:
    """Say whether FILE could be applied. `-` reads the input."""
    parsed = service.check_document(read_document(file), strict=False)
    for warning in parsed.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"{len(parsed.rules.rules)} rules, no errors.")


@rules.command("apply")
@click.argument("file")
@click.option("--reason", default="", help="Why, for the list of versions and the audit log.")
@click.option("--expected-version", type=int, help="Apply only if this version is in force (0: none yet).")
@workspace_option
def apply(file: str, reason: str, expected_version: int | None, canonical: str) -> None:
    """Publish what FILE holds as a new version. A running server has it in force within a second."""
    document = read_document(file)
    parsed = service.check_document(document, strict=False)
    for warning in parsed.warnings:
        click.echo(f"Warning: {warning}", err=True)
    workspace = workspace_named(canonical)
    publication = service.publish(
        workspace,
        parsed.rules,
        author=author(),
        source=SOURCE,
        reason=reason,
        expected_version=expected_version,
    )
    click.echo(f"Version {publication.version} is in force: {len(parsed.rules.rules)} rules.")
