"""What a trigger sees: the event that set it off, as its steps get it one after the other."""

from functools import cached_property, lru_cache
from typing import Any, Protocol

import msgspec

from ..core.triggers import TriggerEvent

Json = bytes

FILLED_MOST = 4 * 1024 * 1024
"""Bytes that places may be filled with for one moment, all together; more only for an event that is large itself."""
FILLED_TIMES = 64
"""How many times its own size an event may be filled in, if that is more."""


class Party(msgspec.Struct, frozen=True, dict=True):
    """A client as triggers see it. ``sender`` is its JSON as other clients get it: socketId, extras, permissions."""

    socket_id: str
    sender: Json
    user_id: str | None = None
    authenticated: bool = False
    address: str = ""

    @cached_property
    def json(self) -> Json:
        """The client with its ids under every name that code written for other servers calls them by."""
        known = {
            "id": self.socket_id,
            "userId": self.user_id,
            "user_id": self.user_id,
            "authenticated": self.authenticated,
        }
        return msgspec.json.encode(known)[:-1] + b"," + self.sender[1:]


class Occasion(msgspec.Struct, frozen=True):
    """What set a trigger off.

    ``params`` is what each ``*`` of the target stood for. ``client`` is who sent, joined or left; None for the server.
    ``target`` is the recipient of a private message. ``authorized`` says of a join whether the rule's boxes would let
    the client in. ``event`` is a message's name, if it has one. ``id`` is the message's, in ticks. ``to_user`` is whose
    clients a private message is for, where it is for no single one.
    """

    on: TriggerEvent
    channel: str
    params: tuple[str, ...]
    id: int
    client: Party | None = None
    target: Party | None = None
    authenticated: bool = False
    authorized: bool = True
    event: str | None = None
    to_user: str | None = None


class Moment:
    """An event on its way through a stack: what the steps before have made of its payload."""

    __slots__ = ("_document", "_filled", "_text", "_values", "host", "occasion", "payload", "trigger")

    def __init__(self, occasion: Occasion, payload: Json, trigger: str, host: "Host") -> None:
        self.occasion = occasion
        self.payload = payload
        self.trigger = trigger
        """Names the trigger among all: what it keeps is kept under this name."""
        self.host = host
        self._document: tuple[Json, Json] | None = None
        self._text: str | None = None
        self._values: Any = None
        self._filled = 0

    def change(self, payload: Json) -> None:
        """Put another payload in the place of the one it had."""
        self.payload = payload
        self._text = self._values = None

    @property
    def text(self) -> str:
        """The event as JSON (protocols/xano.md, "Triggers")."""
        if self._text is None:
            if self._document is None:
                self._document = document_of(self.occasion)
            head, tail = self._document
            self._text = b"".join((head, self.payload, tail)).decode()
        return self._text

    @property
    def values(self) -> Any:
        """The event as objects. Not to be changed."""
        if self._values is None:
            self._values = _parsed(self.text)
        return self._values

    def parsed(self) -> Any:
        """Return the payload as objects of one's own.

        Raises:
            StepFailed: a client may send JSON that is nested more deeply, or has larger numbers, than can be read here.
        """
        return _parsed(self.payload)

    def fill(self, size: int) -> None:
        """Count what a place was filled with: a few lines of settings can name a large payload thousands of times.

        Raises:
            StepFailed: it is too much, all together.
        """
        self._filled += size
        if self._filled > max(FILLED_MOST, FILLED_TIMES * len(self.text)):
            raise StepFailed(f"Its places are filled with more than {FILLED_MOST >> 20} MiB.")

    def notice(self, url: str) -> "Notice":
        """Say what a webhook is to be told of this moment."""
        return Notice(url, self.occasion, self.payload)


def _parsed(text: Json | str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise StepFailed("The payload is nested too deeply, or a number in it is too large.") from None


def document_of(occasion: Occasion) -> tuple[Json, Json]:
    """Write an event as JSON: what stands before its payload, and what stands behind."""
    began = _begun(
        occasion.on,
        occasion.channel,
        occasion.params,
        occasion.client,
        occasion.target,
        occasion.authenticated,
        occasion.authorized,
        occasion.event,
        occasion.to_user,
    )
    return b'%b,"id":"%d","time":%d,"payload":' % (began, occasion.id, occasion.id // 10_000), b"}"


@lru_cache(1024)
def _begun(
    on: TriggerEvent,
    channel: str,
    params: tuple[str, ...],
    client: Party | None,
    target: Party | None,
    authenticated: bool,
    authorized: bool,
    event: str | None,
    to_user: str | None,
) -> Json:
    """Write what is the same of one message as of the next that a client sends to a channel."""
    options: dict[str, Any] = {"channel": channel, "authenticated": authenticated}
    fields: dict[str, Any] = {"action": on.value, "channel": channel, "params": params}
    if target is not None:
        options["socketId"] = target.socket_id
        fields["target"] = msgspec.Raw(target.json)
    if on is TriggerEvent.JOIN:
        fields["authorized"] = authorized
    if event is not None:
        options["event"] = event
    if to_user is not None:
        options["userId"] = to_user
    fields["client"] = msgspec.Raw(client.json) if client is not None else None
    fields["options"] = options
    return msgspec.json.encode(fields)[:-1]


class Notice(msgspec.Struct, frozen=True):
    """What a webhook is told once an event has gone through: the event as it was when the step ran."""

    url: str
    occasion: Occasion
    payload: Json

    def event(self, message_id: int) -> Json:
        """The event as JSON, under the id that its message has in the end."""
        occasion = msgspec.structs.replace(self.occasion, id=message_id or self.occasion.id)
        head, tail = document_of(occasion)
        return b"".join((head, self.payload, tail))


class Host(Protocol):
    """What a stack can have done outside of itself. Live it is done; in a test run it is only noted."""

    def within_rate(self, key: str, limit: int, seconds: int) -> float:
        """Count one more for ``key``; return 0.0 if it is within ``limit`` in ``seconds``, else how many to wait."""
        ...

    def publish(
        self,
        channel: str,
        data: Json,
        *,
        event: str | None = None,
        socket_id: str | None = None,
        user: str | None = None,
    ) -> None:
        """Send an event of the server to a channel, or to one client or user of it. It sets off no trigger."""
        ...

    def log(self, to: str, text: str, moment: "Moment") -> None:
        """Write a line to the ``audit`` trail, or to the ``history`` of the channel."""
        ...

    def help(self, moment: "Moment", name: str, arguments: list[Any]) -> Any:
        """Answer a call of one of the helpers that JavaScript has.

        Raises:
            ValueError: the call makes no sense; the function gets the sentence as an error.
        """
        ...

    def ask(self, url: str, body: Json, seconds: float) -> "Answer":
        """Send a webhook and wait for its answer.

        Raises:
            StepFailed: there was none that can be used.
        """
        ...

    def tell(self, notice: Notice) -> None:
        """Have a webhook delivered once the event has gone through, as often as it takes, without waiting for it."""
        ...


class Answer(msgspec.Struct, frozen=True):
    """What a webhook answered. ``body`` is empty where there was none, ``retry_after`` is in seconds."""

    status: int
    body: bytes
    retry_after: float | None = None


class StepFailed(Exception):
    """A step could not do what it is for. The sentence is for the dashboard; clients only learn that it failed."""
