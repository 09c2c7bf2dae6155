"""Moments as people say them: how long until, how long since."""

from datetime import UTC, datetime

_UNITS = ((86_400 * 365, "year"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def moment(seconds: float | None) -> datetime | None:
    """Return the moment that is so many seconds after 1970; None where the calendar ends before it."""
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def from_now(then: datetime, now: datetime | None = None) -> str:
    """``in 2 hours`` or ``3 days ago``, rounded down to the largest unit that fits."""
    seconds = (then - (now or datetime.now(UTC))).total_seconds()
    for size, name in _UNITS:
        number = int(abs(seconds) // size)
        if number:
            words = f"{number} {name}" if number == 1 else f"{number} {name}s"
            return f"in {words}" if seconds > 0 else f"{words} ago"
    return "now"
