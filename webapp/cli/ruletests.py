"""Tests of rules as files, and rules held against them."""

from collections.abc import Sequence

import click
from flask.cli import AppGroup

from ..core.ruleset import RuleSet
from ..models import Workspace
from ..services import decisions
from ..services import ruletests as service
from ..services.ruletests import Spec
from .files import read_document, write_document
from .group import SOURCE, author, count, unmarked, workspace_named, workspace_option
from .live import harmless

tests = AppGroup("tests", help="The workspace's saved rule tests as a file (JSON or YAML).")


@tests.command("export")
@click.argument("file", default="-")
@workspace_option
def export(file: str, canonical: str) -> None:
    """Write the saved tests to FILE, or to the output."""
    workspace = workspace_named(canonical)
    rows = [service.row(test) for test in service.list_all(workspace)]
    write_document(file, rows)
    if file != "-":
        click.echo(f"{count(len(rows), 'test')} in {file}.", err=True)


@tests.command("apply")
@click.argument("file")
@workspace_option
def apply(file: str, canonical: str) -> None:
    """Make the saved tests those that FILE holds: new ones are added, those that are not in it are deleted."""
    specs = service.read_specs(read_document(file))
    added, removed = service.replace_all(workspace_named(canonical), specs, author=author(), source=SOURCE)
    click.echo(f"{count(len(specs), 'test')}: {added} added, {removed} deleted.")


def hold_against(workspace: Workspace, rules: RuleSet, file: str | None) -> bool:
    """Run the saved tests, or those of a file, tell each that fails with the step that decided; whether all hold."""
    specs: Sequence[Spec] = service.read_specs(read_document(file)) if file is not None else _saved(workspace)
    failed = [outcome for outcome in service.run_given(workspace, rules, specs) if not outcome.passed]
    for outcome in failed:
        decision = outcome.decision
        verdict = "allowed" if decision.allowed else f"denied: {decision.code}"
        click.echo(harmless(f"fails    {outcome.test.name}"))
        click.echo(harmless(f"         {verdict}. {unmarked(decisions.deciding_step(decision).sentence)}"))
    if specs:
        click.echo(
            f"{count(len(specs), 'test')}, {len(failed)} failed."
            if failed
            else f"{count(len(specs), 'test')}, all hold."
        )
    return not failed


def _saved(workspace: Workspace) -> list[Spec]:
    return service.read_specs([service.row(test) for test in service.list_all(workspace)])
