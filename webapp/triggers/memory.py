"""What triggers remember from one event to the next, in this process's memory: rates, recent messages, keys and values.

Everything is bounded: what was touched longest ago goes first.
"""

from collections import OrderedDict, deque
from typing import Any, Generic, TypeVar

import msgspec
from gevent.monkey import get_original

EXACT_MOST = 100
"""Up to this limit a window knows the moment of each; above, it counts by slots, exact to a few per cent."""
SLOTS = 50
RATES_MOST = 100_000
"""Clients, users, addresses and channels that are counted at a time, in all triggers together."""
RECENT_MOST = 200
RECENT_SECONDS = 3600.0
TALKERS_MOST = 100_000
TALKER_MOST = 500
"""Characters of a user's id and of a channel's name that are kept."""
KEYS_MOST = 10_000
"""Keys that one trigger may have."""
KEY_MOST = 200
VALUE_MOST = 4096
"""Bytes of JSON that one value may take."""
VALUES_MOST = 256 * 1024 * 1024
"""Bytes that all keys and values take together, about."""
ENTRY = 200
"""Bytes that an entry takes beside its key and value, about."""
NUMBER_MOST = 2**53
SECONDS_MOST = 7 * 86_400
SECONDS_DEFAULT = 3600
TRIGGERS_MOST = 1_000

V = TypeVar("V")
allocate_lock = get_original("_thread", "allocate_lock")


