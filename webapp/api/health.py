"""Whether the process is alive, and whether it is ready for clients."""

import logging

import msgspec
from flask import Blueprint, Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from ..realtime.server import Realtime
from ..services import workspaces
from .errors import answer

blueprint = Blueprint("health", __name__)
_log = logging.getLogger("tidegate.health")


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
    realtime: Realtime | None = current_app.extensions.get("tidegate.realtime")
    database = rules = False
    try:
        stored = [workspace.canonical for workspace in workspaces.list_all()]
        database = True
        rules = realtime is not None and bool(stored) and all(realtime.workspace(name) for name in stored)
    except SQLAlchemyError:
        _log.warning("the database does not answer", exc_info=True)
    serving = realtime is not None and not realtime.draining
    ready = database and rules and serving
    return answer(Readiness(ready, database, rules, serving), 200 if ready else 503)
