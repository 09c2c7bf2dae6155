"""Rules, in Xano's own field names: reading and replacing them."""

import re
from typing import Annotated, Any

import msgspec
from flask import Response, request
from msgspec import Meta

from ..core.documents import write_document
from ..core.triggers import NAME_MOST, STEPS_MOST, TRIGGERS_MOST, OnFailure, TriggerEvent
from ..models import Scope
from ..services import rules
from ..services.errors import Conflict
from .bodies import not_json, problem_of, read_bytes
from .errors import ApiError, ErrorCode, answer
from .routes import Call, Nothing, route

BODY_MOST = 16 * 1024 * 1024
_ETAG = re.compile(r'"(\d{1,9})"')


class TriggerDocument(msgspec.Struct, forbid_unknown_fields=True):
    """A stack of steps that runs on some events of a rule's channels, in order."""

    name: Annotated[str, Meta(min_length=1, max_length=NAME_MOST)]
    enabled: bool = True
    events: Annotated[list[TriggerEvent], Meta(min_length=1, description="What sets it off.")] = msgspec.field(
        default_factory=lambda: [TriggerEvent.MESSAGE]
    )
    on_failure: Annotated[OnFailure, Meta(description="What becomes of an event whose trigger failed.")] = (
        OnFailure.BLOCK
    )
    steps: Annotated[
        list[dict[str, Any]],
        Meta(max_length=STEPS_MOST, description="Each has a `type`, and the settings of that kind beside it."),
    ] = []


class RuleDocument(msgspec.Struct, forbid_unknown_fields=True):
    """One rule: a channel, or with `wildcard` a pattern of channels, and what it lets whom do."""

    pattern: Annotated[str, Meta(min_length=1, max_length=255)]
    wildcard: Annotated[bool | None, Meta(description="Nested channels: `*` stands for a whole segment.")] = False
    enabled: bool | None = True
    description: Annotated[str, Meta(max_length=2000)] | None = ""
    history: Annotated[
        int | None, Meta(description="Messages kept: 0, 25, 50, 100, 250 or 1000.", extra_json_schema={"minimum": 0})
    ] = 0
    history_events: Annotated[bool | None, Meta(description="Whether events of the server are kept too.")] = False
    anonymous_clients: bool | None = False
    presence: bool | None = False
    client_public_messaging: bool | None = False
    client_public_messaging_authenticated_only: bool | None = False
    client_authenticated_messaging: bool | None = False
    client_private_messaging: bool | None = False
    client_private_messaging_authenticated_only: bool | None = False
    triggers: Annotated[list[TriggerDocument], Meta(max_length=TRIGGERS_MOST)] | None = None


class RulesDocument(msgspec.Struct, forbid_unknown_fields=True):
    """All rules of a workspace with its switches, in Xano's field names and ours for what Xano lacks."""

    channels: list[RuleDocument]
    enabled: Annotated[bool | None, Meta(description="Off: everything is denied.")] = True
    hash: Annotated[str | None, Meta(description="The canonical; what is sent here changes nothing.")] = None
    strict_anonymous: bool | None = False
    refuse_bad_tokens: bool | None = False
    access_manager: bool | None = False
    open_operations: bool | None = False


class PublishQuery(msgspec.Struct, forbid_unknown_fields=True):
    expected_version: Annotated[
        Annotated[int, Meta(ge=0)] | None, Meta(description="Publish only if this version is in force (409 otherwise).")
    ] = None
    reason: Annotated[str, Meta(description="Why, for the version and the audit log.")] = ""


class PublicationOut(msgspec.Struct):
    """A version that is in force now, and what that did to clients that are connected."""

    version: int
    removed: Annotated[int, Meta(description="Memberships that ended.")]
    channels: Annotated[int, Meta(description="In how many channels.")]
    closed: Annotated[int, Meta(description="Connections that were closed.")]


@route(
    "GET",
    "/rules",
    Scope.READ,
    Scope.RULES,
    summary="Read the rules in force",
    answer=RulesDocument,
    headers={"ETag": 'The version in force, such as `"7"`; `"0"` before anything was published.'},
)
def read_rules(call: Call[Nothing, Nothing]) -> Response:
    """The answer can be sent back with PUT as it is. With `If-None-Match` and the present version: 304."""
    active = rules.active_rules(call.workspace)
    etag = f'"{active.version}"'
    if etag in (tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")):
        return Response(status=304, headers={"ETag": etag}, mimetype="application/json")
    return answer(write_document(active, call.canonical), headers={"ETag": etag})


@route(
    "PUT",
    "/rules",
    Scope.RULES,
    summary="Replace the rules",
    answer=PublicationOut,
    body=RulesDocument,
    checks_body=True,
    query=PublishQuery,
    errors=(ErrorCode.CONFLICT, ErrorCode.VERSION_CONFLICT),
    headers={"ETag": "The version that is in force now."},
)
def replace_rules(call: Call[Nothing, PublishQuery]) -> Response:
    """All or nothing: with any problem, nothing is changed and every problem is named by its place. When this answers,
    the rules are in force on open connections too, and whoever may no longer be in a channel is out of it.

    With `If-Match` and a version (412 otherwise), or with `expected_version` (409 otherwise), they are published only
    if that version is still in force."""
    document = _read_document()
    expected = call.query.expected_version
    matched = _version_of_if_match(call)
    if matched is not None and expected is not None and matched != expected:
        raise ApiError(ErrorCode.VERSION_CONFLICT)
    try:
        done = rules.publish_document(
            call.workspace,
            document,
            strict=True,
            reason=call.query.reason,
            expected_version=expected if matched is None else matched,
            **call.authorship,
        )
    except Conflict as error:
        code = ErrorCode.CONFLICT if matched is None else ErrorCode.VERSION_CONFLICT
        raise ApiError(code, error.problems.get("version"), error.problems) from None
    report = done.report
    removed, channels, closed = (report.removed, report.channels, report.closed) if report is not None else (0, 0, 0)
    return answer(PublicationOut(done.version, removed, channels, closed), headers={"ETag": f'"{done.version}"'})


def _read_document() -> Any:
    """Read the body. The core names every problem, the Struct only the first: so the core is asked first."""
    raw = read_bytes(BODY_MOST)
    try:
        document = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise not_json(error) from None
    rules.check_document(document, strict=True)
    try:
        msgspec.convert(document, RulesDocument)
    except msgspec.ValidationError as error:
        raise ApiError(ErrorCode.INVALID_INPUT, problems=problem_of(error)) from None
    return document


def _version_of_if_match(call: Call[Nothing, PublishQuery]) -> int | None:
    """Return the version that ``If-Match`` names; None if any will do."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return None
    named = [int(found[1]) for tag in header.split(",") if (found := _ETAG.fullmatch(tag.strip()))]
    in_force = rules.active_rules(call.workspace).version
    if in_force not in named:
        raise ApiError(ErrorCode.VERSION_CONFLICT, f"Version {in_force} is in force.")
    return in_force
