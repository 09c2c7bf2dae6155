"""The audit log as files: CSV for people with a spreadsheet, JSON lines for programs."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any

from ...models import AuditEntry
from .telling import told_plainly

COLUMNS = ("id", "at", "actor", "source", "action", "what", "reason", "address", "before", "after")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With one of these at its beginning a cell is taken for a formula by some programs, and run."""


def as_csv(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Write a line for each entry, after one with the names of the columns."""
    yield _line(COLUMNS)
    for entry in entries:
        row = _row(entry)
        yield _line([_cell(row[column]) for column in COLUMNS])


def as_json_lines(entries: Iterable[AuditEntry]) -> Iterator[str]:
    """Write a JSON object a line for each entry."""
    for entry in entries:
        yield json.dumps(_row(entry), ensure_ascii=False) + "\n"


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "source": entry.source,
        "action": entry.action,
        "what": told_plainly(entry),
        "reason": entry.reason,
        "address": entry.address,
        "before": entry.before,
        "after": entry.after,
    }


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(FORMULA) else text


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
