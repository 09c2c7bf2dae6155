"""Why something was refused: the whole explanation behind the `ref` that a client was told."""

from datetime import UTC, datetime
from itertools import islice
from typing import Annotated

import msgspec
from msgspec import Meta

from ..models import Scope
from ..realtime.events import Refusal
from ..services.decisions import decision_document
from .access import Caller
from .decide import StepOut
from .errors import ApiError, ErrorCode
from .routes import Call, Nothing, route

LIST_DEFAULT = 20
LIST_MOST = 2_000


class RefusedDecisionOut(msgspec.Struct):
    """The decision behind a refusal, with every step that led to it."""

    operation: str
    channel: str
    allowed: bool
    code: str | None
    message: str
    rule: Annotated[str | None, Meta(description="The target of the rule that decided.")]
    version: int
    steps: list[StepOut]


class RefusalOut(msgspec.Struct, rename={"socket_id": "socketId"}):
    """A refusal in full. `detail` and `decision` were never shown to the client."""

    ref: Annotated[str, Meta(description="The number that the client was told.")]
    at: datetime
    code: str
    message: Annotated[str, Meta(description="What the client was told.")]
    channel: str | None
    socket_id: str
    user_id: str | None
    address: str
    test: Annotated[bool, Meta(description="Whether it is a test client of the dashboard.")]
    detail: str
    decision: Annotated[
        RefusedDecisionOut | None, Meta(description="`null` where no rule was asked, as with a frame nobody can read.")
    ]


class RefusalsOut(msgspec.Struct):
    refusals: list[RefusalOut]


class RefusalsQuery(msgspec.Struct, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=LIST_MOST, description="At most so many.")] = LIST_DEFAULT


@route("GET", "/refusals", Scope.READ, summary="List what was refused lately", answer=RefusalsOut, query=RefusalsQuery)
def list_refusals(call: Call[Nothing, RefusalsQuery]) -> RefusalsOut:
    """Newest first. The server keeps the last 5,000 of all workspaces, in memory alone."""
    kept = reversed(list(call.realtime.tap.refusals.records))
    mine = (refusal for refusal in kept if _may_see(call.caller, call.canonical, refusal))
    return RefusalsOut([_refusal(refusal) for refusal in islice(mine, call.query.limit)])


@route("GET", "/refusals/{ref}", Scope.READ, summary="Explain a reference number", answer=RefusalOut, open_name="ref")
def explain_refusal(call: Call[Nothing, Nothing]) -> RefusalOut:
    """The number is the `ref` of the error that the client was sent. 404 if it is none of this workspace, or not kept
    any more."""
    found = call.realtime.tap.find_refusal(call.names["ref"])
    if found is None or not _may_see(call.caller, call.canonical, found):
        raise ApiError(ErrorCode.NOT_FOUND, "No refusal with this reference number is kept in this workspace.")
    return _refusal(found)


def _may_see(caller: Caller, canonical: str, refusal: Refusal) -> bool:
    # Clients that named no workspace that exists belong to none: only this machine's own people learn of them.
    return refusal.workspace == canonical or (refusal.workspace == "" and caller.key is None)


def _refusal(refusal: Refusal) -> RefusalOut:
    decision = refusal.decision
    return RefusalOut(
        ref=refusal.ref,
        at=datetime.fromtimestamp(refusal.at, UTC),
        code=refusal.code.value,
        message=decision.message if decision is not None else refusal.text,
        channel=refusal.channel,
        socket_id=refusal.socket_id,
        user_id=refusal.user_id,
        address=refusal.address,
        test=refusal.actor.is_test,
        detail=refusal.detail,
        decision=msgspec.convert(decision_document(decision), RefusedDecisionOut) if decision is not None else None,
    )
