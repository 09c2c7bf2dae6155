"""Simulated users: Node processes with one of the SDKs as it comes, and what each of them has seen."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.servers import Server

FOLDER = Path(__file__).resolve().parent
TIMEOUT = 20.0
Json = dict[str, Any]


class Driven:
    """One process of a script. ``seen`` holds everything that it told, in order."""

    script = ""

    def __init__(self, server: Server, node: str) -> None:
        trusted = {"NODE_EXTRA_CA_CERTS": str(server.tls.authority)} if server.tls is not None else {}
        self.process = subprocess.Popen(
            [node, str(FOLDER / self.script)],
            env={**os.environ, **trusted},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seen: list[Json] = []
        self._taken: set[int] = set()
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tell(self, command: str, **given: Any) -> None:
        """Have the user do something; see its script for what it can."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"command": command, **given}) + "\n")
        self.process.stdin.flush()

    def wait(self, what: str, condition: Callable[[Json], Any], timeout: float = TIMEOUT) -> Json:
        """Return the first thing told, not returned before, for which the condition holds."""
        ends = time.monotonic() + timeout
        with self._news:
            while True:
                for number, told in enumerate(self.seen):
                    if "failed" in told:
                        raise AssertionError(told["failed"])
                    if number not in self._taken and condition(told):
                        self._taken.add(number)
                        return told
                if not self._news.wait(ends - time.monotonic()):
                    last = "\n".join(map(str, self.seen[-10:]))
                    raise TimeoutError(f"{what} did not come; last seen:\n{last}")

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.seen.append(json.loads(line))
                self._news.notify_all()


class User(Driven):
    """A user with Xano's SDK, one process of ``user.mjs``."""

    script = "user.mjs"

    def __init__(self, server: Server, node: str, token: str | None = None, canonical: str = "default") -> None:
        assert server.tls is not None
        super().__init__(server, node)
        self.tell("configure", token=token, canonical=canonical)

    def frame(self, channel: str, action: str, timeout: float = TIMEOUT) -> Json:
        """Return the next frame of this action that the channel object's callback got."""

        def fits(told: Json) -> bool:
            return told.get("on") == channel and "frame" in told and told["frame"]["action"] == action

        frame: Json = self.wait(f"{action} on {channel}", fits, timeout)["frame"]
        return frame

    def error(self, channel: str) -> Json:
        """Return what the next call of ``onError`` got."""
        error: Json = self.wait(f"an error on {channel}", lambda t: t.get("on") == channel and "error" in t)["error"]
        return error

    def join(self, channel: str, **options: bool) -> None:
        """Make a channel object and wait until the server has let it in."""
        self.tell("channel", name=channel, options=options)
        self.frame(channel, "join")

    def say(self, channel: str, payload: Any, **options: Any) -> None:
        self.tell("say", name=channel, payload=payload, options=options)

    def hears(self, channel: str, payload: Any) -> Json:
        """Wait for a message with this payload, which must be the next one."""
        message = self.frame(channel, "message")
        assert message["payload"] == payload, message
        return message

    def presence(self, channel: str) -> list[Json]:
        """Return the SDK's own list of who is there."""
        self.tell("presence", name=channel)
        listed: list[Json] = self.wait("the list of members", lambda told: "presence" in told)["presence"]
        return listed

    def count(self, channel: str, action: str) -> int:
        """How many frames of this action the callback ever got."""
        with self._news:
            return sum(t.get("on") == channel and t.get("frame", {}).get("action") == action for t in self.seen)
