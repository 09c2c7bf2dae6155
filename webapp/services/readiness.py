"""Whether this process is ready for clients, and what is missing if not."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from ..models import Workspace, now
from ..realtime.server import Realtime
from . import live, workspaces

TAKE_OVER = timedelta(seconds=5)
_log = logging.getLogger("tidegate.readiness")


@dataclass(frozen=True, slots=True)
class Readiness:
    """What has to be well before clients are sent here. ``serving`` is false while the server starts or drains."""

    database: bool
    rules: bool
    serving: bool

    @property
    def ready(self) -> bool:
        return self.database and self.rules and self.serving


def look() -> Readiness:
    """Say whether the database answers, every workspace's rules are loaded, and the server is not about to end."""
    realtime = live.running()
    database = rules = False
    try:
        stored = workspaces.list_all()
        database = True
        rules = realtime is not None and all(_is_loaded(realtime, workspace) for workspace in stored)
    except SQLAlchemyError:
        _log.warning("the database does not answer", exc_info=True)
    return Readiness(database, rules, realtime is not None and not realtime.draining)


def _is_loaded(realtime: Realtime, workspace: Workspace) -> bool:
    """One that another process has just made is taken over within a second: until then nobody waits for it."""
    return realtime.workspace(workspace.canonical) is not None or now() - workspace.created_at < TAKE_OVER
