"""The blueprint that all pages of the inspector share, and what they ask of the running server."""

from flask import Blueprint

from ...inspector.lines import Scribe
from ...inspector.route import Route
from ...inspector.traces import Tracer
from ...models import RoleName
from ...protocols import FACES
from ...realtime.server import Realtime
from ...realtime.workspace import Workspace as LiveWorkspace
from ...services import rules
from ...services.live import running
from ..access import current_workspace, holds, in_workspace

blueprint = in_workspace(Blueprint("inspector", __name__, url_prefix="/w/<canonical>/inspector"))


def live() -> tuple[Realtime, LiveWorkspace] | None:
    """Return the running server and the workspace in it; None where no server runs in this process."""
    realtime = running()
    workspace = realtime.workspace(current_workspace().canonical) if realtime is not None else None
    return (realtime, workspace) if realtime is not None and workspace is not None else None


def sees_payloads() -> bool:
    """Whether the role held here is shown payloads, where they were captured: viewers are not."""
    return holds(RoleName.DEVELOPER)


def scribe(workspace: LiveWorkspace) -> Scribe:
    return Scribe(workspace, sees_payloads=sees_payloads())


def route_of(record_id: int) -> Route | None:
    """Return the whole way of what has this id; None if nothing has, or it is no longer kept."""
    found = live()
    if found is None:
        return None
    realtime, workspace = found
    record = realtime.tap.find(workspace.canonical, record_id)
    if record is None:
        return None
    version = getattr(record, "version", workspace.rules.version)
    in_force = workspace.rules_of(version)
    if in_force is None:
        in_force = rules.rules_of(current_workspace(), version)
    return Tracer(scribe(workspace), realtime.tap, FACES).route(record, in_force)
