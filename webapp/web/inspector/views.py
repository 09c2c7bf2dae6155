"""The inspector's page, and the route of one message."""

from flask import render_template, request

from ...inspector.filters import Filter, FilterError, read_filter
from ...inspector.traces import Route
from .blueprint import blueprint, route_of


@blueprint.get("")
def page() -> str:
    """Show what passes. Filter, tab and the selected line stand in the address, so that it can be sent to others."""
    wanted, problem = filter_asked()
    chosen = request.args.get("selected", "")
    return render_template("inspector/page.html", wanted=wanted, problem=problem, chosen=chosen, route=_chosen(chosen))


@blueprint.get("/look/<record_id>")
def look(record_id: str) -> str:
    """Show the whole way of one message, refusal or happening."""
    return render_template("inspector/_look.html", chosen=record_id, route=_chosen(record_id))


def filter_asked() -> tuple[Filter, FilterError | None]:
    """Read the filter in the address; where it can't be read, nothing is filtered and the problem is told."""
    try:
        return read_filter(request.args), None
    except FilterError as error:
        return Filter(), error


def _chosen(record_id: str) -> Route | None:
    return route_of(int(record_id)) if record_id.isdecimal() and len(record_id) <= 20 else None
