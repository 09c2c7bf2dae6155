"""The core is pure: it imports the standard library, RE2 and itself, and reads neither clock nor chance."""

import ast
import sys
from pathlib import Path

import webapp.core

CORE = Path(webapp.core.__file__).parent
MODULES = sorted(CORE.rglob("*.py"))
IMPURE = {"time", "datetime", "random", "secrets", "uuid", "os", "socket", "threading", "asyncio", "subprocess", "sys"}


def imported(module: Path) -> set[str]:
    """The top-level packages that a module imports; its own package as ``.``."""
    found = set()
    depth = len(module.relative_to(CORE).parts)
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            beyond = node.level > depth
            found.add("." * node.level if beyond else "." if node.level else str(node.module))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"__import__", "open", "exec", "eval"}, f"{module.name}:{node.lineno}"
    return {name if name.startswith((".", "webapp")) else name.partition(".")[0] for name in found}


def test_the_core_is_found() -> None:
    assert {"policy.py", "ruleset.py", "targets.py", "grants.py"} <= {module.name for module in MODULES}


def test_the_core_imports_the_standard_library_re2_and_itself() -> None:
    strangers = {
        f"{module.name}: {name}"
        for module in MODULES
        for name in imported(module)
        if name not in {".", "re2"} and not name.startswith("webapp.core") and name not in sys.stdlib_module_names
    }
    assert strangers == set()


def test_the_core_reads_neither_clock_nor_chance_nor_sockets() -> None:
    assert {f"{module.name}: {name}" for module in MODULES for name in imported(module) & IMPURE} == set()


def test_patterns_of_tokens_are_not_matched_by_the_backtracking_engine() -> None:
    assert "re" not in imported(CORE / "grants.py")
    assert "re2" in imported(CORE / "grants.py")
