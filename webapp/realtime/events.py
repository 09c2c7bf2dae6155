"""What travels between the faces, the engine and the hub: commands of clients, messages, traces."""

import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Container, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from ..core.actors import ANONYMOUS, Actor
from ..core.codes import Code
from ..core.decision import Decision
from ..core.policy import Facts
from ..triggers.moment import Party
from ..triggers.runs import Run

Json = bytes
"""JSON as it travels: what a client sent is checked once and passed on as the same bytes."""


class Kind(StrEnum):
    """What a message is, which decides who receives it."""

    PUBLIC = "public"
    AUTHENTICATED = "authenticated"
    PRIVATE = "private"
    EVENT = "event"


# Looking up a member of an enumeration takes 80 ns, several times a message: here it is done once.
PUBLIC, AUTHENTICATED, PRIVATE, EVENT = Kind.PUBLIC, Kind.AUTHENTICATED, Kind.PRIVATE, Kind.EVENT


# Commands and messages are msgspec's structs, made several times faster than dataclasses, one of each a message.
# ``reply`` is what a face needs to answer a command, None where its protocol does not; nobody else looks into it.


class Join(msgspec.Struct, frozen=True, gc=False):
    """Be let into a channel.

    ``encoder`` writes what this client gets there, None: the face of its connection. ``echoes``: it gets its own
    messages too. ``acknowledges``: what it sends is answered. ``key`` is what presence lists it under, None its
    socketId, and ``shows`` whether it is listed before it says so. ``token`` takes the place of the connection's.
    """

    channel: str
    wants_history: bool = False
    wants_presence: bool = False
    encoder: "Encoder | None" = None
    echoes: bool = True
    acknowledges: bool = True
    key: str | None = None
    shows: bool = True
    token: str | None = None
    reply: Any = None


class Leave(msgspec.Struct, frozen=True, gc=False):
    """Leave a channel."""

    channel: str
    reply: Any = None


class Send(msgspec.Struct, frozen=True, gc=False):
    """A message of a client: to the channel, to one ``socketId`` of it, or to the clients of one user in it.

    ``event`` is the name that its sender gave it, None where it is just a message.
    """

    channel: str
    payload: Json
    authenticated: bool = False
    socket_id: str | None = None
    user: str | None = None
    event: str | None = None
    reply: Any = None

    @property
    def private(self) -> bool:
        """Whether it is not for the whole channel."""
        return self.socket_id is not None or self.user is not None


class ReadHistory(msgspec.Struct, frozen=True, gc=False):
    """Ask for what was said; with ``socket_id`` in private with that client."""

    channel: str
    socket_id: str | None = None
    reply: Any = None


class Show(msgspec.Struct, frozen=True, gc=False):
    """Be listed in a channel's presence, with ``state`` (a JSON object) beside one's identity; None: not any more."""

    channel: str
    state: Json | None
    reply: Any = None


