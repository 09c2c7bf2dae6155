"""Signing keys, and what is remembered of the tokens made with them."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now


class KeyKind(StrEnum):
    """What a signing key is: an algorithm with its secret or public key, or a set of keys."""

    HS256 = "HS256"
    RS256 = "RS256"
    ES256 = "ES256"
    EDDSA = "EdDSA"
    JWKS = "JWKS"
    JWKS_URL = "JWKS_URL"


class SigningKey(Base):
    """A key that verifies tokens; a secret also mints them. ``material`` and ``fetched`` are encrypted."""

    __tablename__ = "signing_key"
    __table_args__ = (UniqueConstraint("workspace_id", "kid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    kid: Mapped[str] = mapped_column(String(100))
    algorithm: Mapped[str] = mapped_column(String(10))
    material: Mapped[str] = mapped_column(Text)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    fetched: Mapped[str | None] = mapped_column(Text)
    fetched_at: Mapped[datetime | None]
    fetch_problem: Mapped[str | None] = mapped_column(Text)


class MintedToken(Base):
    """A token made here. The token itself is shown once and never kept."""

    __tablename__ = "minted_token"
    __table_args__ = (Index(None, "workspace_id", "created_at"),)

    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"))
    subject: Mapped[str | None] = mapped_column(String(255))
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    session_id: Mapped[int | None]
    """The session of the dashboard that a test client's token ends with; not a foreign key: sessions are forgotten."""


class RevokedToken(Base):
    """A token that is no longer accepted; remembered until it would have expired anyway."""

    __tablename__ = "revoked_token"

    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), primary_key=True)
    jti: Mapped[str] = mapped_column(String(255), primary_key=True)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime] = mapped_column(default=now)
