"""Sending a message once more, as it was or changed."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import abort, flash, render_template, url_for
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, RadioField, SelectChoice, StringField, TextAreaField
from wtforms.validators import Length

from ...inspector.capture import HIDDEN, redacted
from ...models import RoleName
from ...realtime.events import Send
from ...realtime.server import Realtime
from ...realtime.workspace import Workspace as LiveWorkspace
from ...services import resending
from ...services.errors import InvalidInput, NotFound
from ...services.resending import Original, Sent
from ..access import authorship, current_workspace, holds, needs_developer
from ..forms import show_problems
from ..htmx import go_to, htmx
from .blueprint import blueprint, live

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
CLIENT, EVENT = "client", "event"
GONE = "The client is not connected any more."
NOT_A_TEST = "Sending as a client that is no test client needs the role editor."
NOT_CAPTURED = "Its payload was not captured, so it has to be typed in."
BEARS_A_ROW = "It bears the row of a user, so changing it needs the role editor. It can be sent as it was."
UNMARKED = "An event has no mark: whoever may hear events there receives it, anonymous clients too. Take the mark off."

Answer = str | Response | tuple[str, int]


class ResendForm(FlaskForm):
    """What is sent, where, and as whom."""

    sender = RadioField(
        "As", choices=[SelectChoice(CLIENT, "its client"), SelectChoice(EVENT, "an event of the server")]
    )
    channel = StringField("Channel", render_kw=PLAIN | {"maxlength": "255"})
    payload = TextAreaField("Payload", description="JSON.", render_kw={"rows": "12", "spellcheck": "false"})
    marked = BooleanField("Authenticated", description="Only clients with a token receive it.")
    to = StringField(
        "Private to",
        description="The socketId of the one client that it is for. Empty: everyone in the channel.",
        validators=[Length(max=64, message="There is no such client.")],
        render_kw=PLAIN,
    )


@dataclass(frozen=True, slots=True)
class Again:
    """Something that can be sent again, and how. ``no_client`` says why it can't be as its client."""

    original: Original
    is_connected: bool
    no_client: str

    @property
    def as_client(self) -> bool:
        return not self.original.is_event and not self.no_client

    @property
    def as_is(self) -> bool:
        """Whether it can be sent as it was: everything of it is known, and it goes where it went."""
        return self.original.payload is not None and (self.as_client or self.original.is_event)


def again_of(record_id: str) -> Again | None:
    """Say how a record can be sent again by who asks; None if it can't."""
    found = live()
    if found is None or not record_id.isdecimal() or len(record_id) > 20 or not holds(RoleName.DEVELOPER):
        return None
    realtime, workspace = found
    record = realtime.tap.find(workspace.canonical, int(record_id))
    given = resending.original(workspace, record) if record is not None else None
    if given is None:
        return None
    is_connected = given.socket_id in workspace.connections
    return Again(given, is_connected, _no_client(given, is_connected))


@blueprint.post("/again/<record_id>/as-is")
@needs_developer
def resend(record_id: str) -> Answer:
    """Send a message exactly as it was, with the bytes that were captured."""
    again, (realtime, _) = _found(record_id)
    given = again.original
    if given.payload is None or not again.as_is:
        return _told(record_id, None, NOT_CAPTURED if given.payload is None else again.no_client)
    command = given.command(given.channel, given.payload, given.marked, given.to)
    try:
        sent = _send(again.as_client, realtime, given, command, edited=False)
    except NotFound as error:
        return _told(record_id, None, str(error))
    return _told(record_id, sent)


@blueprint.get("/again/<record_id>")
@needs_developer
def edit_and_resend(record_id: str) -> Answer:
    """Show a message as it can be changed before it is sent again."""
    again, (realtime, workspace) = _found(record_id)
    given = again.original
    form = ResendForm(formdata=None)
    form.sender.data = CLIENT if again.as_client else EVENT
    form.channel.data, form.to.data, form.marked.data = given.channel, given.to or "", given.marked
    form.payload.data = _legible(redacted(given.payload, _hidden(workspace))) if given.payload is not None else ""
    return _page(again, realtime, workspace, form)


