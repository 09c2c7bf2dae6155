"""How what is stored reaches the server that runs in this process, if one does."""

import threading
from typing import TYPE_CHECKING, Any

from flask import current_app
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..core.ruleset import RuleSet
from ..inspector.capture import Capture, Mode
from ..inspector.preview import Preview
from ..inspector.preview import preview as look_ahead
from ..models import Block, RevokedToken, RuleSetVersion, SigningKey, Webhook, Workspace, now
from ..realtime.tokens import TokenVerifier
from . import compiled
from .errors import NotFound
from .transactions import reading

if TYPE_CHECKING:
    from ..realtime.server import ApplyReport, Realtime
    from ..realtime.workspace import Block as LiveBlock
    from ..realtime.workspace import WorkspaceConfig

# Loading and applying go together: of two changes that end at the same moment the later one must win.
_refreshing = threading.Lock()


def running() -> "Realtime | None":
    """Return the server that runs in this process, or None (as in a command on the command line)."""
    realtime: Any = current_app.extensions.get("tidegate.realtime")
    return realtime if realtime is not None and getattr(realtime, "is_running", True) else None


def load_config(workspace_id: int) -> "WorkspaceConfig":
    """Read all that the running server needs of a workspace.

    Raises:
        NotFound: there is no such workspace.
        SecretKeyMismatch: its signing keys were encrypted with another secret key.
    """
    from ..realtime.workspace import WorkspaceConfig

    with reading() as session:
        row = session.get(Workspace, workspace_id)
        if row is None:
            raise NotFound({"workspace": "There is no such workspace."})
        version = session.get(RuleSetVersion, row.active_version_id) if row.active_version_id else None
        verifier_parts = _verifier_parts(session, workspace_id)
        open_blocks = select(Block).where(
            Block.workspace_id == workspace_id, Block.ended_at.is_(None), Block.expires_at > now()
        )
        of_workspace = select(Webhook).where(Webhook.workspace_id == workspace_id).order_by(Webhook.id)
        webhooks = list(session.scalars(of_workspace))
        blocks = tuple(_block(block) for block in session.scalars(open_blocks.order_by(Block.id)))
    return WorkspaceConfig(
        id=row.id,
        canonical=row.canonical,
        rules=compiled.rule_set(version),
        verifier=_verifier(row.canonical, verifier_parts),
        origins=tuple(row.allowed_origins),
        generation=row.generation,
        capture=Capture(
            Mode(row.capture_mode),
            row.capture_until.timestamp() if row.capture_until is not None else 0.0,
            frozenset(name.lower() for name in row.redacted_fields),
        ),
        blocks=blocks,
        hooks=compiled.hooks(webhooks),
    )


def _block(row: Block) -> "LiveBlock":
    from ..realtime.workspace import Block as LiveBlock

    by_user = row.subject == "user"
    return LiveBlock(row.expires_at.timestamp(), row.value if by_user else None, None if by_user else row.value)


def load_verifier(workspace: Workspace) -> TokenVerifier:
    """Read what verifying a workspace's tokens needs.

    Raises:
        SecretKeyMismatch: its signing keys were encrypted with another secret key.
    """
    with reading() as session:
        parts = _verifier_parts(session, workspace.id)
    return _verifier(workspace.canonical, parts)


def refresh(workspace_id: int) -> "ApplyReport | None":
    """Bring the server in this process to the workspace's present state; None where none runs."""
    realtime = running()
    if realtime is None:
        return None
    with _refreshing:
        return realtime.apply(load_config(workspace_id))


def watch() -> int:
    """Take over what other processes have changed; called twice a second. Returns how many workspaces changed."""
    realtime = running()
    if realtime is None:
        return 0
    with reading() as session:
        stored = session.execute(select(Workspace.id, Workspace.canonical, Workspace.generation)).all()
    changed = 0
    for workspace_id, canonical, generation in stored:
        live = realtime.workspace(canonical)
        if live is None or live.config.generation != generation:
            refresh(workspace_id)
            changed += 1
    return changed


def preview(workspace: Workspace, rules: RuleSet) -> Preview | None:
    """Say what putting rules in force would do to the connected clients; None where no server runs here."""
    realtime = running()
    live = realtime.workspace(workspace.canonical) if realtime is not None else None
    return look_ahead(live, rules) if live is not None else None


_VerifierParts = tuple[list[SigningKey], frozenset[str], bool]


def _verifier_parts(session: Session, workspace_id: int) -> _VerifierParts:
    keys = list(
        session.scalars(
            select(SigningKey)
            .where(SigningKey.workspace_id == workspace_id, SigningKey.is_active.is_(True))
            .order_by(SigningKey.id)
        )
    )
    revoked = select(RevokedToken.jti).where(
        RevokedToken.workspace_id == workspace_id,
        RevokedToken.expires_at.is_(None) | (RevokedToken.expires_at > now()),
    )
    several = (session.scalar(select(func.count()).select_from(Workspace)) or 0) > 1
    return keys, frozenset(session.scalars(revoked)), several


def _verifier(canonical: str, parts: _VerifierParts) -> TokenVerifier:
    keys, revoked, several = parts
    return TokenVerifier(compiled.verifying(keys), canonical, several, revoked)
