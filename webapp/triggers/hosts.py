"""What stacks can have done outside of themselves: the helpers of JavaScript, and a host that only notes it."""

import time
from collections.abc import Callable
from time import monotonic
from typing import Any

import msgspec

from ..core.targets import channel_problem
from .memory import KeyValues, Rates, Recent
from .moment import Answer, Json, Moment, Notice

EVENT_NAME_MOST = 100


class Memory:
    """What the triggers of this process remember."""

    def __init__(self) -> None:
        self.rates = Rates()
        self.recent = Recent()
        self.values = KeyValues()


class Helping:
    """Answers the helpers that JavaScript has, and counts rates; what goes outside is left to those who inherit."""

    def __init__(self, workspace: str, memory: Memory) -> None:
        self.workspace = workspace
        self._memory = memory

    def within_rate(self, key: str, limit: int, seconds: int) -> float:
        return self._memory.rates.within(key, limit, seconds, monotonic())

    def help(self, moment: Moment, name: str, arguments: list[Any]) -> Any:
        return HELPERS[name](self, moment, [*arguments, None, None, None])

    def publish(
        self,
        channel: str,
        data: Json,
        *,
        event: str | None = None,
        socket_id: str | None = None,
        user: str | None = None,
    ) -> None:
        raise NotImplementedError

    def log(self, to: str, text: str, moment: Moment) -> None:
        raise NotImplementedError

    # The helpers

    def _recent(self, _moment: Moment, arguments: list[Any]) -> list[float]:
        return self._memory.recent.of(self.workspace, str(arguments[0]), str(arguments[1]), time.time() * 1000)

    def _note(self, _moment: Moment, arguments: list[Any]) -> None:
        user, channel, at = arguments[:3]
        at = time.time() * 1000 if at is None else at
        if isinstance(at, bool) or not isinstance(at, int | float):
            raise ValueError("logMessage: expected a time in milliseconds since 1970, as Date.now() gives it.")
        self._memory.recent.note(self.workspace, str(user), str(channel), at)

    def _get(self, moment: Moment, arguments: list[Any]) -> Any:
        return self._memory.values.get(moment.trigger, arguments[0], monotonic())

    def _set(self, moment: Moment, arguments: list[Any]) -> None:
        self._memory.values.set(moment.trigger, arguments[0], arguments[1], arguments[2], monotonic())

    def _delete(self, moment: Moment, arguments: list[Any]) -> bool:
        return self._memory.values.delete(moment.trigger, arguments[0])

    def _increment(self, moment: Moment, arguments: list[Any]) -> float:
        return self._memory.values.increment(moment.trigger, arguments[0], arguments[1], arguments[2], monotonic())

    def _publish(self, _moment: Moment, arguments: list[Any]) -> None:
        channel, data, options = arguments[:3]
        if not isinstance(channel, str) or channel_problem(channel) is not None:
            raise ValueError("publish: expected the name of a channel.")
        options = {} if options is None else options
        known = {"event", "socketId", "userId"}
        if not isinstance(options, dict) or any(n not in known or not isinstance(options[n], str) for n in options):
            raise ValueError("publish: expected options with `event`, `socketId` or `userId`, each a text.")
        event, socket_id, user = (options.get(name) for name in ("event", "socketId", "userId"))
        if "" in (socket_id, user):
            raise ValueError("publish: an empty `socketId` or `userId` is nobody's.")
        event = event[:EVENT_NAME_MOST] if event else None
        self.publish(channel, msgspec.json.encode(data), event=event, socket_id=socket_id, user=user)

    def _log(self, moment: Moment, arguments: list[Any]) -> None:
        text = arguments[0]
        text = text if isinstance(text, str) else msgspec.json.encode(text).decode()
        self.log("audit", text[:4000], moment)


HELPERS: dict[str, Callable[[Any, Moment, list[Any]], Any]] = {
    "getUserRecentMessages": Helping._recent,
    "logMessage": Helping._note,
    "kv.get": Helping._get,
    "kv.set": Helping._set,
    "kv.delete": Helping._delete,
    "kv.increment": Helping._increment,
    "publish": Helping._publish,
    "log": Helping._log,
}


class Noting(Helping):
    """A host for trying: nothing goes outside, ``effects`` says what would have. What it remembers begins empty."""

    def __init__(self, workspace: str) -> None:
        super().__init__(workspace, Memory())
        self.effects: list[str] = []

    def publish(
        self,
        channel: str,
        data: Json,
        *,
        event: str | None = None,
        socket_id: str | None = None,
        user: str | None = None,
    ) -> None:
        whom = f" to the client `{socket_id}`" if socket_id is not None else f" to the user `{user}`" if user else ""
        name = f" `{event}`" if event else ""
        self.effects.append(f"It would publish an event{name} in `{channel}`{whom}: `{data.decode()[:500]}`")

    def log(self, to: str, text: str, moment: Moment) -> None:
        where = "the channel's history" if to == "history" else "the audit trail"
        self.effects.append(f"It would log in {where}: `{text}`")

    def ask(self, url: str, body: Json, seconds: float) -> Answer:
        self.effects.append(f"It would post to `{url}` and wait for the answer; here it is taken as an empty one.")
        return Answer(204, b"")

    def tell(self, notice: Notice) -> None:
        self.effects.append(f"It would have a webhook delivered to `{notice.url}`.")