class Renew(msgspec.Struct, frozen=True, gc=False):
    """Go on under another token; None: as an anonymous client."""

    channel: str
    token: str | None
    reply: Any = None


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What the face has the whole answer to, such as a heartbeat."""

    frame: bytes


Question = Join | Leave | Send | ReadHistory | Show | Renew
"""What a client asks for, and what is answered, or refused."""
Command = Question | Answered


class FrameError(ValueError):
    """A frame that is no command. ``channel`` is set where the frame named one, ``reply`` as in a command."""

    def __init__(self, detail: str, channel: str | None = None, reply: Any = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.channel = channel
        self.reply = reply


class Sender:
    """The client that a message comes from, in the form that every face shows."""

    __slots__ = ("_json", "dbo_id", "extras", "party", "row_id", "socket_id", "user_id")

    def __init__(
        self, socket_id: str, extras: Mapping[str, Any], dbo_id: int, row_id: int, user_id: str | None = None
    ) -> None:
        self.socket_id = socket_id
        self.extras = extras
        self.dbo_id = dbo_id
        self.row_id = row_id
        self.user_id = user_id
        self._json: Json | None = None
        self.party: Party | None = None
        """The same client as triggers see it, once one has."""

    @property
    def json(self) -> Json:
        """``{"socketId", "extras", "permissions"}``, made when first needed (protocols/xano.md)."""
        if self._json is None:
            self._json = msgspec.json.encode(
                {
                    "socketId": self.socket_id,
                    "extras": dict(self.extras),
                    "permissions": {"dbo_id": self.dbo_id, "row_id": self.row_id},
                }
            )
        return self._json


class Message(msgspec.Struct, gc=False):
    """Something that is delivered to members of a channel.

    ``sender`` is the JSON of the client it comes from, None for a server event that names none. ``socket_id`` and
    ``user_id`` are the sender's, ``target_id`` is the socketId of the recipient of a private message, or
    ``target_user`` the user id, where it is for all clients of a user. ``stored``
    is set where the channel keeps history. ``id`` counts 100 ns ticks since 1970 and grows strictly. ``unmarked``
    is set where the rules alone made it authenticated, without its sender's mark. ``event`` is the name of a server's
    event, or the one that its sender gave it. ``unechoed``: its sender does not get it.
    """

    id: int
    channel: str
    kind: Kind
    payload: Json
    sender: Json | None = None
    socket_id: str | None = None
    user_id: str | None = None
    target_id: str | None = None
    authenticated: bool = False
    event: str | None = None
    thread: str | None = None
    stored: bool = False
    unmarked: bool = False
    unechoed: bool = False
    target_user: str | None = None

    @property
    def at_ms(self) -> int:
        """When it was accepted, in milliseconds since 1970."""
        return self.id // 10_000


class Present(msgspec.Struct, frozen=True, gc=False):
    """A member as presence lists it: ``client`` is its JSON as in messages.

    ``ref`` tells this entry of it from earlier and later ones. ``connected`` is when its connection was let in, in
    milliseconds since 1970. ``state`` is what it says of itself, a JSON object.
    """

    client: Json
    socket_id: str
    user_id: str | None
    key: str
    ref: int
    connected: int
    state: Json = b"{}"


class Encoder(Protocol):
    """How what happens in a channel is written: each method returns whole WebSocket frames, ready for any recipient.

    No bytes at all: the protocol has no word for it.
    """

    name: str
    waits_for_roster: bool
    """Whether its clients list nobody before they have had the whole list once."""

    def message(self, message: Message, *, to_sender: bool = False) -> bytes: ...

    def presence_full(self, channel: str, members: Sequence[Present]) -> bytes: ...

    def presence_update(self, channel: str, before: Present | None, after: Present | None) -> bytes:
        """Write that a member came (``before`` is None), went (``after`` is None), or is listed anew."""
        ...

    def history(self, channel: str, messages: Sequence[Message], own: Container[int] = (), reply: Any = None) -> bytes:
        """``own`` holds the ids of the private messages that the reader sent itself."""
        ...

    def taken_out(self, channel: str) -> bytes:
        """Write that the server took the client out of a channel."""
        ...

    def removed(self, channel: str, code: Code, text: str, ref: str) -> bytes:
        """Write that a change of the rules took the client out of a channel."""
        ...


class Face(Encoder, Protocol):
    """A protocol: reads a client's frames, writes the server's. Knows nothing of rules."""

    def decode(self, frame: bytes) -> Command:
        """Read a frame. Raises ``FrameError``."""
        ...

    def unpacked(self, binary: bytes) -> bytes:
        """Write a binary frame as the text frame that says the same. Raises ``FrameError``."""
        ...

    def blanked(self, frame: bytes) -> bytes:
        """Return a frame without the credentials in it."""
        ...

    def joined(self, command: Join, before: Join | None = None) -> bytes:
        """Answer a join; ``before`` is the earlier one of a client that is in already."""
        ...

    def is_outdated(self, command: Leave, joined: Join) -> bool:
        """Whether a leave is of another join than the last one."""
        ...

    def left(self, command: Leave) -> bytes: ...

    def done(self, channel: str, reply: Any) -> bytes:
        """Answer whatever else was done."""
        ...

    def error(self, channel: str | None, code: Code, text: str, ref: str, reply: Any = None) -> bytes: ...


class Refusal(msgspec.Struct):
    """A refusal in full, as the inspector keeps it. ``ref`` is the number the client was told, ``seq`` the tap's.

    ``told`` is what the client was told, empty if it was told nothing. ``command`` is what was asked for, without its
    payload; None for what concerns the connection. ``frame`` is what the client sent, only where payloads are captured.
    ``received`` and ``refused`` are monotonic seconds. ``facts`` is what was true when it was decided, ``by`` names the
    admin who sent a message again that was refused. ``runs`` is what triggers did. ``reply`` is what its face needs to
    write its answer once more.
    """

    ref: str
    at: float
    workspace: str
    code: Code
    text: str
    channel: str | None = None
    socket_id: str = ""
    user_id: str | None = None
    address: str = ""
    decision: Decision | None = None
    detail: str = ""
    told: str = ""
    actor: Actor = ANONYMOUS
    protocol: str = ""
    version: int = 0
    command: Question | None = None
    frame: bytes | None = None
    received: float = 0.0
    refused: float = 0.0
    seq: int = 0
    facts: Facts | None = None
    by: str = ""
    runs: tuple[Run, ...] = ()
    reply: Any = None

    @property
    def id(self) -> int:
        return int(self.ref)

    @property
    def size(self) -> int:
        """The bytes that it keeps alive."""
        return len(self.frame) if self.frame is not None else 0


_now = time.time_ns


class Ticks:
    """Ids of messages: 100 ns ticks since 1970, 17 digits, strictly growing whatever the clock does."""

    __slots__ = ("last",)

    def __init__(self, last: int = 0) -> None:
        self.last = last

    def next(self) -> int:
        now = _now() // 100
        if now <= self.last:
            now = self.last + 1
        self.last = now
        return now


def new_socket_id() -> str:
    """Make the id of a connection: 96 random bits, so that nobody guesses whom to write to."""
    return urlsafe_b64encode(os.urandom(12)).decode("ascii")
