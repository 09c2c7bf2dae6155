"""The tables: on the terminal and in RESULTS.md, the same Markdown."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import ModuleType

from bench.machine import LOAD_CORE, SERVER_CORE, describe
from bench.results import Results
from bench.targets import TIDEGATE, judge

_MORE_IS_BETTER = {"clients/s/core"}
_HOW = f"""\
Servers are pinned to core {SERVER_CORE}, the load generator to core {LOAD_CORE}; everything goes over loopback.
Each figure is the median of the rounds and, in brackets, their range; in a round all servers take their turn, and
*Tidegate ÷* divides figures of the same round (below 1 Tidegate is cheaper). CPU is the scheduler's account of the
processes that serve; a gunicorn or nginx master is not one of them. What each scenario does, and what counts as in
flight, is said in the docstrings of `bench/scenarios/` and `bench/traffic.py`."""


def render(results: Results, scenarios: Sequence[ModuleType], rows: Sequence[str], versions: Mapping[str, str]) -> str:
    """The whole report."""
    parts = ["# Benchmark results", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {describe()}.", _HOW]
    parts.append("\n".join(f"- {name}: {text}" for name, text in versions.items()))
    verdicts = judge(results)
    if verdicts:
        lines = [[v.target, v.measured, v.word] for v in verdicts]
        parts += ["## Targets", _table(["target", "measured", ""], lines)]
    for scenario in scenarios:
        if scenario.NAME in results.scenarios():
            parts += [f"## {scenario.TITLE}", _scenario(results, scenario, rows)]
    return "\n\n".join(parts) + "\n"


def _scenario(results: Results, scenario: ModuleType, rows: Sequence[str]) -> str:
    """A scenario's table: a row a server, and for each variant its figure and Tidegate's ratio to it."""
    name = scenario.NAME
    variants = results.variants(name)
    known = [row for (scenario_, _variant, row) in results.rounds if scenario_ == name]
    noted = [row for (scenario_, row) in results.notes if scenario_ == name]
    order = [row for row in dict.fromkeys([*rows, *known, *noted]) if row in {*known, *noted}]
    compared = {v for v in variants if v not in _MORE_IS_BETTER and (name, v, TIDEGATE) in results.rounds}
    head = [scenario.UNIT]
    for variant in variants:
        head += [variant, "Tidegate ÷"] if variant in compared else [variant]
    lines = []
    for row in order:
        line = [row]
        for variant in variants:
            line.append(str(results.figure(name, variant, row) or "–"))
            if variant in compared:
                ratio = results.ratio(name, (variant, TIDEGATE), (variant, row))
                line.append("" if row == TIDEGATE else str(ratio or "–"))
        if (name, row) in results.notes:
            line[0] += " \\*"
        lines.append(line)
    notes = [f"\\* {row}: {results.notes[name, row]}" for row in order if (name, row) in results.notes]
    return "\n\n".join([_table(head, lines), *notes])


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table, padded so that it reads well as it stands."""
    cells = [[cell.replace("|", "/") for cell in line] for line in (head, *lines)]
    widths = [max(3, *(len(line[column]) for line in cells)) for column in range(len(head))]
    rule = ["-" * width for width in widths]
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in [padded[0], rule, *padded[1:]])
