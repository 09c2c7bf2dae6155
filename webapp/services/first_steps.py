"""How far somebody has come with a new workspace."""

from dataclasses import dataclass

from sqlalchemy import select

from ..models import Action, AuditEntry, StoredMessage, Workspace
from .live import running
from .rules import active_rules
from .transactions import reading


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """What was done already. ``connected``: a client was there since the server started, or left a message."""

    rule: bool
    token: bool
    connected: bool

    @property
    def done(self) -> bool:
        return self.rule and self.token and self.connected


def look(workspace: Workspace) -> FirstSteps:
    """Say which first steps were done in a workspace."""
    realtime = running()
    live = realtime.workspace(workspace.canonical) if realtime is not None else None
    minted = select(AuditEntry.id).where(
        AuditEntry.workspace_id == workspace.id, AuditEntry.action == Action.TOKEN_MINT.value
    )
    said = select(StoredMessage.id).where(StoredMessage.workspace_id == workspace.id)
    with reading() as session:
        has_token = session.scalar(minted.limit(1)) is not None
        was_there = (live is not None and live.admitted > 0) or session.scalar(said.limit(1)) is not None
    return FirstSteps(bool(active_rules(workspace).rules), has_token, was_there)
