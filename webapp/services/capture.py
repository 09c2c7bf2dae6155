"""What the inspector captures: nothing, metadata, or for a stated time payloads too."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..inspector.capture import Mode
from ..models import Action, Source, Workspace, now
from . import audit
from .errors import InvalidInput
from .live import refresh
from .transactions import locked, writing

SECONDS_MOST = 24 * 3600
FIELDS_MOST = 100
FIELD_LENGTH_MOST = 100
LOOKED_THROUGH = 50
"""Entries of the audit log that are looked through for who switched full capture on."""


@dataclass(frozen=True, slots=True)
class State:
    """What is captured now. While ``mode`` is full it ends at ``until``, and ``base`` holds again."""

    mode: Mode
    base: Mode
    until: datetime | None = None
    by: str = ""

    @property
    def is_full(self) -> bool:
        return self.mode is Mode.FULL


def state(workspace: Workspace) -> State:
    """Say what a workspace captures at this moment."""
    base = Mode(workspace.capture_mode)
    until = workspace.capture_until
    if until is None or until <= now():
        return State(base, base)
    return State(Mode.FULL, base, until, _switched_on_by(workspace, until))


def start(
    workspace: Workspace, seconds: int, *, author: str, source: Source | str, address: str | None = None
) -> State:
    """Capture payloads from now on until so many seconds have passed, whatever was said before.

    Raises:
        InvalidInput: a time that can't be taken.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= SECONDS_MOST:
        raise InvalidInput({"seconds": f"Expected a whole number of seconds from 1 to {SECONDS_MOST} (24 hours)."})
    until = now() + timedelta(seconds=seconds)
    return state(_set(workspace, author, source, address, capture_until=until))


def stop(workspace: Workspace, *, author: str, source: Source | str, address: str | None = None) -> bool:
    """Capture no more payloads; returns whether any were captured until now."""
    if not state(workspace).is_full:
        return False
    _set(workspace, author, source, address, capture_until=None)
    return True


def configure(
    workspace: Workspace,
    *,
    base: Mode | str,
    redacted: list[str],
    author: str,
    source: Source | str,
    address: str | None = None,
) -> Workspace:
    """Set what is captured when payloads are not, and the fields whose values nobody is shown.

    Raises:
        InvalidInput: no such mode, or names that can't be taken.
    """
    if base not in (Mode.OFF, Mode.METADATA):
        raise InvalidInput({"base": "Expected `off` or `metadata`; payloads are captured for a stated time alone."})
    fields = checked_fields(redacted)
    return _set(workspace, author, source, address, capture_mode=Mode(base).value, redacted_fields=fields)


def checked_fields(names: object) -> list[str]:
    """Return names of fields as they are compared: in lower case, each once.

    Raises:
        InvalidInput: too many, too long, no texts.
    """
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidInput({"redacted": "Expected a list of names."})
    fields = sorted({name.strip().lower() for name in names if name.strip()})
    if len(fields) > FIELDS_MOST:
        raise InvalidInput({"redacted": f"At most {FIELDS_MOST} fields."})
    for name in fields:
        if len(name) > FIELD_LENGTH_MOST or not name.isprintable():
            raise InvalidInput({"redacted": f"A name has at most {FIELD_LENGTH_MOST} characters, all printable."})
    return fields


def _set(workspace: Workspace, author: str, source: Source | str, address: str | None, **changes: Any) -> Workspace:
    with writing() as session:
        row = locked(session, workspace.id)
        before = _row(row)
        for name, value in changes.items():
            setattr(row, name, value)
        after = _row(row)
        if after != before:
            row.generation += 1
            audit.record(
                session,
                Action.CAPTURE_SET,
                actor=author,
                source=source,
                workspace_id=row.id,
                before=before,
                after=after,
                address=address,
            )
    refresh(row.id)
    return row


def _row(row: Workspace) -> dict[str, Any]:
    is_full = row.capture_until is not None and row.capture_until > now()
    return {
        "mode": Mode.FULL.value if is_full else row.capture_mode,
        "until": row.capture_until.isoformat(timespec="seconds") if is_full and row.capture_until else None,
        "otherwise": row.capture_mode,
        "redacted_fields": list(row.redacted_fields),
    }


def _switched_on_by(workspace: Workspace, until: datetime) -> str:
    """Look up in the audit log who said that it is to last until then."""
    wanted = until.isoformat(timespec="seconds")
    for entry in audit.entries(workspace.id, action=Action.CAPTURE_SET, limit=LOOKED_THROUGH):
        after, before = entry.after or {}, entry.before or {}
        if after.get("until") == wanted and before.get("until") != wanted:
            return entry.actor
    return ""
