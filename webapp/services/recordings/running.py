"""Recordings while they run: begun and stopped by people, ended by themselves at their bounds."""

import logging
from dataclasses import dataclass, field
from typing import Any

import gevent
from flask import Flask, current_app
from gevent import Greenlet
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ...core.ruleset import RuleSet
from ...inspector.filters import Filter
from ...inspector.lines import Scribe
from ...inspector.recorder import Bounds, Out, Recorder
from ...inspector.recording import EndedBy
from ...inspector.traces import Tracer
from ...models import Action, Recording, Source, Workspace, now
from ...protocols import FACES
from ...realtime.server import Realtime
from ...realtime.workspace import Workspace as LiveWorkspace
from .. import live, rules
from ..errors import Conflict, InvalidInput, NotFound
from ..texts import checked_name
from ..transactions import locked, reading, writing
from .files import new_file, note, path_of

_log = logging.getLogger("tidegate.recordings")

MEBIBYTE = 1024 * 1024
MEBIBYTES_MOST = 1_000
MEBIBYTES_USUAL = 50
MINUTES_MOST = 24 * 60
MINUTES_USUAL = 15
RUNNING_MOST = 3
KEPT_MOST = 50
SAVE_INTERVAL = 5.0
"""Seconds between two notes of a running recording's counts, for the case that the server is killed."""
END_TIMEOUT = 10.0
EXTENSION = "tidegate.recordings"


@dataclass(slots=True)
class Running:
    """A recording that runs in this process. ``told_by`` says who told it to end, for the audit log."""

    recorder: Recorder
    task: "Greenlet[Any]"
    told_by: dict[str, Any] = field(default_factory=dict)


