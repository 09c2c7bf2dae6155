"""The tables."""

from .access import Admin, AdminSession, ApiKey, Invitation, RecoveryCode, Role, RoleName, Scope, SetupLink
from .audit import Action, AuditEntry, Source
from .base import Base, UTCDateTime, now
from .drafts import Draft, DraftChange, RuleTest
from .inspection import Block, Recording
from .messages import StoredMessage
from .tokens import KeyKind, MintedToken, RevokedToken, SigningKey
from .webhooks import DeliveryState, Webhook, WebhookDelivery
from .workspace import RuleSetVersion, Workspace

__all__ = [
    "Action",
    "Admin",
    "AdminSession",
    "ApiKey",
    "AuditEntry",
    "Base",
    "Block",
    "DeliveryState",
    "Draft",
    "DraftChange",
    "Invitation",
    "KeyKind",
    "MintedToken",
    "Recording",
    "RecoveryCode",
    "RevokedToken",
    "Role",
    "RoleName",
    "RuleSetVersion",
    "RuleTest",
    "Scope",
    "SetupLink",
    "SigningKey",
    "Source",
    "StoredMessage",
    "UTCDateTime",
    "Webhook",
    "WebhookDelivery",
    "Workspace",
    "now",
]
