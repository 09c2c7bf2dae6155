"""How often a password or a code may be tried for one name, however many addresses try it."""

from limits import parse
from limits.strategies import MovingWindowRateLimiter

from ...extensions import limiter

WORDS = "Too many attempts for this name. Wait a quarter of an hour, then try again."
_TRIES = parse("10 per 15 minutes")


def begin(kind: str, name: str) -> bool:
    """Count an attempt; False if this name has had too many, whether it exists or not."""
    return _window().hit(_TRIES, kind, _folded(name))


def succeeded(kind: str, name: str) -> None:
    """Forget the attempts before: the one who knows the answer is here."""
    _window().clear(_TRIES, kind, _folded(name))


def _window() -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(limiter.storage)


def _folded(name: str) -> str:
    return name.strip().lower()[:100]
