"""Whether the process is alive, and whether it is ready for clients."""

import logging
from datetime import timedelta

import msgspec
from flask import Blueprint, Response, current_app
from sqlalchemy.exc import SQLAlchemyError

from ..models import Workspace, now
from ..realtime.server import Realtime
from ..services import workspaces
from .errors import answer

blueprint = Blueprint("health", __name__)
TAKE_OVER = timedelta(seconds=5)
_log = logging.getLogger("tidegate.health")


class Readiness(msgspec.Struct):
    """What has to be well before clients are sent here. ``serving`` is false while the server starts or drains."""

    ready: bool
    database: bool
    rules: bool
    serving: bool


def _is_loaded(realtime: Realtime, workspace: Workspace) -> bool:
    """One that another process has just made is taken over within a second: until then nobody waits for it."""
    return realtime.workspace(workspace.canonical) is not None or now() - workspace.created_at < TAKE_OVER


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
        stored = workspaces.list_all()
        database = True
        rules = realtime is not None and all(_is_loaded(realtime, workspace) for workspace in stored)
    except SQLAlchemyError:
        _log.warning("the database does not answer", exc_info=True)
    serving = realtime is not None and not realtime.draining
    ready = database and rules and serving
    return answer(Readiness(ready, database, rules, serving), 200 if ready else 503)
