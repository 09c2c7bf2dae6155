"""Recordings of what passes.

A row says what a recording is, a file beside the database (``<instance>/recordings/<number>.jsonl``) holds it. What
runs is known to the process that serves; a row that says otherwise after a crash is put right at the next start.
"""

from .kept import Shown, delete, get, list_all, opened, put_right, show, take_stock
from .running import (
    KEPT_MOST,
    MEBIBYTE,
    MEBIBYTES_MOST,
    MEBIBYTES_USUAL,
    MINUTES_MOST,
    MINUTES_USUAL,
    RUNNING_MOST,
    end_all,
    start,
    stop,
)

__all__ = [
    "KEPT_MOST",
    "MEBIBYTE",
    "MEBIBYTES_MOST",
    "MEBIBYTES_USUAL",
    "MINUTES_MOST",
    "MINUTES_USUAL",
    "RUNNING_MOST",
    "Shown",
    "delete",
    "end_all",
    "get",
    "list_all",
    "opened",
    "put_right",
    "show",
    "start",
    "stop",
    "take_stock",
]