class Lately(Generic[V]):
    """A dictionary that lets go of what was touched longest ago. ``forgotten`` counts how often it had to."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Any, V] = OrderedDict()
        self.forgotten = 0

    @property
    def is_full(self) -> bool:
        return len(self._kept) >= self._most

    def forget_oldest(self) -> V:
        """Let go of what was touched longest ago, and return it."""
        self.forgotten += 1
        return self._kept.popitem(last=False)[1]

    def get(self, key: Any) -> V | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Any, value: V) -> V:
        self._kept[key] = value
        if len(self._kept) > self._most:
            self.forget_oldest()
        return value

    def __len__(self) -> int:
        return len(self._kept)


class _Window:
    """What came in the last ``seconds``, exactly."""

    __slots__ = ("_came", "_limit", "_seconds")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._came: deque[float] = deque()

    def take(self, now: float) -> float:
        came, begin = self._came, now - self._seconds
        while came and came[0] <= begin:
            came.popleft()
        if len(came) >= self._limit:
            return came[0] - begin
        came.append(now)
        return 0.0


class _Slots:
    """What came in the last ``seconds``, by fiftieths of them: never above the limit, and little below it."""

    __slots__ = ("_all", "_counts", "_limit", "_slot", "_width")

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._width = seconds / SLOTS
        self._slot = 0
        self._counts = [0] * (SLOTS + 1)
        """One more than make the time, so that all of it is counted while the last is not over."""
        self._all = 0

    def take(self, now: float) -> float:
        counts, slot = self._counts, int(now / self._width)
        for over in range(self._slot + 1, min(slot, self._slot + SLOTS + 1) + 1):
            self._all -= counts[over % (SLOTS + 1)]
            counts[over % (SLOTS + 1)] = 0
        self._slot = max(slot, self._slot)
        if self._all >= self._limit:
            oldest = next(n for n in range(self._slot - SLOTS, self._slot + 1) if counts[n % (SLOTS + 1)])
            return max(0.001, (oldest + SLOTS + 1) * self._width - now)
        counts[self._slot % (SLOTS + 1)] += 1
        self._all += 1
        return 0.0


class Rates:
    """Counts what comes, by key. What is refused does not count."""

    def __init__(self) -> None:
        self._windows: Lately[_Window | _Slots] = Lately(RATES_MOST)
        self._lock = allocate_lock()  # stacks count on threads

    def within(self, key: str, limit: int, seconds: float, now: float) -> float:
        """Count one more; returns 0.0 if it is within the limit, else the seconds until another one is."""
        with self._lock:
            window = self._windows.get(key)
            if window is None:
                window = self._windows.put(key, (_Window if limit <= EXACT_MOST else _Slots)(limit, seconds))
            return window.take(now)


class Recent:
    """When users sent messages to channels lately, as far as triggers noted it. Times are milliseconds since 1970."""

    def __init__(self) -> None:
        self._talkers: Lately[deque[float]] = Lately(TALKERS_MOST)

    def note(self, workspace: str, user: str, channel: str, time: float) -> None:
        key = (workspace, user[:TALKER_MOST], channel[:TALKER_MOST])
        times = self._talkers.get(key)
        if times is None:
            times = self._talkers.put(key, deque(maxlen=RECENT_MOST))
        times.append(time)

    def of(self, workspace: str, user: str, channel: str, now: float) -> list[float]:
        """Return the times of the last hour, oldest first, at most 200."""
        since = now - RECENT_SECONDS * 1000
        key = (workspace, user[:TALKER_MOST], channel[:TALKER_MOST])
        return [time for time in self._talkers.get(key) or () if time >= since]


class KeyValues:
    """A small store for each trigger, whose entries expire. ``now`` is in monotonic seconds."""

    def __init__(self) -> None:
        self._stores: Lately[dict[str, tuple[float, bytes]]] = Lately(TRIGGERS_MOST)
        self._size = 0

    def get(self, trigger: str, key: object, now: float) -> Any:
        store, key = self._stores.get(trigger) or {}, _key(key)
        entry = store.get(key)
        if entry is None:
            return None
        if entry[0] <= now:
            self._remove(store, key)
            return None
        return msgspec.json.decode(entry[1])

    def set(self, trigger: str, key: object, value: Any, seconds: object, now: float) -> None:
        """Keep a value for some seconds.

        Raises:
            ValueError: the key, the value or the time is none that can be, or there is no room.
        """
        key, ends = _key(key), now + _seconds(seconds)
        written = msgspec.json.encode(value)
        if len(written) > VALUE_MOST:
            raise ValueError(f"A value takes at most {VALUE_MOST} bytes of JSON; this one takes {len(written)}.")
        store = self._stores.get(trigger)
        if store is None:
            if self._stores.is_full:
                self._forget_oldest()
            store = self._stores.put(trigger, {})
        if key not in store and len(store) >= KEYS_MOST:
            for old in [old for old, (until, _) in store.items() if until <= now]:
                self._remove(store, old)
            if len(store) >= KEYS_MOST:
                raise ValueError(f"A trigger keeps at most {KEYS_MOST:,} keys at a time.")
        self._remove(store, key)
        size = _size(key, written)
        while self._size + size > VALUES_MOST and len(self._stores) > 1:
            self._forget_oldest()
        if self._size + size > VALUES_MOST:
            raise ValueError("There is no room for more values.")
        store[key] = (ends, written)
        self._size += size

    def delete(self, trigger: str, key: object) -> bool:
        return self._remove(self._stores.get(trigger) or {}, _key(key))

    def _remove(self, store: dict[str, tuple[float, bytes]], key: str) -> bool:
        entry = store.pop(key, None)
        if entry is not None:
            self._size -= _size(key, entry[1])
        return entry is not None

    def _forget_oldest(self) -> None:
        """Let go of the store that was used longest ago; the one in use is the last of all."""
        self._size -= sum(_size(key, written) for key, (_, written) in self._stores.forget_oldest().items())

    def increment(self, trigger: str, key: object, by: object, seconds: object, now: float) -> float:
        """Add to a number, 0 where there is none, and keep the sum; its time begins with the first.

        Raises:
            ValueError: what is kept there is no number, or as :meth:`set`.
        """
        value = self.get(trigger, key, now)
        value, by = 0 if value is None else value, 1 if by is None else by
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("What is kept there is no number.")
        if isinstance(by, bool) or not isinstance(by, int | float):
            raise ValueError("Expected a number to add.")
        old = (self._stores.get(trigger) or {}).get(_key(key))
        left = min(old[0] - now, SECONDS_MOST) if old is not None else seconds
        total = value + by
        if not -NUMBER_MOST <= total <= NUMBER_MOST:
            raise ValueError("The sum is too large to be kept.")
        self.set(trigger, key, total, left, now)
        return total


def _size(key: str, written: bytes) -> int:
    return ENTRY + len(key) + len(written)


def _key(key: object) -> str:
    if isinstance(key, bool) or not isinstance(key, str | int) or not str(key) or len(str(key)) > KEY_MOST:
        raise ValueError(f"A key is a text of 1 to {KEY_MOST} characters.")
    return str(key)


def _seconds(seconds: object) -> float:
    if seconds is None:
        return SECONDS_DEFAULT
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= SECONDS_MOST:
        raise ValueError(f"Expected how many seconds to keep it, at most {SECONDS_MOST}.")
    return seconds
