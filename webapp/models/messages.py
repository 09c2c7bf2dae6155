"""The messages that channels with history keep."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base


class StoredMessage(Base):
    """A message of a channel with history.

    ``id`` is its timetoken: 17 digits, 100-nanosecond ticks since 1970. ``thread`` is the key of the pair in a
    private message, ``socket_id`` and ``user_id`` are the sender's, ``target_id`` is the recipient's socketId;
    ``authenticated`` is the mark it was sent with, ``event`` a server event's name. ``sender`` and ``payload`` are
    JSON texts as they go over the wire.
    """

    __tablename__ = "stored_message"
    __table_args__ = (Index(None, "workspace_id", "channel", "id"), Index(None, "workspace_id", "thread", "id"))

    # INTEGER is SQLite's own row number: the table is then its primary key's index.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    channel: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(String(20))
    socket_id: Mapped[str | None] = mapped_column(String(64))
    user_id: Mapped[str | None] = mapped_column(Text)
    target_id: Mapped[str | None] = mapped_column(String(64))
    authenticated: Mapped[bool] = mapped_column(default=False)
    event: Mapped[str | None] = mapped_column(Text)
    sender: Mapped[str | None] = mapped_column(Text)
    payload: Mapped[str] = mapped_column(Text)
    thread: Mapped[str | None] = mapped_column(Text)
    at_ms: Mapped[int] = mapped_column(BigInteger)
    deleted_at: Mapped[datetime | None]
