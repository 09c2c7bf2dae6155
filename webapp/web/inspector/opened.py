"""Recordings opened again: their lines by pages, filtered as live traffic is, and the whole way of each.

A stored one is read from its file. One that somebody brings stays in the browser: it sends the part that it shows,
which is checked line by line, and nothing of it is kept.
"""

from typing import Any, BinaryIO

from flask import abort, render_template, request, url_for
from werkzeug.datastructures import FileStorage

from ...inspector.filters import Filter
from ...inspector.playback import Page, check_part, entry_at, page_before, page_from
from ...inspector.recording import Entry, NotALine, checked
from ...inspector.traces import Route
from ...services import recordings
from ..access import current_workspace, needs_developer
from ..htmx import htmx
from .blueprint import blueprint
from .recordings import ENDED, Answer, file_of, in_mebibytes
from .views import filter_shown, look_shown

PART_MOST = 3 * 1024 * 1024
"""Bytes of a brought file that are looked at in one request."""
PLACE_DIGITS = 15


@blueprint.get("/recordings/<int:recording_id>/open")
@needs_developer
def open_recording(recording_id: int) -> str:
    """Show lines of a recording from a place on (``page``), or before one (``before``).

    A place is where in the file a line begins; ``selected`` is that of the line whose way is shown.
    """
    with file_of(recording_id) as file:
        row = recordings.show(current_workspace(), recording_id)
        chosen = _place("selected")
        entry = entry_at(file, chosen) if chosen is not None else None

        def page_at(**arguments: Any) -> str:
            return url_for("inspector.open_recording", recording_id=recording_id, **arguments)

        asked = filter_shown() | {"page_at": page_at, "is_recorded": True}
        look = _look(str(chosen), entry.route) if entry is not None else _look("", None)
        if htmx.partial and htmx.target == "look":
            return render_template("inspector/_look.html", **asked, **look)
        shown = _read(file, asked["wanted"])

    def line_at(place: int) -> str:
        return page_at(**_kept(asked["wanted"]), page=shown.begins, selected=place)

    return render_template(
        "inspector/recordings_open.html",
        one=row,
        page=shown,
        line_at=line_at,
        to=_turning(shown, page_at, asked["wanted"]),
        ended=ENDED,
        in_mebibytes=in_mebibytes,
        **asked,
        **look,
    )


@blueprint.get("/recordings/file")
@needs_developer
def open_file() -> str:
    """The page on which a downloaded recording is opened."""
    asked = _asked_of_file()
    if htmx.partial and htmx.target == "filter":
        return render_template("inspector/_filter.html", **asked)
    return render_template("inspector/recordings_file.html", part_most=PART_MOST, **asked, **_look("", None))


@blueprint.post("/recordings/file")
@needs_developer
def lines_of_file() -> Answer:
    """Check a part of a brought file and show its lines; ``place`` and ``first`` say where in the file it begins."""
    asked = _asked_of_file()
    place, first = _place("place") or 0, max(_place("first") or 1, 1)
    part = check_part(_uploaded("part"), place, first, asked["wanted"])
    status = 422 if part.problem and not part.lines else 200
    return render_template("inspector/recordings_part.html", part=part, ended=ENDED, **asked), status


@blueprint.post("/recordings/look")
@needs_developer
def look_at_line() -> Answer:
    """Check one line of a brought file and show its whole way."""
    try:
        item = checked(_uploaded("part").rstrip(b"\n"))
        if not isinstance(item, Entry):
            raise NotALine("It holds no record.")
    except NotALine as error:
        abort(422, f"That is no line of a recording: {error}")
    return render_template("inspector/_look.html", **_asked_of_file(), **_look(item.line.id, item.route))


def _asked_of_file() -> dict[str, Any]:
    def page_at(**arguments: Any) -> str:
        return url_for("inspector.open_file", **arguments)

    # Nothing can be done with what a file says: the server itself may know something else by the same number.
    return filter_shown() | {"page_at": page_at, "is_recorded": True, "is_brought": True}


def _look(chosen: str, route: Route | None) -> dict[str, Any]:
    return look_shown(chosen, route)


def _read(file: BinaryIO, wanted: Filter) -> Page:
    before = _place("before")
    return page_before(file, before, wanted) if before is not None else page_from(file, _place("page") or 0, wanted)


def _kept(wanted: Filter) -> dict[str, str]:
    return wanted.arguments()


def _turning(page: Page, page_at: Any, wanted: Filter) -> dict[str, str | None]:
    """The addresses of the neighbouring pages, None where there is none."""
    kept = _kept(wanted)
    return {
        "first": page_at(**kept) if page.has_earlier else None,
        "earlier": page_at(**kept, before=page.begins) if page.has_earlier else None,
        "later": page_at(**kept, page=page.ends) if page.has_later else None,
        "last": page_at(**kept, before=page.size) if page.has_later else None,
    }


def _place(name: str) -> int | None:
    """Read a place in a file from the address or the form; None where there is none."""
    given = request.values.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= PLACE_DIGITS else None


def _uploaded(name: str) -> bytes:
    given: FileStorage | None = request.files.get(name)
    if given is None:
        return b""
    data: bytes = given.read(PART_MOST + 1)
    given.close()
    if len(data) > PART_MOST:
        abort(413)
    return data
