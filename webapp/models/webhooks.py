"""Webhooks, and what is to be delivered to them."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now


class Webhook(Base):
    """An address that is told of what happens in a workspace.

    ``secret`` and ``old_secret`` are encrypted; the old one signs too until ``old_secret_until``. ``events`` and
    ``channels`` hold what it subscribes to (no channel pattern: all), ``condition`` a JavaScript expression or nothing,
    ``alerts`` what it watches. ``of_triggers`` is set where it was made for the address that a step of a trigger names.
    ``off_reason`` says why it was switched off at ``off_since``.
    """

    __tablename__ = "webhook"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    old_secret: Mapped[str | None] = mapped_column(Text)
    old_secret_until: Mapped[datetime | None]
    events: Mapped[list[str]] = mapped_column(JSON, default=list)
    channels: Mapped[list[str]] = mapped_column(JSON, default=list)
    condition: Mapped[str] = mapped_column(Text, default="")
    alerts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    of_triggers: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    off_since: Mapped[datetime | None]
    off_reason: Mapped[str] = mapped_column(Text, default="")
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)


class DeliveryState(StrEnum):
    """How far a delivery is."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class WebhookDelivery(Base):
    """One post that is to be made, and what came of it.

    ``key`` is its ``webhook-id``. ``next_at`` is when it is due, None once it is over, at ``finished_at``.
    ``status``, ``error``, ``answer`` (its beginning) and ``headers`` (as sent) are those of the last attempt.
    The webhook is no foreign key: that it was deleted a moment ago must not refuse the messages of a turn.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index(None, "webhook_id", "state", "next_at"),
        Index(None, "webhook_id", "id"),
        Index(None, "workspace_id", "finished_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    key: Mapped[str] = mapped_column(String(40))
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"))
    webhook_id: Mapped[int]
    event: Mapped[str] = mapped_column(String(100))
    body: Mapped[str] = mapped_column(Text)
    conditional: Mapped[bool] = mapped_column(default=False)
    """Whether the webhook's condition is looked at before the first attempt."""
    created_at: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[str] = mapped_column(String(20), default=DeliveryState.PENDING.value)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    status: Mapped[int | None]
    error: Mapped[str] = mapped_column(Text, default="")
    answer: Mapped[str] = mapped_column(Text, default="")
    headers: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    finished_at: Mapped[datetime | None]