@blueprint.post("/again/<record_id>")
@needs_developer
def send_edited(record_id: str) -> Answer:
    """Send a message again, changed."""
    again, (realtime, workspace) = _found(record_id)
    form = ResendForm()
    if not form.validate_on_submit():
        return _page(again, realtime, workspace, form), 422
    try:
        as_client = _sender(form, again)
        channel, payload = resending.checked(realtime, form.channel.data or "", form.payload.data or "")
        _check_hidden(workspace, again.original, payload)
        to = (form.to.data or "").strip() or None
        command = again.original.command(channel, payload, bool(form.marked.data), to)
        sent = _send(as_client, realtime, again.original, command, edited=True)
    except InvalidInput as error:
        show_problems(form, error)
        return _page(again, realtime, workspace, form), 422
    except NotFound:
        again, (realtime, workspace) = _found(record_id)
        return _page(again, realtime, workspace, form, gone=True), 409
    return _told(record_id, sent)


def _found(record_id: str) -> tuple[Again, tuple[Realtime, LiveWorkspace]]:
    again, found = again_of(record_id), live()
    if again is None or found is None:
        abort(404)
    return again, found


def _no_client(given: Original, is_connected: bool) -> str:
    if given.actor is None:
        return ""
    if not given.actor.is_test and not holds(RoleName.EDITOR):
        return NOT_A_TEST
    return "" if is_connected else GONE


def _sender(form: ResendForm, again: Again) -> bool:
    """Say whether it is to be sent as its client.

    Raises:
        InvalidInput: it can't, or what is asked for does not go together.
    """
    as_client: bool = form.sender.data == CLIENT
    if as_client and not again.as_client:
        raise InvalidInput({"sender": again.no_client or "No client sent this."})
    if not as_client and form.marked.data:
        raise InvalidInput({"marked": UNMARKED})
    if not as_client and again.original.client is not None and not holds(RoleName.EDITOR):
        raise InvalidInput({"sender": BEARS_A_ROW})  # front ends tell by it who speaks
    return as_client


def _check_hidden(workspace: LiveWorkspace, given: Original, payload: bytes) -> None:
    """Refuse what stands in the place of hidden fields: nobody means to send it.

    Raises:
        InvalidInput: it is there.
    """
    if given.payload is None or not resending.hides_something(workspace, given.payload):
        return
    if _holds_hidden(msgspec.json.decode(payload)):
        raise InvalidInput(
            {"payload": f"`{HIDDEN}` stands where fields are hidden. Type them in again, or delete them."}
        )


def _holds_hidden(value: Any) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and one == HIDDEN:
            return True
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False


def _send(as_client: bool, realtime: Realtime, given: Original, command: Send, *, edited: bool) -> Sent:
    send = resending.as_client if as_client else resending.as_event
    return send(current_workspace(), realtime, given, command, resending.Who(**authorship()), edited=edited)


def _told(record_id: str, sent: Sent | None, problem: str = "") -> Answer:
    """Say what became of it: within the pane that asked, or on the page of its new line."""
    if htmx.partial and htmx.target == "resent":
        return render_template("inspector/_resent.html", sent=sent, problem=problem)
    if sent is None:
        flash(f"Not sent. {problem}", "warn")
        return go_to(url_for("inspector.page", selected=record_id))
    words = (
        f"Refused: `{sent.code.value}`. {sent.sentence}" if sent.code is not None else f"Sent again. {sent.sentence}"
    )
    if sent.code is not None and sent.id is not None:
        words += f" Reference `{sent.id}`."
    flash(words, "ok" if sent.code is None else "warn")
    return go_to(url_for("inspector.page", selected=sent.id or record_id))


def _page(again: Again, realtime: Realtime, workspace: LiveWorkspace, form: ResendForm, gone: bool = False) -> str:
    given = again.original
    return render_template(
        "inspector/resend.html",
        again=again,
        form=form,
        gone=gone,
        hides=given.payload is not None and resending.hides_something(workspace, given.payload),
        names=sorted(_hidden(workspace)),
        not_captured=NOT_CAPTURED if given.payload is None else "",
        most=realtime.limits.message_bytes,
    )


def _hidden(workspace: LiveWorkspace) -> frozenset[str]:
    return workspace.captured.capture.redacted


def _legible(payload: bytes) -> str:
    try:
        return msgspec.json.format(payload, indent=2).decode("utf-8", "replace")
    except msgspec.DecodeError:
        return json.dumps(HIDDEN)
