"""Recordings: begin, stop, list, download, delete."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from flask import Response, abort, flash, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ...inspector.capture import Mode
from ...inspector.playback import whole
from ...inspector.recording import EndedBy
from ...models import RoleName
from ...services import recordings
from ...services.errors import Conflict, InvalidInput, NotFound
from ...services.recordings import MEBIBYTE
from .. import refusals
from ..access import authorship, current_workspace, holds, may_edit, needs_developer, signed_in
from ..forms import show_problems
from ..htmx import go_to
from .blueprint import blueprint, live, sees_payloads
from .recording_forms import RecordingForm

Answer = str | BaseResponse | tuple[str, int]
CHUNK = 256 * 1024
MIMETYPE = "application/jsonl"
ENDED = {
    EndedBy.STOPPED: "stopped",
    EndedBy.TIME: "its time was over",
    EndedBy.SIZE: "its size was reached",
    EndedBy.DISK: "it could not be written any more",
    EndedBy.SHUTDOWN: "the server was stopped",
    EndedBy.RESTART: "cut off: the server was killed",
    EndedBy.FAULT: "a fault; the server's log says which",
}
"""Why a recording ended, in words."""
NO_SERVER = "No realtime server runs in this process, so nothing passes here that could be recorded."


@blueprint.get("/recordings", endpoint="recordings")
def page() -> str:
    """List the recordings, with a form that begins one; the inspector's filter in the address prefills it."""
    form = RecordingForm(formdata=None)
    form.prefill(request.args)
    return _page(form, begun=bool(request.args))


@blueprint.post("/recordings")
@needs_developer
def start_recording() -> Answer:
    """Begin a recording."""
    form = RecordingForm()
    left: list[str] = []
    status = 422
    if form.validate():
        try:
            begun = recordings.start(
                current_workspace(),
                name=form.name.data,
                wanted=form.wanted,
                mebibytes=form.mebibytes.data,
                minutes=form.minutes.data,
                sees_payloads=sees_payloads(),
                **authorship(),
            )
        except InvalidInput as error:
            left = show_problems(form, error)
        except Conflict as error:
            left, status = show_problems(form, error), 409
        else:
            flash(f"Recording: {begun.name}.", "ok")
            return go_to(url_for("inspector.recordings"))
    return _page(form, begun=True, problem=" ".join(left)), status


@blueprint.get("/recordings/<int:recording_id>")
def recording_row(recording_id: int) -> str:
    """One row of the list, which asks for itself again while it runs."""
    try:
        one = recordings.show(current_workspace(), recording_id)
    except NotFound:
        abort(404)
    return render_template("inspector/recordings_row.html", one=one, **_words())


@blueprint.post("/recordings/<int:recording_id>/stop")
@needs_developer
def stop_recording(recording_id: int) -> BaseResponse:
    """End a recording now."""
    try:
        recordings.stop(current_workspace(), recording_id, **authorship())
    except NotFound:
        abort(404)
    except Conflict as error:
        flash(str(error), "warn")
    return go_to(url_for("inspector.recordings"))


@blueprint.post("/recordings/<int:recording_id>/delete")
@needs_developer
def delete_recording(recording_id: int) -> BaseResponse:
    """Delete a recording: editors any, others their own."""
    try:
        row = recordings.get(current_workspace(), recording_id)
        if not may_delete(row):
            refusals.note("neither an editor nor who began this recording")
            abort(403)
        recordings.delete(current_workspace(), recording_id, **authorship())
    except NotFound:
        abort(404)
    except Conflict as error:
        flash(str(error), "warn")
    else:
        flash(f"Deleted: {row.name}.", "ok")
    return go_to(url_for("inspector.recordings"))


@blueprint.get("/recordings/<int:recording_id>/download")
@needs_developer
def download_recording(recording_id: int) -> Response:
    """The file as it is; of one that still runs, what it holds by now."""
    file = file_of(recording_id)
    row = recordings.get(current_workspace(), recording_id)
    size = whole(file)
    words = re.sub(r"[^A-Za-z0-9]+", "-", row.name)[:40].strip("-").lower()
    name = "-".join(part for part in (current_workspace().canonical, "recording", str(row.id), words) if part)
    response = Response(_chunks(file, size), mimetype=MIMETYPE)
    response.call_on_close(file.close)
    response.content_length = size
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.jsonl"'
    response.headers["Cache-Control"] = "no-store"
    return response


def file_of(recording_id: int) -> BinaryIO:
    """Open a recording's file for reading; 404 where there is none."""
    try:
        return recordings.opened(current_workspace(), recording_id)
    except NotFound:
        abort(404)


def may_delete(one: Any) -> bool:
    """Whether a recording may be deleted by who asks."""
    return may_edit() or (holds(RoleName.DEVELOPER) and one.started_by == signed_in().username)


def _chunks(file: BinaryIO, size: int) -> Iterator[bytes]:
    file.seek(0)
    while size > 0 and (data := file.read(min(CHUNK, size))):
        size -= len(data)
        yield data


def _page(form: RecordingForm, *, begun: bool, problem: str = "") -> str:
    found = live()
    every = recordings.list_all(current_workspace())
    capture = found[1].captured.capture if found is not None else None
    keeps = found is not None and found[1].keeps_frames
    return render_template(
        "inspector/recordings.html",
        form=form,
        begun=begun or not every,
        problem=problem,
        every=every,
        total=sum(one.size for one in every),
        kept_most=recordings.KEPT_MOST,
        is_running=found is not None,
        no_server=NO_SERVER,
        has_payloads=keeps,
        is_off=not keeps and capture is not None and capture.mode is Mode.OFF,
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {"ended": ENDED, "may_delete": may_delete, "in_mebibytes": in_mebibytes, "time_left": time_left}


def in_mebibytes(size: int) -> str:
    """Write a number of bytes for people."""
    if size < MEBIBYTE:
        return f"{-(-size // 1024):,} KiB"
    return f"{size / MEBIBYTE:,.1f} MiB"


def time_left(seconds: float) -> str:
    """Say how long something still lasts."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
