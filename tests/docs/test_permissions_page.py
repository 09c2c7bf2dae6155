"""docs/permissions.md names every code, box, operation and grant permission, each with the sentence the code has."""

import re
from pathlib import Path

import pytest

from webapp.core.codes import CloseCode, Code
from webapp.core.permissions import HISTORY_DEPTHS, GrantPermission, Operation, Permission
from webapp.core.ruleset import Switches

ROOT = Path(__file__).resolve().parents[2]
SWITCHES = tuple(Switches.__dataclass_fields__)
PAGE = (ROOT / "docs/permissions.md").read_text()
ROWS = {cells[0]: cells[1:] for cells in re.findall(r"^\| `?(\w+)`? \| (.+?) \|(?: (yes|no) \|)?$", PAGE, re.MULTILINE)}


@pytest.mark.parametrize("code", Code)
def test_codes(code: Code) -> None:
    assert ROWS[code.value][0] == code.sentence


@pytest.mark.parametrize("code", CloseCode)
def test_close_codes(code: CloseCode) -> None:
    assert ROWS[str(int(code))] == (code.meaning.sentence, "yes" if code.meaning.sdk_reconnects else "no")


@pytest.mark.parametrize("name", [*HISTORY_DEPTHS, "history_events"])
def test_history(name: int | str) -> None:
    assert re.search(rf"\b{name}\b", PAGE.partition("## History")[2].partition("\n## ")[0])


@pytest.mark.parametrize("name", SWITCHES)
def test_switches(name: str) -> None:
    assert re.search(rf"^\| `{name}` \| {'on' if getattr(Switches(), name) else 'off'} \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("name", [*Permission, *Operation, *GrantPermission])
def test_names(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_no_code_is_there_that_is_no_more() -> None:
    known = {*map(str, Code), *(str(int(code)) for code in CloseCode), *map(str, Permission), *SWITCHES}
    documented = set(re.findall(r"^\| `?([a-z0-9_]+)`? \| .+ \|$", PAGE, re.MULTILINE))
    assert documented - known <= {"box", "target", "code", "lobby", "switch"}


@pytest.mark.parametrize("link", re.findall(r"\]\(((?!http)[^)#]+)\)", (ROOT / "README.md").read_text()))
def test_links_of_the_readme_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists() or link == "bench/RESULTS.md"
