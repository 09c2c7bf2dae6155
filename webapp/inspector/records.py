"""What the tap keeps: one compact record a message, and one for whatever else happened to a connection.

A record refers to what exists anyway. Lines of the inspector, routes and explanations are made from it when
someone looks (`lines`, `traces`).
"""

from enum import StrEnum

import msgspec

from ..core.actors import Actor, Kind
from ..core.codes import Code
from ..realtime.events import Message, Refusal
from ..triggers.runs import Run

Members = tuple[tuple[Kind, int], ...]
"""Who was in a channel: each kind of client with how many of them."""


class Detail(msgspec.Struct, gc=False):
    """What is kept of a message besides, while somebody watches: clock readings in monotonic seconds, 0 for none.

    ``frame`` is what the client sent, only where payloads are captured.
    """

    parsed: float = 0.0
    decided: float = 0.0
    stored: float = 0.0
    written: float = 0.0
    frame: bytes | None = None


class MessageRecord(msgspec.Struct, frozen=True, gc=False):
    """A message that was accepted. Times are monotonic seconds.

    ``seq`` counts everything that the tap noted, in its order. ``actor`` is the sender, None for the server.
    ``members`` says who was in the channel, for a private message its recipient alone; None where it is not known.
    ``recipients`` is None where the message could not be stored. ``by`` names the admin who had it sent, ``to_user``
    the user whose clients alone an event was for. ``handed`` is the tick at which it was handed on, 0 where that was at
    once: what is stored first goes to whoever is in the channel by then. ``runs`` is what triggers
    did; ``blocked`` is set where they kept a message of the server from being sent.
    """

    seq: int
    workspace: str
    message: Message
    version: int
    actor: Actor | None
    members: Members | None
    recipients: int | None
    received: float
    published: float
    detail: Detail | None = None
    by: str = ""
    to_user: str = ""
    handed: int = 0
    runs: tuple[Run, ...] = ()
    blocked: Code | None = None

    @property
    def id(self) -> int:
        return self.message.id

    @property
    def moment(self) -> int:
        """The tick at which it was handed on."""
        return self.handed or self.message.id

    @property
    def size(self) -> int:
        """The bytes that it keeps alive."""
        frame = self.detail.frame if self.detail is not None else None
        return len(self.message.payload) + (len(frame) if frame is not None else 0)


class What(StrEnum):
    """What happened to a connection."""

    CONNECT = "connect"
    JOIN = "join"
    LEAVE = "leave"
    CLOSE = "close"


class Happening(msgspec.Struct, frozen=True, gc=False):
    """Something that happened to a connection other than a message or a refusal.

    ``id`` is its moment, in ticks as a message's. ``since`` is when what ended had begun (the membership of a LEAVE,
    the connection of a CLOSE). ``why`` says why it ended, ``by`` names the admin who ended it. ``code`` is a CLOSE's
    close code; ``cut`` the monotonic time of the first message that a slow client never got, 0 for none. ``runs``
    is what triggers did about a JOIN.
    """

    seq: int
    id: int
    workspace: str
    what: What
    socket_id: str
    actor: Actor
    channel: str | None = None
    address: str = ""
    protocol: str = ""
    user_agent: str = ""
    since: int = 0
    why: str = ""
    by: str = ""
    code: int = 0
    cut: float = 0.0
    runs: tuple[Run, ...] = ()

    @property
    def size(self) -> int:
        return 0


Record = MessageRecord | Refusal | Happening
