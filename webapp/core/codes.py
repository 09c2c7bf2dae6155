"""Every code that a client, an API answer or the inspector can show, with the sentence a person reads."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Code(StrEnum):
    """Why something was refused. Stable: clients and saved tests compare these strings."""

    NO_RULE = "no_rule"
    ANONYMOUS_NOT_ALLOWED = "anonymous_not_allowed"
    NOT_JOINED = "not_joined"
    PUBLIC_MESSAGING_OFF = "public_messaging_off"
    AUTHENTICATION_REQUIRED = "authentication_required"
    AUTHENTICATED_MESSAGING_OFF = "authenticated_messaging_off"
    PRIVATE_MESSAGING_OFF = "private_messaging_off"
    PRESENCE_OFF = "presence_off"
    PRESENCE_NOT_REQUESTED = "presence_not_requested"
    HISTORY_OFF = "history_off"
    TARGET_NOT_PRESENT = "target_not_present"
    GRANT_MISSING = "grant_missing"
    CHANNEL_NOT_AUTHORIZED = "channel_not_authorized"
    BLOCKED_BY_TRIGGER = "blocked_by_trigger"
    TRIGGER_FAILED = "trigger_failed"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_CHANNELS = "too_many_channels"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    INVALID_CHANNEL = "invalid_channel"
    INVALID_FRAME = "invalid_frame"
    MESSAGE_TOO_LARGE = "message_too_large"
    TOKEN_INVALID = "token_invalid"
    TOKEN_EXPIRED = "token_expired"
    TOKEN_REVOKED = "token_revoked"
    BLOCKED = "blocked"
    KICKED = "kicked"
    BANNED = "banned"
    MUTED = "muted"
    WORKSPACE_DISABLED = "workspace_disabled"
    UNKNOWN_WORKSPACE = "unknown_workspace"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    SLOW_CLIENT = "slow_client"
    PING_TIMEOUT = "ping_timeout"
    BROKER_UNAVAILABLE = "broker_unavailable"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    INTERNAL_ERROR = "internal_error"

    @property
    def sentence(self) -> str:
        """What a client is told. Reveals nothing about other channels, rules or clients."""
        return SENTENCES[self]


SENTENCES: dict[Code, str] = {
    Code.NO_RULE: "No active rule allows this channel.",
    # Xano's own text, which front ends compare: protocols/xano.md, "Server to client".
    Code.ANONYMOUS_NOT_ALLOWED: "Anonymous clients cannot join this channel.",
    Code.NOT_JOINED: "Join this channel first.",
    Code.PUBLIC_MESSAGING_OFF: "Public messages are switched off on this channel.",
    Code.AUTHENTICATION_REQUIRED: "This needs an authenticated client: connect with a valid token.",
    Code.AUTHENTICATED_MESSAGING_OFF: "Authenticated messages are switched off on this channel.",
    Code.PRIVATE_MESSAGING_OFF: "Private messages are switched off on this channel.",
    Code.PRESENCE_OFF: "Presence is switched off on this channel.",
    Code.PRESENCE_NOT_REQUESTED: "Presence was not asked for when joining this channel.",
    Code.HISTORY_OFF: "This channel keeps no history.",
    Code.TARGET_NOT_PRESENT: "The client this message is addressed to cannot receive it on this channel.",
    Code.GRANT_MISSING: "The token does not grant this on this channel.",
    Code.CHANNEL_NOT_AUTHORIZED: "The token does not authorize this channel.",
    Code.BLOCKED_BY_TRIGGER: "A trigger of this channel blocked this.",
    Code.TRIGGER_FAILED: "A trigger of this channel failed, so this was not let through.",
    Code.RATE_LIMITED: "Too many messages: wait a moment and send again.",
    Code.TOO_MANY_CHANNELS: "This client is in as many channels as it may be in. Leave one first.",
    Code.TOO_MANY_CONNECTIONS: "There are as many connections as the server allows. Try again later.",
    Code.INVALID_CHANNEL: "A channel name has 1 to 255 characters and no control characters.",
    Code.INVALID_FRAME: "The server could not read this frame.",
    Code.MESSAGE_TOO_LARGE: "The message is larger than the server accepts.",
    Code.TOKEN_INVALID: "The token was not accepted, so this client is anonymous.",
    Code.TOKEN_EXPIRED: "The token has expired.",
    Code.TOKEN_REVOKED: "The token has been revoked.",
    Code.BLOCKED: "This client is blocked for the time being.",
    Code.KICKED: "An administrator ended this connection.",
    Code.BANNED: "This user is banned from this channel.",
    Code.MUTED: "This user is muted on this channel.",
    Code.WORKSPACE_DISABLED: "Realtime is switched off in this workspace.",
    # The text that Xano's service sends for an unknown canonical: protocols/xano.md, "Close codes".
    Code.UNKNOWN_WORKSPACE: "Unknown connection hash",
    Code.ORIGIN_NOT_ALLOWED: "Pages of this origin may not connect to this workspace.",
    Code.SLOW_CLIENT: "The client read too slowly and too much was waiting for it.",
    Code.PING_TIMEOUT: "The client did not answer the server's ping in time.",
    Code.BROKER_UNAVAILABLE: "The message could not be passed on just now. Try again.",
    Code.STORAGE_UNAVAILABLE: "The message could not be stored just now, so it was not sent. Try again.",
    Code.INTERNAL_ERROR: "Something went wrong on the server. The reference number finds it in the log.",
}


class CloseCode(IntEnum):
    """WebSocket close codes the server sends (RFC 6455 §7.4.1 and the private range 4000–4999)."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    RECONNECT = 4000
    REFUSED = 4401

    @property
    def meaning(self) -> "CloseMeaning":
        return CLOSE_MEANINGS[self]


@dataclass(frozen=True, slots=True)
class CloseMeaning:
    """What a close code says, and whether Xano's SDK connects again by itself (protocols/xano.md)."""

    sentence: str
    sdk_reconnects: bool


CLOSE_MEANINGS: dict[CloseCode, CloseMeaning] = {
    CloseCode.NORMAL: CloseMeaning("The connection ended as intended.", False),
    CloseCode.PROTOCOL_ERROR: CloseMeaning("The client broke the WebSocket protocol.", False),
    CloseCode.UNSUPPORTED_DATA: CloseMeaning("The client sent a kind of frame this protocol does not use.", False),
    CloseCode.INVALID_DATA: CloseMeaning("A text frame was not valid UTF-8.", False),
    CloseCode.POLICY_VIOLATION: CloseMeaning("The client did what no client does, such as endless fragments.", False),
    CloseCode.MESSAGE_TOO_BIG: CloseMeaning("A message was larger than the server reads.", False),
    CloseCode.INTERNAL_ERROR: CloseMeaning(
        "The server gave the connection up (no answer to a ping, or a fault).", True
    ),
    CloseCode.SERVICE_RESTART: CloseMeaning("The server restarts: connect again.", True),
    CloseCode.TRY_AGAIN_LATER: CloseMeaning("Too much was waiting, or the server is full: connect again.", True),
    CloseCode.RECONNECT: CloseMeaning("The token ended: connect again with the current one.", True),
    CloseCode.REFUSED: CloseMeaning("Refused for good: connecting again with the same would not help.", False),
}
