"""Messages of clients without a connection: over HTTP they say one thing and are gone.

The engine takes a guest for any other client. It has a place in the channel that it speaks to, among no members.
"""

from collections.abc import Container, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from ..core.codes import Code
from ..core.policy import WITHOUT_CONNECTION, Rights
from .channel import Channel, Group, Membership
from .connection import Connection
from .events import Command, FrameError, Join, Leave, Message, Present
from .turn import Turn

if TYPE_CHECKING:
    from .callers import Caller
    from .workspace import Workspace


class Said:
    """What became of a guest's message: ``code`` says why it was refused, None if it was let through.

    ``text`` is the sentence for the client, ``ref`` the number under which the inspector has the whole story.
    """

    def __init__(self, code: Code | None = None, text: str = "", ref: str = "") -> None:
        self.code = code
        self.text = text
        self.ref = ref


class GuestFace:
    """The face of a request: it is answered once, with what became of its message."""

    name = "http"
    waits_for_roster = False

    def decode(self, frame: bytes) -> Command:
        raise FrameError("A request is no frame.")

    def unpacked(self, binary: bytes) -> bytes:
        raise FrameError("A request is no frame.")

    def blanked(self, frame: bytes) -> bytes:
        return frame

    def error(self, channel: str | None, code: Code, text: str, ref: str, reply: Any = None) -> bytes:
        if isinstance(reply, Said):
            reply.code, reply.text, reply.ref = code, text, ref
        return b""

    def done(self, channel: str, reply: Any) -> bytes:
        return b""

    def joined(self, command: Join, before: Join | None = None) -> bytes:
        return b""

    def is_outdated(self, command: Leave, joined: Join) -> bool:
        return False

    def left(self, command: Leave) -> bytes:
        return b""

    def message(self, message: Message, *, to_sender: bool = False) -> bytes:
        return b""

    def presence_full(self, channel: str, members: Sequence[Present]) -> bytes:
        return b""

    def presence_update(self, channel: str, before: Present | None, after: Present | None) -> bytes:
        return b""

    def history(self, channel: str, messages: Sequence[Message], own: Container[int] = (), reply: Any = None) -> bytes:
        return b""

    def taken_out(self, channel: str) -> bytes:
        return b""

    def removed(self, channel: str, code: Code, text: str, ref: str) -> bytes:
        return b""


FACE = GuestFace()


class Guest(Connection):
    """Who sends a message in a request. Nothing is ever written to it."""

    __slots__ = ()
    standing = WITHOUT_CONNECTION

    def __init__(self, caller: "Caller", workspace: "Workspace", turn: Turn, channel: str) -> None:
        self.id = ""
        self.workspace = workspace
        self.face = FACE
        self.actor = caller.identity[0]
        self.address = caller.address
        self.user_agent = caller.user_agent
        self.connected_at = self.heard_at = monotonic()
        self.closing_since = self.window = 0.0
        self.since = self.received = self.window_count = 0
        self.last_error = self.outbox = None
        self._sender = None
        self._turn = turn
        self.write = len
        self.memberships = {channel: _Place(self, workspace, channel)}


class _Place(Membership):
    """A guest's place in a channel, whose rights are those of the rules of each moment."""

    __slots__ = ()

    def __init__(self, guest: Guest, workspace: "Workspace", name: str) -> None:
        rules = workspace.rules
        channel = workspace.channels.get(name) or Channel(name, rules.version)
        group = Group(guest.actor.kind, workspace.rights(guest.actor.kind, name))
        super().__init__(guest, channel, group, 0, Join(name, acknowledges=False))

    @property
    def rights(self) -> Rights:
        guest = self.connection
        self.group.rights = guest.workspace.rights(guest.actor.kind, self.channel.name)
        return self.group.rights
