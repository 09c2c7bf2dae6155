"""What is captured: the banner of every page of the inspector, and switching full capture on and off."""

from typing import Any
from urllib.parse import urlsplit

from flask import abort, flash, g, render_template, request, url_for
from werkzeug.wrappers import Response

from ...services import capture as service
from ...services.capture import State
from ...services.errors import InvalidInput
from ..access import authorship, current_workspace, needs_owner, safe_next
from ..htmx import go_to
from .blueprint import blueprint
from .forms import CaptureForm
from .wording import hour


@blueprint.app_context_processor
def offer() -> dict[str, Any]:
    """What the banner asks, which the test bench shows too."""
    return {"captured": captured}


@blueprint.get("/capture")
def capture() -> str:
    """Show what is captured now, alone."""
    return render_template("inspector/_capture.html", only_banner=request.args.get("banner") == "1")


@blueprint.post("/capture")
@needs_owner
def start_capture() -> Response:
    """Capture payloads for a time."""
    form = CaptureForm()
    if not form.validate_on_submit():
        flash("Choose for how long.", "error")
        return go_to(url_for("inspector.page"))
    try:
        made = service.start(current_workspace(), form.seconds.data, **authorship())
    except InvalidInput:
        abort(422)
    assert made.until is not None
    flash(f"Payloads are captured until {hour(made.until)}, and then no more.", "ok")
    return go_to(url_for("inspector.page"))


@blueprint.post("/capture/stop")
@needs_owner
def stop_capture() -> Response:
    """Capture no more payloads."""
    stopped = service.stop(current_workspace(), **authorship())
    flash("No more payloads are captured." if stopped else "It had ended already.", "ok" if stopped else "info")
    came_from = urlsplit(request.referrer or "")
    page = safe_next(came_from.path + (f"?{came_from.query}" if came_from.query else ""))
    return go_to(page or url_for("inspector.page"))


def captured() -> State:
    """What the workspace captures; looked up once a request."""
    if "captured" not in g:
        g.captured = service.state(current_workspace())
    found: State = g.captured
    return found
