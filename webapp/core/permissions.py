"""The seven permissions of a rule, the operations they open, and what a token grant must hold for each."""

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """A box of a rule, by the name that Xano's settings use (protocols/xano.md, "The settings")."""

    ANONYMOUS_CLIENTS = "anonymous_clients"
    PRESENCE = "presence"
    CLIENT_PUBLIC_MESSAGING = "client_public_messaging"
    CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY = "client_public_messaging_authenticated_only"
    CLIENT_AUTHENTICATED_MESSAGING = "client_authenticated_messaging"
    CLIENT_PRIVATE_MESSAGING = "client_private_messaging"
    CLIENT_PRIVATE_MESSAGING_AUTHENTICATED_ONLY = "client_private_messaging_authenticated_only"


@dataclass(frozen=True, slots=True)
class PermissionInfo:
    """How a permission is shown: the letter of the specification, a label, and what ticking it does."""

    letter: str
    label: str
    help: str
    narrows: Permission | None = None


PERMISSIONS: dict[Permission, PermissionInfo] = {
    Permission.ANONYMOUS_CLIENTS: PermissionInfo(
        "A", "Anonymous clients", "Clients without a token may join and hear what is public."
    ),
    Permission.PRESENCE: PermissionInfo(
        "P", "Presence", "Members are listed; those who ask for it when joining see who is there."
    ),
    Permission.CLIENT_PUBLIC_MESSAGING: PermissionInfo(
        "M",
        "Client public messaging",
        "Clients may send messages to everyone in the channel. Open to all, it lets anonymous clients in.",
    ),
    Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY: PermissionInfo(
        "Ma",
        "Authenticated only",
        "Only clients with a token may send public messages.",
        Permission.CLIENT_PUBLIC_MESSAGING,
    ),
    Permission.CLIENT_AUTHENTICATED_MESSAGING: PermissionInfo(
        "X",
        "Client authenticated messaging",
        "Clients with a token may send messages that only clients with a token receive. "
        "It lets anyone connect, but alone it leaves anonymous clients silent.",
    ),
    Permission.CLIENT_PRIVATE_MESSAGING: PermissionInfo(
        "V", "Client private messaging", "Members may send a message to one other member."
    ),
    Permission.CLIENT_PRIVATE_MESSAGING_AUTHENTICATED_ONLY: PermissionInfo(
        "Va",
        "Authenticated only",
        "Private messages need a token on both ends.",
        Permission.CLIENT_PRIVATE_MESSAGING,
    ),
}

HISTORY_DEPTHS = (0, 25, 50, 100, 250, 1000)
"""How many messages a rule may keep for a channel (0: none)."""


class Operation(StrEnum):
    """What an actor asks for on a channel."""

    JOIN = "join"
    SEND_PUBLIC = "send_public"
    RECEIVE_PUBLIC = "receive_public"
    SEND_AUTHENTICATED = "send_authenticated"
    RECEIVE_AUTHENTICATED = "receive_authenticated"
    SEND_PRIVATE = "send_private"
    RECEIVE_PRIVATE = "receive_private"
    RECEIVE_EVENT = "receive_event"
    IN_PRESENCE = "in_presence"
    SEES_PRESENCE = "sees_presence"
    READ_HISTORY = "read_history"

    @property
    def words(self) -> str:
        return self.value.replace("_", " ")


class GrantPermission(StrEnum):
    """What a token's grant entry can hold (protocols/pubnub.md §3 and §4)."""

    READ = "read"
    WRITE = "write"
    GET = "get"
    MANAGE = "manage"
    UPDATE = "update"
    JOIN = "join"
    DELETE = "delete"


GRANT_NEEDED: dict[Operation, GrantPermission | None] = {
    Operation.JOIN: GrantPermission.READ,
    Operation.SEND_PUBLIC: GrantPermission.WRITE,
    Operation.RECEIVE_PUBLIC: GrantPermission.READ,
    Operation.SEND_AUTHENTICATED: GrantPermission.WRITE,
    Operation.RECEIVE_AUTHENTICATED: GrantPermission.READ,
    Operation.SEND_PRIVATE: GrantPermission.WRITE,
    Operation.RECEIVE_PRIVATE: GrantPermission.READ,
    Operation.RECEIVE_EVENT: GrantPermission.READ,
    Operation.IN_PRESENCE: None,  # being listed is no permission of one's own
    Operation.SEES_PRESENCE: GrantPermission.READ,
    Operation.READ_HISTORY: GrantPermission.READ,
}

SENDING = frozenset({Operation.SEND_PUBLIC, Operation.SEND_AUTHENTICATED, Operation.SEND_PRIVATE})
