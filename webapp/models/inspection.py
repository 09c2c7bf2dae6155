"""What is remembered of acting on live traffic: blocks, and recordings."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now


class Block(Base):
    """Keeps a user or a network address out of a workspace for a time.

    ``subject`` is ``user`` or ``address``, ``value`` the user id or the address.
    """

    __tablename__ = "block"
    __table_args__ = (Index(None, "workspace_id", "expires_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    subject: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Recording(Base):
    """A recording of what the inspector saw. What it holds is a file of JSON lines in the instance folder.

    ``filter`` holds the inspector's filter as in its address; ``missed`` counts what passed too fast to be read.
    ``ended_by`` says why it ended, see ``inspector.recording.EndedBy``; None while it runs.
    """

    __tablename__ = "recording"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    filter: Mapped[Any] = mapped_column(JSON)
    most_bytes: Mapped[int] = mapped_column(BigInteger)
    most_seconds: Mapped[int]
    started_by: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None] = mapped_column(String(20))
    lines: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    missed: Mapped[int] = mapped_column(BigInteger, default=0)