def start(
    workspace: Workspace,
    *,
    name: str,
    wanted: Filter,
    mebibytes: int,
    minutes: int,
    sees_payloads: bool,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> Recording:
    """Begin a recording of what passes from now on, with payloads where they are captured and the author sees them.

    Raises:
        InvalidInput: the name or a bound can't be taken.
        Conflict: no server runs here, too many run or are kept, or its file can't be made.
    """
    name = checked_name(name)
    for given, value, most in (("mebibytes", mebibytes, MEBIBYTES_MOST), ("minutes", minutes, MINUTES_MOST)):
        if not 1 <= value <= most:
            raise InvalidInput({given: f"From 1 to {most:,}."})
    realtime, place = _server(workspace)
    row = Recording(
        workspace_id=workspace.id,
        name=name,
        filter=wanted.arguments(),
        most_bytes=mebibytes * MEBIBYTE,
        most_seconds=minutes * 60,
        started_by=author,
        started_at=now(),
        lines=0,
        bytes=0,
        missed=0,
    )
    after = {"name": name, "filter": row.filter, "mebibytes": mebibytes, "minutes": minutes}
    out: Out | None = None
    try:
        with writing() as session:
            locked(session, workspace.id)
            _check_room(session, workspace.id)
            session.add(row)
            session.flush()
            note(session, Action.RECORDING_START, row, after, author=author, source=source, address=address)
            out = new_file(row, workspace.canonical)
            row.bytes = out.size
    except BaseException:
        if out is not None:
            out.close()
            path_of(row.id).unlink(missing_ok=True)
        raise
    scribe = Scribe(place, sees_payloads=sees_payloads)

    def rules_of(version: int) -> RuleSet | None:
        return place.rules_of(version) or rules.rules_of(workspace, version)

    tracer = Tracer(scribe, realtime.tap, FACES)
    bounds = Bounds(row.most_bytes, row.most_seconds)
    recorder = Recorder(realtime.tap, scribe, tracer, wanted.matcher(), rules_of, out, bounds)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    realtime.watch()
    running()[row.id] = Running(recorder, gevent.spawn(_run, app, row.id, recorder, realtime))
    return row


def _server(workspace: Workspace) -> tuple[Realtime, LiveWorkspace]:
    realtime = live.running()
    place = realtime.workspace(workspace.canonical) if realtime is not None else None
    if realtime is None or place is None:
        raise Conflict("No realtime server runs in this process: there is nothing to record.")
    return realtime, place


def _check_room(session: Session, workspace_id: int) -> None:
    mine = select(func.count()).where(Recording.workspace_id == workspace_id)
    if (session.scalar(mine.where(Recording.ended_by.is_(None))) or 0) >= RUNNING_MOST:
        raise Conflict(f"{RUNNING_MOST} recordings are running, which is as many as may: stop one first.")
    if (session.scalar(mine) or 0) >= KEPT_MOST:
        oldest = session.scalar(
            select(Recording.name).where(Recording.workspace_id == workspace_id).order_by(Recording.id)
        )
        raise Conflict(
            f"{KEPT_MOST} recordings are kept, which is as many as may: delete one first. The oldest is “{oldest}”."
        )


def _run(app: Flask, row_id: int, recorder: Recorder, realtime: Realtime) -> None:
    """Look after a recording until it ends, and keep its row."""
    with app.app_context():
        saving = gevent.spawn(_save_now_and_then, app, row_id, recorder)
        ended_by = recorder.run()
        saving.kill()
        told_by = running()[row_id].told_by or {"author": "system", "source": Source.SYSTEM}
        try:
            _ended(row_id, recorder, ended_by, **told_by)
        except Exception:
            _log.exception("the end of a recording could not be noted")
        finally:
            del running()[row_id]
            realtime.unwatch()


def _save_now_and_then(app: Flask, row_id: int, recorder: Recorder) -> None:
    with app.app_context():
        while True:
            gevent.sleep(SAVE_INTERVAL)
            try:
                _save(row_id, recorder)
            except Exception:
                _log.exception("the counts of a recording could not be saved; trying again")


def _save(row_id: int, recorder: Recorder) -> None:
    with writing() as session:
        row = session.get(Recording, row_id)
        if row is not None and row.ended_by is None:
            row.lines, row.bytes, row.missed = recorder.lines, recorder.size, recorder.missed


def _ended(row_id: int, recorder: Recorder, ended_by: EndedBy, **told_by: Any) -> None:
    with writing() as session:
        row = session.get(Recording, row_id)
        if row is None:
            return
        row.lines, row.bytes, row.missed = recorder.lines, recorder.size, recorder.missed
        row.ended_at, row.ended_by = now(), ended_by.value
        after = {"name": row.name, "ended_by": ended_by.value, "lines": row.lines, "missed": row.missed}
        if recorder.problem:
            after["problem"] = recorder.problem
        note(session, Action.RECORDING_STOP, row, after, **told_by)


def stop(
    workspace: Workspace, recording_id: int, *, author: str, source: Source | str, address: str | None = None
) -> None:
    """End a recording, with all that has passed so far in it.

    Raises:
        NotFound: there is none.
        Conflict: it has ended already, or does not want to end.
    """
    with reading() as session:
        row = session.get(Recording, recording_id)
    if row is None or row.workspace_id != workspace.id:
        raise NotFound("There is no such recording.")
    mine = running().get(row.id)
    if mine is None:
        raise Conflict("It has ended already.")
    mine.told_by = mine.told_by or {"author": author, "source": source, "address": address}
    mine.recorder.stop(EndedBy.STOPPED)
    mine.task.join(END_TIMEOUT)
    if not mine.task.dead:
        raise Conflict("It is told to end and still writes: look again in a moment.")


def end_all(timeout: float) -> None:
    """End what runs in this process, which is about to end itself; ``timeout`` is in seconds."""
    everything = list(running().values())
    for one in everything:
        one.recorder.stop(EndedBy.SHUTDOWN)
    gevent.joinall([one.task for one in everything], timeout)


def running() -> dict[int, Running]:
    """What runs in this process, by the number of its row."""
    found: dict[int, Running] = current_app.extensions.setdefault(EXTENSION, {})
    return found
