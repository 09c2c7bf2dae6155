"""Sending as the server, and tracing without sending."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import render_template, request

from ...core.actors import ANONYMOUS
from ...core.codes import Code
from ...inspector.dry_run import Asker, DryRun, only_traced
from ...inspector.records import MessageRecord
from ...inspector.route import Route
from ...inspector.traces import Tracer
from ...protocols import FACES
from ...realtime.events import Refusal, Send
from ...realtime.server import Realtime
from ...realtime.workspace import Workspace as LiveWorkspace
from ...services import blocks, decisions, events, identities, rules
from ...services.errors import Conflict, InvalidInput, NotFound, ServiceError
from ..access import authorship, current_workspace, needs_developer, signed_in
from ..forms import show_problems
from ..htmx import htmx
from ..inspector.blueprint import live, route_of, scribe
from .blueprint import blueprint
from .forms import Audience, From, SendForm
from .views import page_with

ONLY_THE_SERVER = (
    "Only the server's own events are sent from here; a client's message can be traced. Send it from its card."
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. ``warning`` is set where nobody at all can be in the channel, ``id`` where it was sent."""

    route: Route | None
    traced: bool
    recipients: int = 0
    id: str = ""
    warning: Code | None = None


@blueprint.post("/send")
@needs_developer
def send() -> tuple[str, int]:
    """Send an event as the server, which is delivered like any other and audited; or, if ``do`` is not ``send``, go
    the whole way of it, or of a client's message, and deliver nothing."""
    form = SendForm()
    if not form.validate_on_submit():
        return _shown(form, None), 422
    if request.form.get("do") != "send":
        return _tried(form, _trace)
    if form.sender.data == From.SERVER:
        return _tried(form, _send)
    form.sender.errors = [*form.sender.errors, ONLY_THE_SERVER]
    return _shown(form, None), 422


def _tried(form: SendForm, act: Callable[[SendForm], Outcome]) -> tuple[str, int]:
    try:
        outcome = act(form)
    except (InvalidInput, Conflict, NotFound) as error:
        left = show_problems(form, _beside_fields(error))
        form.payload.errors = [*form.payload.errors, *left]
        return _shown(form, None), 422
    return _shown(form, outcome), 200


def _send(form: SendForm) -> Outcome:
    published = events.send(
        current_workspace(),
        form.channel.data or "",
        form.payload.data or "",
        event=form.event.data or "",
        socket_id=(form.to.data or "").strip(),
        user=(form.user.data or "").strip(),
        **authorship(),
    )
    route = route_of(int(published.id))
    return Outcome(route, False, published.recipients, published.id, _warning(form.channel.data or ""))


def _trace(form: SendForm) -> Outcome:
    payload = events.checked_payload(form.payload.data or "")
    channel = events.checked_channel(form.channel.data or "")
    found = live()
    if found is None:
        raise Conflict(events.NOT_RUNNING)
    realtime, workspace = found
    run = DryRun(workspace, realtime.hub, realtime.ticks, realtime.triggers)
    to = (form.to.data or "").strip()
    if form.sender.data == From.SERVER:
        user = (form.user.data or "").strip()
        name = (form.event.data or "").strip()
        record = run.event(
            channel, payload, event=name or None, socket_id=to or None, user=user or None, by=signed_in().username
        )
        return Outcome(
            _route(realtime, workspace, record, payload), True, record.recipients or 0, "", _warning(channel)
        )
    marked = form.audience.data == Audience.AUTHENTICATED
    command = Send(channel, payload, marked, to if form.is_private else None)
    told = run.message(_asker(form, workspace), command)
    return Outcome(_route(realtime, workspace, told, payload), True)


def _asker(form: SendForm, workspace: LiveWorkspace) -> Asker:
    """Return whose message it would be.

    Raises:
        InvalidInput: claims that no client could have.
        NotFound: no such client is connected.
    """
    if form.sender.data == From.ANONYMOUS:
        return Asker(ANONYMOUS)
    if form.sender.data == From.CLAIMS:
        identity = identities.of_text(current_workspace(), form.claims.data or "")
        if identity.refused is not None:
            raise InvalidInput({"claims": f"This token is not accepted: {identity.refused}"})
        blocked = blocks.of_user(current_workspace(), identity.actor.user_id) is not None
        return Asker(identity.actor, blocked=blocked)
    connection = workspace.connections.get((form.client.data or "").strip())
    if connection is None:
        raise NotFound({"client": "No such client is connected. Take the socketId of one of the cards below."})
    return Asker(connection.actor, connection)


def _route(realtime: Realtime, workspace: LiveWorkspace, record: MessageRecord | Refusal, payload: bytes) -> Route:
    tracer = Tracer(scribe(workspace), realtime.tap, FACES)
    if isinstance(record, MessageRecord):
        payload = record.message.payload  # which triggers may have changed
    return only_traced(tracer.route(record, workspace.rules), payload)


def _warning(channel: str) -> Code | None:
    """Say why nobody can be there: a channel name with a typing error would look like one without members."""
    return decisions.closed_to_all(rules.active_rules(current_workspace()), channel)


def _beside_fields(error: ServiceError) -> ServiceError:
    """Name the fields as this form does."""
    names = {"identity": "claims"}
    return InvalidInput({names.get(name, name): text for name, text in error.problems.items()})


def _shown(form: SendForm, outcome: Outcome | None) -> str:
    if htmx.partial:
        return render_template("bench/_sending.html", form=form, outcome=outcome, is_running=live() is not None)
    return page_with(form.channel.data or "", form, outcome)
