"""The inspector's page, and the route of one message."""

import re
from datetime import UTC, datetime
from typing import Any

from flask import abort, render_template, request, url_for

from ...core.codes import Code
from ...inspector.filters import Action, Filter, FilterError, Verdict, read_filter
from ...inspector.route import Route
from ...inspector.viewer import BACKLOG
from .blueprint import blueprint, live, route_of
from .payloads import tree_of

_NUMBER = re.compile("[0-9]{15,20}")
NOTHING = "none"
"""What an address names to look at nothing: the pane as it is before something is chosen."""
ID_MOST = 20
"""Digits that an id can have."""


@blueprint.get("")
def page() -> str:
    """Show what passes. Filter, tab and the selected line stand in the address, so that it can be sent to others."""
    chosen = _reference(request.args.get("selected", ""))
    return render_template(
        "inspector/page.html",
        is_running=live() is not None,
        backlog=BACKLOG,
        **filter_shown(),
        **look_shown(chosen, _chosen(chosen)),
    )


@blueprint.get("/filter")
def filter_part() -> str:
    """Show the filter in the address as a form and as chips."""
    return render_template("inspector/_filter.html", **filter_shown())


@blueprint.get("/look/<record_id>")
def look(record_id: str) -> str:
    """Show the whole way of one message, refusal or happening."""
    if len(record_id) > ID_MOST:
        abort(404)
    record_id = "" if record_id == NOTHING else record_id
    return render_template("inspector/_look.html", **filter_shown(), **look_shown(record_id, _chosen(record_id)))


def filter_asked() -> tuple[Filter, FilterError | None]:
    """Read the filter in the address; where it can't be read, nothing is filtered and the problem is told."""
    try:
        return read_filter(request.args), None
    except FilterError as error:
        return Filter(), error


def filter_shown() -> dict[str, Any]:
    """What the templates need of the filter."""
    wanted, problem = filter_asked()
    return {
        "wanted": wanted,
        "problem": problem,
        "without": without,
        "page_at": page_at,
        "verdicts": list(Verdict),
        "actions": list(Action),
        "codes": list(Code),
    }


def look_shown(chosen: str, route: Route | None) -> dict[str, Any]:
    """What the right pane needs of a route."""
    found = live()
    return {
        "chosen": chosen,
        "route": route,
        "payload": tree_of(route.payload) if route is not None else None,
        "timed": route is not None and all(stage.at is not None for stage in route.stages),
        "kept": found[0].tap.kept.most if found is not None else 0,
    }


def page_at(**arguments: Any) -> str:
    """The address of the page that a filter is of; recordings have others."""
    return url_for("inspector.page", **arguments)


def without(wanted: Filter, name: str) -> dict[str, str]:
    """The arguments of a filter but for one."""
    return {key: value for key, value in wanted.arguments().items() if key != name}


def _reference(text: str) -> str:
    """Pick the number out of whatever somebody pasted, such as ``"ref": "17…"``."""
    text = text.strip()[:200]
    return max(_NUMBER.findall(text), key=len, default=text)


def _chosen(record_id: str) -> Route | None:
    return route_of(int(record_id)) if record_id.isdecimal() and len(record_id) <= ID_MOST else None


def utc(seconds: float) -> str:
    """Write a moment for machines."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def utc_words(seconds: float) -> str:
    """Write a moment to the millisecond, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"


def utc_clock(seconds: float) -> str:
    """Write the time of day to the millisecond, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:-3]


def took(milliseconds: float) -> str:
    """Write a time that something took."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.2f} ms"


@blueprint.record
def _add_filters(state: Any) -> None:
    state.app.jinja_env.filters.update(utc=utc, utc_clock=utc_clock, utc_words=utc_words, took=took)
