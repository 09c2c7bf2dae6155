"""Messages of clients over HTTP, as Supabase's client sends them while it has not joined (protocols/phoenix.md).

They are clients' messages like all others, decided as if the client had joined: the bearer token says who it is. Pages
of any origin may send them, as sockets may, unless the workspace lists some.
"""

from base64 import b64encode
from itertools import takewhile
from typing import Annotated

import msgspec
from flask import Blueprint, Flask, Response, current_app, request
from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter
from msgspec import Meta
from werkzeug.exceptions import RequestEntityTooLarge

from ..config import Settings
from ..core.codes import Code
from ..core.targets import channel_problem
from ..extensions import limiter
from ..protocols.phoenix import PREFIX, message_of
from ..realtime.callers import Caller
from ..realtime.events import FrameError, Json, Send
from ..realtime.guests import FACE, Said
from ..realtime.renewing import NOT_ACCEPTED
from ..realtime.server import Realtime
from .addresses import client_address
from .bodies import problem_of
from .errors import ApiError, ErrorCode
from .names import read_names

MESSAGES_MOST = 100
ENVELOPE_MOST = 64 * 1024
"""Bytes that a body may have beside its payloads."""
BYTES = "application/octet-stream"
ONE = "/api/broadcast/{topic}/events/{event}"
ONE_RULE = "/api/broadcast/<any_name:topic>/events/<any_name:event>"
_STATUS = {
    Code.RATE_LIMITED: 429,
    Code.MESSAGE_TOO_LARGE: 413,
    Code.INVALID_FRAME: 422,
    Code.INVALID_CHANNEL: 422,
    Code.STORAGE_UNAVAILABLE: 503,
    Code.BROKER_UNAVAILABLE: 503,
    Code.INTERNAL_ERROR: 500,
    Code.TOKEN_INVALID: 401,
    Code.TOKEN_EXPIRED: 401,
    Code.TOKEN_REVOKED: 401,
}
_TEXTS = {
    Code.UNKNOWN_WORKSPACE: "There is no workspace of this name: `apikey` is the workspace's canonical.",
    Code.TOKEN_INVALID: NOT_ACCEPTED,
}
"""Where a request has to be told something else than a connection."""
_ALLOWED = "authorization, apikey, content-type, x-client-info"


class BroadcastMessage(msgspec.Struct):
    """A message of a client. ``private``, and whatever else it has, says nothing here: the rules decide."""

    topic: Annotated[str, Meta(description="The channel's name, with `realtime:` in front of it or without.")]
    event: Annotated[str, Meta(description="`message`, or another name.")]
    payload: Annotated[msgspec.Raw, Meta(description="Any JSON.")]


class BroadcastIn(msgspec.Struct):
    """Some messages, sent in order."""

    messages: list[BroadcastMessage]


class BroadcastRefused(msgspec.Struct):
    """Why a message was not sent, in the form that Supabase's client reads.

    ``ref`` is the number by which the inspector finds the whole story, ``sent`` how many messages before it went out.
    """

    error: Annotated[str, Meta(description="A sentence.")]
    code: Annotated[str, Meta(description="Stable: one of the API's, or of those that sockets are told.")]
    ref: str = ""
    sent: int = 0


blueprint = Blueprint("broadcast", __name__)


def init_app(app: Flask) -> None:
    """Put it on an application."""
    app.register_blueprint(blueprint)


