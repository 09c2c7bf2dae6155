"""Simulated users of channels: Node processes with npm ``phoenix``, or with ``@supabase/realtime-js``."""

import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests.sdk.users import TIMEOUT, Driven, Json
from tests.servers import Server

EVENTS = (
    "message",
    "auth_message",
    "private_message",
    "secure_private_message",
    "event",
    "history",
    "typing",
    "cursor",
    "blob",
)
"""What a Phoenix user listens to where a test says nothing else."""


class Answer(NamedTuple):
    """What ``push().receive()`` was called with."""

    status: str
    response: Any


OK = Answer("ok", {})


class Kind(NamedTuple):
    """A package and the version of the frames that it is told to speak."""

    library: str
    vsn: str


KINDS = {
    "1.8": Kind("phoenix", "2.0.0"),
    "1.8 in objects": Kind("phoenix", "1.0.0"),
    "1.7": Kind("phoenix17", "2.0.0"),
    "1.7 in objects": Kind("phoenix17", "1.0.0"),
}


SUPABASE_KINDS = {
    "2.119": Kind("supabase", "2.0.0"),
    "2.119 in objects": Kind("supabase", "1.0.0"),
    "2.80": Kind("supabase280", "1.0.0"),  # before it was built on phoenix.js; it speaks no other version
}


class ChannelUser(Driven):
    """What users of both SDKs can."""

    def __init__(self, server: Server, node: str) -> None:
        super().__init__(server, node)
        self._tags = itertools.count(1)
        self.url = f"wss://localhost:{server.port}" if server.tls is not None else f"ws://127.0.0.1:{server.port}"

    def ask(self, command: str, channel: str, **given: Any) -> Json:
        """Have the user do something, and return what its SDK says became of it."""
        tag = next(self._tags)
        self.tell(command, name=channel, tag=tag, **given)
        return self.wait(f"the answer to {command}", lambda told: told.get("tag") == tag)

    def on(self, channel: str, what: str, timeout: float = TIMEOUT) -> Any:
        """Return the next thing of this sort that the SDK told of a channel."""
        return self.wait(f"{what} on {channel}", lambda t: t.get("on") == channel and what in t, timeout)[what]

    def hears(self, channel: str, event: str) -> Any:
        """Return the payload of the next message on a channel, which must be this event."""
        told = self.wait(f"{event} on {channel}", lambda t: t.get("on") == channel and "event" in t)
        assert told["event"] == event, told
        return told["payload"]

    def sees(self, channel: str, members: int, *, when: Callable[[Any], Any] = lambda listed: True) -> Any:
        """Wait until the SDK's list has so many members, and return it: what they say of themselves, by key."""

        def listed() -> Any:
            lists = [told["listed"] for told in self.seen if told.get("on") == channel and "listed" in told]
            return lists[-1] if lists and sum(map(len, lists[-1].values())) == members and when(lists[-1]) else None

        with self._news:
            found = self._news.wait_for(lambda: listed() is not None, TIMEOUT)
            last = "\n".join(map(str, self.seen[-10:]))
            assert found, f"{members} members of {channel} were not listed; last seen:\n{last}"
            return listed()

    def disconnected(self) -> int:
        """Wait until the connection has ended, and return the code of its close."""
        code: int = self.wait("the end of the connection", lambda told: "disconnected" in told)["disconnected"]
        return code


class Phoenix(ChannelUser):
    """A user with npm ``phoenix``, one process of ``phoenix_user.mjs``."""

    script = "phoenix_user.mjs"

    def __init__(
        self,
        server: Server,
        node: str,
        token: str | None = None,
        kind: str = "1.8",
        params: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(server, node)
        library, vsn = KINDS[kind]
        asked = {**(params or {}), **({"token": token} if token is not None else {})}
        self.tell("configure", library=library, vsn=vsn, url=f"{self.url}/socket", params=asked, **options)

    def try_to_join(self, channel: str, payload: Mapping[str, Any] | None = None, *events: str) -> None:
        """Make a channel object and let it try."""
        self.tell("join", name=channel, payload=payload or {}, events=[*EVENTS, *events])

    def join(self, channel: str, payload: Mapping[str, Any] | None = None, *events: str) -> None:
        """Make a channel object that listens, and wait until the server has let it in."""
        self.try_to_join(channel, payload, *events)
        assert self.on(channel, "joined") == {}

    def push(self, channel: str, event: str, payload: Any) -> Answer:
        """Push, and return the answer."""
        told = self.ask("push", channel, event=event, payload=payload)
        return Answer(told["status"], told["response"])

    def refused(self, channel: str, event: str, payload: Any) -> str:
        """Push what the server is to refuse, and return the code that it says."""
        answer = self.push(channel, event, payload)
        assert answer.status == "error", answer
        assert answer.response["reason"]
        assert answer.response["ref"].isdigit()
        code: str = answer.response["code"]
        return code

    def of_connection(self) -> Json:
        """Return the next thing but heartbeats that was told to the connection as a whole."""
        told = self.wait("an error", lambda t: t.get("of") == "connection" and t["event"] != "phx_reply")
        assert told["event"] == "error", told
        payload: Json = told["payload"]
        return payload


class Supabase(ChannelUser):
    """A user with ``@supabase/realtime-js``, one process of ``supabase_user.mjs``."""

    script = "supabase_user.mjs"

    def __init__(
        self,
        server: Server,
        node: str,
        token: str | None = None,
        kind: str = "2.119",
        apikey: str = "default",
        **options: Any,
    ) -> None:
        super().__init__(server, node)
        library, vsn = SUPABASE_KINDS[kind]
        asked = {"apikey": apikey}
        self.tell("configure", library=library, vsn=vsn, url=f"{self.url}/socket", params=asked, **options)
        if token is not None:
            self.tell("setAuth", token=token)

    def channel(self, channel: str, *, presence: bool = False, key: str | None = None, **config: Any) -> None:
        """Make a channel object that listens to broadcasts, and to presence if asked, without subscribing."""
        if key is not None:
            config["presence"] = {"key": key}
        self.tell("channel", name=channel, presence=presence or key is not None, config=config)

    def try_to_subscribe(self, channel: str, **config: Any) -> None:
        """Make a channel object and let it try."""
        self.channel(channel, **config)
        self.tell("subscribe", name=channel)

    def subscribe(self, channel: str, **config: Any) -> None:
        """Make a channel object that listens, and wait until the server has let it in."""
        self.try_to_subscribe(channel, **config)
        self.is_now(channel, "SUBSCRIBED")

    def is_now(self, channel: str, status: str) -> str | None:
        """Wait for the next call of ``subscribe``'s callback, which must be this, and return its error's message."""
        told = self.wait(f"a status of {channel}", lambda t: t.get("on") == channel and "status" in t)
        assert told["status"] == status, told
        error: str | None = told["error"]
        return error and error.strip('"')  # which 2.80 puts around it

    def becomes(self, channel: str, status: str, timeout: float = TIMEOUT) -> str | None:
        """Wait until ``subscribe``'s callback is called with this, whatever comes before."""
        what = f"{status} of {channel}"
        error: str | None = self.wait(what, lambda t: t.get("on") == channel and t.get("status") == status, timeout)[
            "error"
        ]
        return error

    def does(self, command: str, channel: str, **given: Any) -> Any:
        """Call a method of the channel, and return what it resolves to, or ``{"error": message}``."""
        told = self.ask(command, channel, **given)
        return told["answer"] if "answer" in told else {"error": told["error"]}

    def send(self, channel: str, event: str, payload: Any) -> Any:
        return self.does("send", channel, event=event, payload=payload)
