"""Where recordings are kept, and who is written into the audit log for them."""

import os
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy.orm import Session

from ...config import Settings
from ...inspector.recorder import Out
from ...inspector.recording import FORMAT, Head, HeadLine, written
from ...models import Action, Recording, Source
from .. import audit
from ..errors import Conflict


def path_of(number: int) -> Path:
    """Return the file of a recording. It is named for its row: what people type never becomes a path."""
    return _folder() / f"{number}.jsonl"


def _folder() -> Path:
    settings: Settings = current_app.extensions["tidegate.settings"]
    return settings.instance / "recordings"


def new_file(row: Recording, canonical: str) -> Out:
    """Make the file of a recording, which only the server's user can read, with its first line.

    Raises:
        Conflict: it can't be made or written.
    """
    folder, path = _folder(), path_of(row.id)
    head = Head(FORMAT, row.name, canonical, row.filter, row.started_by, row.started_at.isoformat())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)  # the server's umask would take away even its own right to look into it
        path.unlink(missing_ok=True)  # of another recording of this number, from before a backup was restored
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            data = written(HeadLine(head))
            if os.write(descriptor, data) < len(data):
                raise OSError("There is no room for it.")
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Conflict(f"The recording's file can't be written: {error.strerror or error}.") from None
    return Out(descriptor, len(data))


def note(
    session: Session,
    action: Action,
    row: Recording,
    after: dict[str, Any],
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> None:
    """Note in the audit log what was done with a recording, in the caller's transaction."""
    audit.record(
        session, action, actor=author, source=source, workspace_id=row.workspace_id, after=after, address=address
    )
