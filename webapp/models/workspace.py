"""Workspaces, and the immutable versions of their rules."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ..inspector.capture import REDACTED_BY_DEFAULT, Mode
from .base import Base, now


class Workspace(Base):
    """One tenant: its own rules, keys, clients and history.

    ``generation`` grows with every change that the running server has to take over.
    """

    __tablename__ = "workspace"

    id: Mapped[int] = mapped_column(primary_key=True)
    canonical: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    active_version_id: Mapped[int | None] = mapped_column(ForeignKey("rule_set_version.id", use_alter=True))
    generation: Mapped[int] = mapped_column(default=1)
    allowed_origins: Mapped[list[str]] = mapped_column(JSON, default=list)
    capture_mode: Mapped[str] = mapped_column(String(20), default=Mode.METADATA.value)
    """What the inspector keeps of messages when payloads are not captured: metadata, or nothing (off)."""
    capture_until: Mapped[datetime | None]
    """Until when payloads are captured too."""
    redacted_fields: Mapped[list[str]] = mapped_column(JSON, default=lambda: list(REDACTED_BY_DEFAULT))
    """Fields of payloads whose values nobody is shown."""
    created_at: Mapped[datetime] = mapped_column(default=now)


class RuleSetVersion(Base):
    """A published rule set. What it holds never changes: in force is the one that the workspace points to."""

    __tablename__ = "rule_set_version"
    __table_args__ = (UniqueConstraint("workspace_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    number: Mapped[int]
    document: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text, default="")
    removed: Mapped[int | None]
    """Memberships that publishing it ended, in ``removed_channels``; None where no server ran in that process."""
    removed_channels: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
