"""Argon2, outside the loop: hashing takes tens of milliseconds, in which no message may wait."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from gevent import get_hub

from .errors import InvalidInput

LEAST = 12
MOST = 1024
_hasher = PasswordHasher()


def checked(password: object) -> str:
    """Return a password that may be set.

    Raises:
        InvalidInput: shorter than 12 characters, or longer than 1024.
    """
    if not isinstance(password, str) or len(password) < LEAST:
        raise InvalidInput({"password": f"At least {LEAST} characters."})
    if len(password) > MOST:
        raise InvalidInput({"password": f"At most {MOST} characters."})
    return password


def hashed(password: str) -> str:
    """Hash a password, in a thread of its own."""
    made: str = get_hub().threadpool.apply(_hash, (password,))
    return made


def verify(stored: str | None, password: str) -> bool:
    """Whether a password fits a stored hash, in a thread of its own; None takes as long and is False."""
    fits: bool = get_hub().threadpool.apply(_fits, (stored, password[: MOST + 1]))
    return fits and stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def _hash(password: str) -> str:
    return _hasher.hash(password.encode("utf-8", "surrogatepass"))


@lru_cache(maxsize=1)
def _nobody() -> str:
    """Verified against where there is no such user, so that the time taken tells nothing about user names."""
    return _hasher.hash("nobody has this password")


def _fits(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _nobody(), password.encode("utf-8", "surrogatepass"))
    except (Argon2Error, InvalidHashError):
        return False
