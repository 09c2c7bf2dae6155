"""docs/settings.md and docs/cli.md name every setting and every command with its options."""

import re
from collections.abc import Iterator
from pathlib import Path

import click

from webapp.cli import tidegate
from webapp.config import setting_infos
from webapp.services import decisions

DOCS = Path(__file__).resolve().parents[2] / "docs"


def documented_settings() -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^\| `(TIDEGATE_\w+)` \| (.*?) \| (.*?) \|$", (DOCS / "settings.md").read_text(), re.MULTILINE)
    return {name: (default.strip("`"), text) for name, default, text in rows}


def commands(group: click.Group = tidegate, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if name == "db":  # Flask-Migrate's own; the page names the one that is needed
            continue
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield prefix + name, command


def test_every_setting_is_documented_with_its_default() -> None:
    assert documented_settings() == {info.variable: (info.default, info.help) for info in setting_infos()}


def test_every_command_is_documented_with_its_options() -> None:
    sections = dict(
        re.findall(r"^### `tidegate ([a-z -]+?)(?: [A-Z\[][^`\n]*)?`$(.*?)(?=^##|\Z)", _cli(), re.MULTILINE | re.DOTALL)
    )
    found = dict(commands())
    assert all(f"`{operation}`" in sections["decide"] for operation in decisions.OPERATIONS)
    assert set(sections) == {*found, "db upgrade"}
    for name, command in found.items():
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert f"`{parameter.opts[0]}" in sections[name], (name, parameter.opts)
            else:
                assert (parameter.metavar or parameter.name or "").upper() in _cli(), name


def _cli() -> str:
    return (DOCS / "cli.md").read_text()
