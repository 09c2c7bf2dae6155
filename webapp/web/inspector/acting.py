"""Acting on live traffic: kick, take out, block, let in again."""

from flask import abort, flash, render_template, request, url_for
from werkzeug.wrappers import Response

from ...services import blocks, clients
from ...services.blocks import Subject
from ...services.errors import Conflict, InvalidInput, NotFound, ServiceError
from .. import refusals
from ..access import authorship, current_workspace, needs_developer
from ..forms import show_problems
from ..htmx import go_to, htmx
from ..wording import count
from .address import Here
from .blueprint import blueprint
from .forms import BlockForm, TakeOutForm
from .side import may_act_on, may_block, may_end

Answer = str | Response | tuple[str, int]


@blueprint.post("/clients/<socket_id>/kick")
@needs_developer
def kick(socket_id: str) -> Answer:
    """End a client's connection."""
    try:
        _may_act_on(socket_id)
        clients.kick(current_workspace(), socket_id, **authorship())
    except NotFound as error:
        return _gone(error)
    return _done(f"The client {socket_id} is disconnected. It may connect again.")


@blueprint.post("/clients/<socket_id>/take-out")
@needs_developer
def take_out(socket_id: str) -> Answer:
    """Take a client out of one channel."""
    form = TakeOutForm()
    channel = form.channel.data or ""
    try:
        _may_act_on(socket_id)
        clients.take_out(current_workspace(), socket_id, channel, **authorship())
    except NotFound as error:
        return _gone(error)
    return _done(f"The client {socket_id} is out of {channel}. It may join again as far as the rules let it.")


@blueprint.get("/hits")
@needs_developer
def hits() -> str:
    """Say whom a block would disconnect, while it is typed."""
    form = BlockForm(request.args, meta={"csrf": False})
    found = blocks.hits(current_workspace(), form.subject.data or "", form.value.data or "")
    return render_template("inspector/_hits.html", hits=found if form.value.data else None)


@blueprint.post("/blocks")
@needs_developer
def block() -> Answer:
    """Block a user or an address for a time."""
    form = BlockForm()
    if not form.validate_on_submit():
        return _again(form)
    workspace, subject = current_workspace(), Subject(form.subject.data)
    if not may_block(subject, blocks.hits(workspace, subject, form.value.data)):
        refusals.note("developers block only users of test clients")
        abort(403)
    try:
        made = blocks.create(
            workspace, subject, form.value.data, form.seconds.data, reason=form.reason.data or "", **authorship()
        )
    except InvalidInput as error:
        for name in (Subject.USER.value, Subject.ADDRESS.value):
            if name in error.problems:
                form.value.errors = [*form.value.errors, error.problems[name]]
        show_problems(form, error)
        return _again(form)
    except Conflict as error:
        return _told("error", "; ".join(error.problems.values()), 409)
    disconnected = "" if made.closed is None else f" {count(made.closed, 'client')} disconnected."
    return _done(f"The {subject.value} {made.block.value} is blocked.{disconnected}")


@blueprint.post("/blocks/<int:block_id>/end")
@needs_developer
def end_block(block_id: int) -> Answer:
    """Let somebody in again."""
    workspace = current_workspace()
    try:
        if not may_end(blocks.get(workspace, block_id)):
            refusals.note("developers end only blocks of their own")
            abort(403)
        ended = blocks.end(workspace, block_id, **authorship())
    except NotFound:
        abort(404)
    return _done(f"The {ended.subject} {ended.value} may connect again.")


def _may_act_on(socket_id: str) -> None:
    """Refuse developers what is no test client.

    Raises:
        NotFound: no such client is connected.
    """
    if not may_act_on(clients.find(current_workspace(), socket_id)):
        refusals.note("developers act on test clients only")
        abort(403)


def _gone(error: ServiceError) -> Answer:
    return _told("warn", " ".join(error.problems.values()), 404)


def _done(text: str) -> Answer:
    return _told("ok", text, 200)


def _again(form: BlockForm) -> Answer:
    """Show the form of blocks again, with what is wrong beside the fields."""
    if htmx.partial:
        return render_template("inspector/_side.html", block_form=form), 422
    problems = " ".join(str(error) for field in form for error in field.errors)
    return _told("error", problems, 422)


def _told(kind: str, text: str, code: int) -> Answer:
    """Show the pane as it is now with a word on what was done; without htmx, the page."""
    if htmx.partial:
        return render_template("inspector/_acted.html", kind=kind, text=text), code
    flash(text, kind)
    query = Here().query
    return go_to(url_for("inspector.page") + (f"?{query}" if query else ""))
