"""The operations as columns, in the groups that one thinks in."""

from dataclasses import dataclass

from ...core.permissions import Operation


@dataclass(frozen=True, slots=True)
class Column:
    """One operation: a short head, and what it says where it stands alone."""

    operation: Operation
    head: str
    words: str

    @property
    def index(self) -> int:
        return list(Operation).index(self.operation)


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    columns: tuple[Column, ...]


GROUPS = (
    Group("Join", (Column(Operation.JOIN, "join", "Join"),)),
    Group(
        "Public",
        (
            Column(Operation.SEND_PUBLIC, "send", "Send public messages"),
            Column(Operation.RECEIVE_PUBLIC, "receive", "Receive public messages"),
        ),
    ),
    Group(
        "Authenticated",
        (
            Column(Operation.SEND_AUTHENTICATED, "send", "Send authenticated messages"),
            Column(Operation.RECEIVE_AUTHENTICATED, "receive", "Receive authenticated messages"),
        ),
    ),
    Group(
        "Private",
        (
            Column(Operation.SEND_PRIVATE, "send", "Send private messages"),
            Column(Operation.RECEIVE_PRIVATE, "receive", "Receive private messages"),
        ),
    ),
    Group("Events", (Column(Operation.RECEIVE_EVENT, "receive", "Receive events of the server"),)),
    Group(
        "Presence",
        (
            Column(Operation.IN_PRESENCE, "listed", "Be listed in presence"),
            Column(Operation.SEES_PRESENCE, "sees", "See who is there"),
        ),
    ),
    Group("History", (Column(Operation.READ_HISTORY, "read", "Read the history"),)),
)
