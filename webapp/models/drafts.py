"""What is not in force yet: a workspace's draft, what changed in it, and the tests that drafts are held against."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now


class Draft(Base):
    """The rule set that a workspace's editors work on together; one at a time.

    ``base_number`` is the version that it was begun from (0: none was published yet), ``revision`` grows with every
    change of it, from a first one that no other draft has had.
    """

    __tablename__ = "draft"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), primary_key=True)
    base_number: Mapped[int]
    document: Mapped[str] = mapped_column(Text)
    changes: Mapped[int]
    """How many rules and switches are not what they are in ``base_number``."""
    revision: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_by: Mapped[str] = mapped_column(String(200))
    updated_at: Mapped[datetime] = mapped_column(default=now)


class DraftChange(Base):
    """One change of a draft: who made it, and the rule (or the switches) before and after."""

    __tablename__ = "draft_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    at: Mapped[datetime] = mapped_column(default=now)
    actor: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(40))
    before: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))


class RuleTest(Base):
    """What must hold of every rule set: someone may, or may not, do something on a channel.

    ``identity`` holds the claims of a token, None for an anonymous client.
    """

    __tablename__ = "rule_test"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    channel: Mapped[str] = mapped_column(String(255))
    operation: Mapped[str] = mapped_column(String(40))
    identity: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    allowed: Mapped[bool]
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
