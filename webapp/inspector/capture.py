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

    What can't be looked through is hidden whole.
    """
    if not names:
        return json
    try:
        hidden, changed = _hide(msgspec.json.decode(json), names)
        return msgspec.json.encode(hidden) if changed else json
    except (msgspec.DecodeError, RecursionError):
        return msgspec.json.encode(HIDDEN)


def _hide(value: Any, names: frozenset[str]) -> tuple[Any, bool]:
    if isinstance(value, dict):
        changed = False
        shown = {}
        for name, inner in value.items():
            if name.lower() in names:
                shown[name], changed = HIDDEN, True
            else:
                shown[name], inner_changed = _hide(inner, names)
                changed = changed or inner_changed
        return shown, changed
    if isinstance(value, list):
        items = [_hide(item, names) for item in value]
        return [item for item, _ in items], any(changed for _, changed in items)
    return value, False
