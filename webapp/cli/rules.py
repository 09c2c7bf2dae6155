"""Rule sets as files: export, check, apply."""

from typing import Any

import click
from flask.cli import AppGroup

from ..core.documents import Parsed
from ..core.documents import write_document as document_of
from ..core.targets import Target
from ..services import drafts
from ..services import rules as service
from ..services.changes import Comparison, compare
from .files import read_document, write_document
from .group import SOURCE, author, count, workspace_named, workspace_option
from .ruletests import hold_against, tests

rules = AppGroup("rules", help="Export, check and apply rules as a file (JSON or YAML, Xano's field names).")
rules.add_command(tests)


@rules.command("export")
@click.argument("file", default="-")
@workspace_option
def export(file: str, canonical: str) -> None:
    """Write the rules in force to FILE, or to the output."""
    workspace = workspace_named(canonical)
    active = service.active_rules(workspace)
    write_document(file, document_of(active, workspace.canonical))
    if file != "-":
        click.echo(f"Version {active.version} is in {file}: {count(len(active.rules), 'rule')}.", err=True)


@rules.command("check")
@click.argument("file")
@click.option("--tests", "tests_file", metavar="TESTS", help="Run the tests of this file instead of the saved ones.")
@workspace_option
def check(file: str, tests_file: str | None, canonical: str) -> None:
    """Say whether FILE could be applied, what it would change, and whether the tests hold. `-` reads the input.

    Exit code 0: they do, 1: a test fails, 2: FILE can't be applied.
    """
    if file == tests_file == "-":
        raise click.UsageError("The input holds the rules or the tests, not both.")
    parsed = _checked(read_document(file))
    workspace = workspace_named(canonical)
    active = service.active_rules(workspace)
    click.echo(f"{count(len(parsed.rules.rules), 'rule')}, no errors.")
    _print_changes(compare(active, parsed.rules), active.version)
    if not hold_against(workspace, parsed.rules, tests_file):
        raise click.exceptions.Exit(1)


@rules.command("apply")
@click.argument("file")
@click.option("--reason", default="", help="Why, for the list of versions and the audit log.")
@click.option("--expected-version", type=int, help="Apply only if this version is in force (0: none yet).")
@workspace_option
def apply(file: str, reason: str, expected_version: int | None, canonical: str) -> None:
    """Publish what FILE holds as a new version. A running server has it in force within a second."""
    parsed = _checked(read_document(file))
    workspace = workspace_named(canonical)
    publication = service.publish(
        workspace,
        parsed.rules,
        author=author(),
        source=SOURCE,
        reason=reason,
        expected_version=expected_version,
    )
    click.echo(f"Version {publication.version} is in force: {count(len(parsed.rules.rules), 'rule')}.")
    draft = drafts.summary(workspace)
    if draft is not None:
        waiting = f"The dashboard's draft ({count(draft.changes, 'change')}, last by {draft.updated_by})"
        click.echo(f"{waiting} is behind now, and has to be brought up to date before it is published.", err=True)


def _checked(document: Any) -> Parsed:
    """Read a settings document, and warn of what nobody knows in it whether or not it has errors."""
    try:
        return service.check_document(document, strict=False)
    finally:
        for warning in service.unknown_fields(document):
            click.echo(f"Warning: {warning}", err=True)


def _print_changes(comparison: Comparison, version: int) -> None:
    if comparison.nothing:
        click.echo(f"Nothing would change: version {version} holds the same.")
        return
    click.echo(f"Against version {version}:")
    for target in comparison.added:
        click.echo(f"  new      {_named(target)}")
    for changed in comparison.changed:
        click.echo(f"  changed  {_named(changed.target)}: {', '.join(changed.fields)}")
    for target in comparison.removed:
        click.echo(f"  removed  {_named(target)}")
    if comparison.switches:
        click.echo(f"  switches {', '.join(comparison.switches)}")


def _named(target: Target) -> str:
    return f"{target} (exact name)" if "*" in target.text and not target.nested else target.text
