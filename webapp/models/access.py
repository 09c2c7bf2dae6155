"""Who may administrate: admins with their roles, set-up links, API keys."""

from datetime import datetime
from enum import StrEnum

from flask_login import UserMixin
from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now


class RoleName(StrEnum):
    """What an admin may do in a workspace; each role includes those after it."""

    OWNER = "owner"
    EDITOR = "editor"
    DEVELOPER = "developer"
    VIEWER = "viewer"

    def includes(self, other: "RoleName") -> bool:
        """Whether someone with this role may do what ``other`` may."""
        order = list(RoleName)
        return order.index(self) <= order.index(other)


class Scope(StrEnum):
    """What an API key may do."""

    PUBLISH = "publish"
    READ = "read"
    TOKENS = "tokens"
    RULES = "rules"


class Admin(UserMixin, Base):
    """A person who signs in to the dashboard."""

    __tablename__ = "admin"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(100), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=now)
    totp_secret: Mapped[str | None] = mapped_column(Text)
    """Encrypted; set while TOTP is being switched on, too."""
    totp_confirmed_at: Mapped[datetime | None]
    """When the first code was given; until then signing in asks for none."""
    totp_step: Mapped[int | None]
    """The 30-second step of the last code that was accepted, so that none is accepted twice."""


class RecoveryCode(Base):
    """A code that signs in once in place of a TOTP code. Only its hash is kept."""

    __tablename__ = "recovery_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("admin.id", ondelete="CASCADE"), index=True)
    hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class AdminSession(Base):
    """A browser that an admin has signed in with. Only the hash of its secret is kept."""

    __tablename__ = "admin_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("admin.id", ondelete="CASCADE"), index=True)
    address: Mapped[str | None] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None]


class Invitation(Base):
    """A one-time link that gives whoever opens it a role in a workspace. Only its hash is kept."""

    __tablename__ = "invitation"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(200), default="")
    created_by: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None] = mapped_column(String(200))
    revoked_at: Mapped[datetime | None]


class Role(Base):
    """The role of an admin in one workspace."""

    __tablename__ = "role"

    admin_id: Mapped[int] = mapped_column(ForeignKey("admin.id", ondelete="CASCADE"), primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20))


class SetupLink(Base):
    """A one-time link that makes an owner. Only its hash is kept."""

    __tablename__ = "setup_link"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiKey(Base):
    """A key of the JSON API, bound to a workspace and to scopes. Only its hash is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspace.id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16), unique=True)
    hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    def may(self, scope: Scope) -> bool:
        return scope.value in self.scopes
