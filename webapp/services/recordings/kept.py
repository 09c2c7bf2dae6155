"""Recordings as they are kept: listed, opened, deleted, and put right after a crash."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from sqlalchemy import select

from ...inspector.filters import Filter, FilterError, read_filter
from ...inspector.playback import count_entries, head_of, whole
from ...inspector.recording import End, EndedBy, EndLine, written
from ...models import Action, Recording, Source, Workspace, now
from .. import audit
from ..errors import Conflict, NotFound
from ..transactions import reading, writing
from .files import note, path_of
from .running import running

_log = logging.getLogger("tidegate.recordings")


@dataclass(frozen=True, slots=True)
class Shown:
    """A recording as it stands now. Sizes are in bytes; ``missed`` is what passed too fast to be read."""

    id: int
    name: str
    wanted: Filter
    started_by: str
    started_at: datetime
    ended_at: datetime | None
    ended_by: EndedBy | None
    lines: int
    size: int
    missed: int
    most_bytes: int
    most_seconds: int
    seconds_left: float

    @property
    def is_running(self) -> bool:
        return self.ended_by is None


def list_all(workspace: Workspace) -> list[Shown]:
    """List a workspace's recordings, newest first, with the counts of this moment."""
    query = select(Recording).where(Recording.workspace_id == workspace.id).order_by(Recording.id.desc())
    with reading() as session:
        rows: Sequence[Recording] = session.scalars(query).all()
    return [_shown(row) for row in rows]


def show(workspace: Workspace, recording_id: int) -> Shown:
    """Return one with the counts of this moment.

    Raises:
        NotFound: there is none.
    """
    return _shown(get(workspace, recording_id))


def get(workspace: Workspace, recording_id: int) -> Recording:
    """Return a recording's row.

    Raises:
        NotFound: there is none.
    """
    with reading() as session:
        row = session.get(Recording, recording_id)
    if row is None or row.workspace_id != workspace.id:
        raise NotFound("There is no such recording.")
    return row


def opened(workspace: Workspace, recording_id: int) -> BinaryIO:
    """Open a recording's file for reading.

    Raises:
        NotFound: there is no such recording, or its file is gone, or is another's (after a backup was restored).
    """
    row = get(workspace, recording_id)
    try:
        file = path_of(row.id).open("rb")
    except OSError:
        raise NotFound("The file of this recording is gone.") from None
    head = head_of(file)
    if head is None or (head.workspace, head.started_at) != (workspace.canonical, row.started_at.isoformat()):
        file.close()
        raise NotFound("The file of this recording is gone.")
    return file


def _shown(row: Recording) -> Shown:
    try:
        wanted = read_filter(row.filter)
    except FilterError:
        wanted = Filter()
    mine = running().get(row.id)
    recorder = mine.recorder if mine is not None and row.ended_by is None else None
    return Shown(
        id=row.id,
        name=row.name,
        wanted=wanted,
        started_by=row.started_by,
        started_at=row.started_at,
        ended_at=row.ended_at,
        ended_by=EndedBy(row.ended_by) if row.ended_by is not None else None,
        lines=recorder.lines if recorder is not None else row.lines,
        size=recorder.size if recorder is not None else row.bytes,
        missed=recorder.missed if recorder is not None else row.missed,
        most_bytes=row.most_bytes,
        most_seconds=row.most_seconds,
        seconds_left=recorder.seconds_left if recorder is not None else 0.0,
    )


def delete(
    workspace: Workspace, recording_id: int, *, author: str, source: Source | str, address: str | None = None
) -> None:
    """Delete a recording with its file, for good.

    Raises:
        NotFound: there is none.
        Conflict: it still runs.
    """
    with writing() as session:
        row = session.get(Recording, recording_id)
        if row is None or row.workspace_id != workspace.id:
            raise NotFound("There is no such recording.")
        if row.id in running():
            raise Conflict("It is still running: stop it first.")
        session.delete(row)
        before = {"name": row.name, "lines": row.lines, "bytes": row.bytes, "started_by": row.started_by}
        audit.record(
            session,
            Action.RECORDING_DELETE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=before,
            address=address,
        )
    path_of(recording_id).unlink(missing_ok=True)


# After a crash


def take_stock() -> list[int]:
    """Mark what was running when the server was killed as ended; returns the numbers, for :func:`put_right`."""
    with writing() as session:
        rows = session.scalars(select(Recording).where(Recording.ended_by.is_(None))).all()
        for row in rows:
            row.ended_by = EndedBy.RESTART.value
            row.ended_at = _last_written(row)
            after = {"name": row.name, "ended_by": row.ended_by}
            note(session, Action.RECORDING_STOP, row, after, author="system", source=Source.SYSTEM)
        return [row.id for row in rows]


def put_right(numbers: Sequence[int]) -> None:
    """Cut the files of recordings that a crash ended after their last whole line, and count what is in them."""
    for number in numbers:
        try:
            _put_right(number)
        except OSError as error:
            _log.warning("the recording %d could not be put right: %s", number, error)


def _put_right(number: int) -> None:
    with reading() as session:
        row = session.get(Recording, number)
    if row is None:
        return
    with path_of(number).open("r+b") as file:
        size = whole(file)
        lines = count_entries(file)
        file.truncate(size)
        file.seek(size)
        end = End(EndedBy.RESTART, (row.ended_at or now()).isoformat(), lines, row.missed)
        size += file.write(written(EndLine(end)))
    with writing() as session:
        row = session.get(Recording, number)
        if row is not None:
            row.lines, row.bytes = lines, size


def _last_written(row: Recording) -> datetime:
    try:
        return max(datetime.fromtimestamp(path_of(row.id).stat().st_mtime, UTC), row.started_at)
    except OSError:
        return now()