@blueprint.after_request
def any_origin(response: Response) -> Response:
    """Let pages of other origins read every answer."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("/api/broadcast", methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route(ONE_RULE, methods=["OPTIONS"], provide_automatic_options=False)
def preflight(topic: str = "", event: str = "") -> Response:
    """Tell a browser what a page may send (https://fetch.spec.whatwg.org/#http-cors-protocol)."""
    headers = {"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": _ALLOWED}
    return Response(status=204, headers=headers | {"Access-Control-Max-Age": "600"})


@blueprint.post("/api/broadcast", provide_automatic_options=False)
def several() -> Response:
    """Send some messages, in order, until one is refused."""
    most = _settings().limit_message_bytes
    try:
        body = msgspec.json.decode(_read(most + ENVELOPE_MOST), type=BroadcastIn)
    except msgspec.ValidationError as error:
        raise ApiError(ErrorCode.INVALID_INPUT, problems=problem_of(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise ApiError(ErrorCode.INVALID_JSON, f"The body is not JSON: {error}.") from None
    if len(body.messages) > MESSAGES_MOST:
        raise ApiError(ErrorCode.INVALID_INPUT, problems={"messages": f"At most {MESSAGES_MOST} at a time."})
    for index, message in enumerate(body.messages):
        if len(message.payload) > most:
            problems = {f"messages[{index}].payload": Code.MESSAGE_TOO_LARGE.sentence}
            raise ApiError(ErrorCode.MESSAGE_TOO_LARGE, problems=problems)
    sends = [
        _send(message.topic, message.event, bytes(message.payload), f"messages[{index}].")
        for index, message in enumerate(body.messages)
    ]
    return _answer(sends)


@blueprint.post(ONE_RULE, provide_automatic_options=False)
def one(topic: str, event: str) -> Response:
    """Send one message: the body is its payload, JSON or bytes."""
    names = read_names(request.environ, ONE, "topic")
    data = _read(_settings().limit_message_bytes)
    if request.mimetype == BYTES:
        payload = b'{"$binary":"%b"}' % b64encode(data)
    else:
        try:
            payload = bytes(msgspec.json.decode(data, type=msgspec.Raw))
        except (msgspec.DecodeError, RecursionError) as error:
            raise ApiError(ErrorCode.INVALID_JSON, f"The body is not JSON: {error}.") from None
    return _answer([_send(names["topic"], names["event"], payload)])


def _read(most: int) -> bytes:
    request.max_content_length = most + 1
    data = request.get_data(cache=False)
    if len(data) > most:
        raise ApiError(ErrorCode.BODY_TOO_LARGE)
    if request.mimetype != BYTES:
        try:
            data.decode()
        except UnicodeDecodeError:
            raise ApiError(ErrorCode.INVALID_JSON, "The body is not UTF-8.") from None
    return data


def _send(topic: str, event: str, payload: Json, at: str = "") -> Send:
    channel = topic.removeprefix(PREFIX)
    problem = channel_problem(channel)
    if problem is not None:
        raise ApiError(ErrorCode.INVALID_INPUT, problems={f"{at}topic": problem})
    try:
        return message_of(channel, event, payload)
    except FrameError as error:
        raise ApiError(ErrorCode.INVALID_INPUT, problems={f"{at}event": error.detail}) from None


def _answer(sends: list[Send]) -> Response:
    realtime: Realtime | None = current_app.extensions.get("tidegate.realtime")
    if realtime is None or realtime.draining:
        raise ApiError(ErrorCode.NOT_SERVING, headers={"Retry-After": "2"})
    caller = _caller(realtime)
    problem = caller.identity[1]
    if problem is not None:
        return _told(realtime.turn_away(caller, problem.code, problem.detail), 0)
    # Counted as they are sent: what comes behind one that is refused counts for nothing.
    told = realtime.say(caller, takewhile(lambda _: _within_rate(caller), sends))
    for sent, said in enumerate(told):
        if said.code is not None:
            return _told(said, sent)
    if len(told) < len(sends):
        return _told(realtime.turn_away(caller, Code.RATE_LIMITED), len(told))
    return Response(status=202)


def _caller(realtime: Realtime) -> Caller:
    key, bearer = request.headers.get("apikey"), request.headers.get("Authorization", "")
    workspace = realtime.workspace(key) if key else realtime.default_workspace()
    token = bearer.removeprefix("Bearer ").strip() or None
    return Caller(
        FACE,
        workspace,
        # Without a user Supabase's clients send their key as the token.
        token if token != key else None,
        origin=request.headers.get("Origin"),
        address=client_address(request.environ, _settings().proxies),
        user_agent=request.headers.get("User-Agent", "")[:200],
    )


def _within_rate(caller: Caller) -> bool:
    """Count a message of a user, or of an address where it is anonymous: each may send as many as a connection."""
    most = _settings().limit_messages_per_minute
    user, workspace = caller.identity[0].user_id, caller.workspace
    whom = (workspace.canonical if workspace is not None else "", user or "", "" if user else caller.address)
    return not most or MovingWindowRateLimiter(limiter.storage).hit(RateLimitItemPerMinute(most), "broadcast", *whom)


def _told(said: Said, sent: int) -> Response:
    code = said.code or Code.INTERNAL_ERROR
    text = _TEXTS.get(code, said.text)
    answer = BroadcastRefused(text, code.value, said.ref, sent)
    response = Response(msgspec.json.encode(answer), _STATUS.get(code, 403), mimetype="application/json")
    if code is Code.RATE_LIMITED:
        response.headers["Retry-After"] = "60"
    return response


@blueprint.errorhandler(RequestEntityTooLarge)
def _too_large(_: RequestEntityTooLarge) -> Response:
    return _refused(ApiError(ErrorCode.BODY_TOO_LARGE))


@blueprint.errorhandler(ApiError)
def _refused(error: ApiError) -> Response:
    problem = next(iter(error.problems.items()), None)
    message = f"{problem[0]}: {problem[1]}" if problem is not None else error.message
    answer = BroadcastRefused(message, error.code.value)
    return Response(msgspec.json.encode(answer), error.code.status, error.headers, mimetype="application/json")


def _settings() -> Settings:
    settings: Settings = current_app.extensions["tidegate.settings"]
    return settings
