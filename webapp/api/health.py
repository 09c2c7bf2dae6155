"""Whether the process is alive, and whether it is ready for clients."""

import msgspec
from flask import Blueprint, Response

from ..services import readiness
from .errors import answer

blueprint = Blueprint("health", __name__)


class Readiness(msgspec.Struct):
    """What has to be well before clients are sent here. ``serving`` is false while the server starts or drains."""

    ready: bool
    database: bool
    rules: bool
    serving: bool


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer as long as the loop runs. It asks nothing else, so that a slow database restarts nothing."""
    return Response("ok\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200 if the database answers, every workspace's rules are loaded, and the server is not about to end."""
    found = readiness.look()
    return answer(
        Readiness(found.ready, found.database, found.rules, found.serving),
        200 if found.ready else 503,
    )
