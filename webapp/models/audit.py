"""What was changed, by whom, and why."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, now


class Source(StrEnum):
    """Where a change came from."""

    WEB = "web"
    API = "api"
    CLI = "cli"
    SYSTEM = "system"


class Action(StrEnum):
    """What was done, as ``subject:verb``."""

    WORKSPACE_CREATE = "workspace:create"
    WORKSPACE_UPDATE = "workspace:update"
    RULES_PUBLISH = "rules:publish"
    RULES_ROLLBACK = "rules:rollback"
    RULE_CREATE = "rule:create"
    RULE_UPDATE = "rule:update"
    RULE_DELETE = "rule:delete"
    RULE_ENABLE = "rule:enable"
    RULE_DISABLE = "rule:disable"
    DRAFT_CHANGE = "draft:change"
    DRAFT_UPDATE = "draft:update"
    DRAFT_DISCARD = "draft:discard"
    TEST_CREATE = "test:create"
    TEST_UPDATE = "test:update"
    TEST_APPLY = "test:apply"
    TEST_DELETE = "test:delete"
    TOKEN_MINT = "token:mint"
    TOKEN_REVOKE = "token:revoke"
    KEY_ADD = "key:add"
    KEY_REVEAL = "key:reveal"
    KEY_ACTIVATE = "key:activate"
    KEY_DEACTIVATE = "key:deactivate"
    APIKEY_CREATE = "apikey:create"
    APIKEY_REVOKE = "apikey:revoke"
    ADMIN_CREATE = "admin:create"
    ADMIN_PASSWORD = "admin:password"
    ADMIN_DELETE = "admin:delete"
    ADMIN_SIGN_IN = "admin:sign_in"
    ADMIN_SIGN_IN_FAILED = "admin:sign_in_failed"
    ADMIN_SIGN_OUT = "admin:sign_out"
    ADMIN_REFUSED = "admin:refused"
    TOTP_ENABLE = "totp:enable"
    TOTP_DISABLE = "totp:disable"
    RECOVERY_CODE_USE = "recovery_code:use"
    RECOVERY_CODES_CREATE = "recovery_codes:create"
    SESSION_END = "session:end"
    INVITATION_CREATE = "invitation:create"
    INVITATION_REVOKE = "invitation:revoke"
    INVITATION_USE = "invitation:use"
    ROLE_SET = "role:set"
    ROLE_REMOVE = "role:remove"
    SETUP_LINK_CREATE = "setup_link:create"
    CLIENT_CLOSE = "client:close"
    CHANNEL_PUT_IN = "channel:put_in"
    CHANNEL_TAKE_OUT = "channel:take_out"
    MESSAGE_DELETE = "message:delete"
    MESSAGE_RESEND = "message:resend"
    EVENT_SEND = "event:send"
    BLOCK_CREATE = "block:create"
    BLOCK_END = "block:end"
    CAPTURE_SET = "capture:set"
    RECORDING_START = "recording:start"
    RECORDING_STOP = "recording:stop"
    RECORDING_DELETE = "recording:delete"
    WEBHOOK_CREATE = "webhook:create"
    WEBHOOK_UPDATE = "webhook:update"
    WEBHOOK_ENABLE = "webhook:enable"
    WEBHOOK_DISABLE = "webhook:disable"
    WEBHOOK_ROTATE = "webhook:rotate"
    WEBHOOK_DELETE = "webhook:delete"
    WEBHOOK_TEST = "webhook:test"
    WEBHOOK_RESEND = "webhook:resend"
    TRIGGER_LOG = "trigger:log"


class AuditEntry(Base):
    """One change. ``before`` and ``after`` never hold secrets."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index(None, "workspace_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace_id: Mapped[int | None] = mapped_column(ForeignKey("workspace.id"))
    at: Mapped[datetime] = mapped_column(default=now)
    actor: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(20))
    action: Mapped[str] = mapped_column(String(40))
    before: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str] = mapped_column(Text, default="")
    address: Mapped[str | None] = mapped_column(String(64))
