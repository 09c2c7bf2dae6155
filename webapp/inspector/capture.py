"""What the inspector may keep and show of messages: nothing, metadata, or payloads too, for a stated time."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

TICKS_A_SECOND = 10_000_000
PERIODS_KEPT = 200
HIDDEN = "[redacted]"
REDACTED_BY_DEFAULT = (
    "password", "secret", "token", "authorization", "api_key", "apikey", "credit_card", "cvc", "iban",
)  # fmt: skip


class Mode(StrEnum):
    """How much of a message is captured. A refusal is kept in every mode, its payload only in full capture."""

    OFF = "off"
    METADATA = "metadata"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Capture:
    """What a workspace has set. ``until`` (seconds since 1970) is when full capture ends and ``mode`` holds again.

    ``redacted`` are names of fields, in lower case, whose values are shown to nobody.
    """

    mode: Mode = Mode.METADATA
    until: float = 0.0
    redacted: frozenset[str] = frozenset(REDACTED_BY_DEFAULT)


class Captured:
    """Of which moments payloads may be shown: the periods in which full capture was on.

    Nothing is done for this when a message passes: its id is its time, and who looks asks :meth:`shows`.
    """

    __slots__ = ("_periods", "capture")

    def __init__(self) -> None:
        self.capture = Capture()
        self._periods: deque[tuple[int, int]] = deque(maxlen=PERIODS_KEPT)

    def set(self, capture: Capture, now: int) -> None:
        """Take over what was set. ``now`` is the tick of this moment (100 ns since 1970)."""
        self.capture = capture
        until = int(capture.until * TICKS_A_SECOND)
        if self._periods and self._periods[-1][1] > now:
            since, _ = self._periods.pop()
            self._periods.append((since, max(until, now)))
        elif until > now:
            self._periods.append((now, until))

    def shows(self, tick: int) -> bool:
        """Whether what passed at this moment was captured in full."""
        return any(since <= tick < until for since, until in self._periods)


def redacted(json: bytes, names: frozenset[str]) -> bytes:
    """Return JSON with the values of all fields of these names hidden, at any depth.

    Where one of the names occurs, the whole is written anew: a field that an object holds twice would else show what
    readers pass over. What can't be looked through is hidden whole.
    """
    if not names:
        return json
    try:
        if not mentions(json, names):
            _checked(json)
            return json
        value = msgspec.json.decode(json)
        _hide(value, names)
        return msgspec.json.encode(value)
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode(HIDDEN)


def hides(json: bytes, names: frozenset[str]) -> bool:
    """Whether something of this is shown to nobody."""
    if not mentions(json, names):
        return False
    try:
        return _hide(msgspec.json.decode(json), names)
    except (msgspec.DecodeError, RecursionError):
        return True


def mentions(json: bytes, names: frozenset[str]) -> bool:
    """Whether a field may have one of these names: far faster to say than to look through it."""
    if b"\\" in json:
        return bool(names)  # escapes spell anything
    whole = json.decode("utf-8", "replace").lower()
    return any(name in whole for name in names)


_checked = msgspec.json.Decoder(msgspec.Raw).decode
_CONTAINERS = frozenset((dict, list))


def _hide(value: Any, names: frozenset[str]) -> bool:
    """Hide fields in what was decoded, and say whether there were any."""
    found = False
    waiting = [value] if type(value) in _CONTAINERS else []
    while waiting:
        one = waiting.pop()
        if type(one) is list:
            waiting += [inner for inner in one if type(inner) in _CONTAINERS]
            continue
        for name, inner in one.items():
            if name.lower() in names:
                one[name] = HIDDEN
                found = True
            elif type(inner) in _CONTAINERS:
                waiting.append(inner)
    return found
