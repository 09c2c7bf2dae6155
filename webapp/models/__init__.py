"""The tables."""

from .access import Admin, ApiKey, Role, RoleName, Scope, SetupLink
from .audit import Action, AuditEntry, Source
from .base import Base, UTCDateTime, now
from .messages import StoredMessage
from .tokens import KeyKind, MintedToken, RevokedToken, SigningKey
from .workspace import RuleSetVersion, Workspace

__all__ = [
    "Action",
    "Admin",
    "ApiKey",
    "AuditEntry",
    "Base",
    "KeyKind",
    "MintedToken",
    "RevokedToken",
    "Role",
    "RoleName",
    "RuleSetVersion",
    "Scope",
    "SetupLink",
    "SigningKey",
    "Source",
    "StoredMessage",
    "UTCDateTime",
    "Workspace",
    "now",
]
