"""Checks of names that people give to things."""

import re

from .errors import InvalidInput

_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def checked_name(value: object, field: str = "name", most: int = 100) -> str:
    """Return a name without surrounding space.

    Raises:
        InvalidInput: empty, too long, control characters, not a text.
    """
    if not isinstance(value, str):
        raise InvalidInput({field: "Expected a text."})
    name = value.strip()
    if not name:
        raise InvalidInput({field: "This can't be empty."})
    if len(name) > most:
        raise InvalidInput({field: f"At most {most} characters."})
    if _FORBIDDEN.search(name):
        raise InvalidInput({field: "This can't hold control characters."})
    return name


def checked_text(value: object, field: str, most: int = 2000) -> str:
    """Return a text of several lines, such as a reason; it may be empty.

    Raises:
        InvalidInput: too long, not a text, or a character that can't be stored.
    """
    if not isinstance(value, str):
        raise InvalidInput({field: "Expected a text."})
    if len(value) > most:
        raise InvalidInput({field: f"At most {most} characters."})
    if _FORBIDDEN.search(value.replace("\n", "").replace("\r", "").replace("\t", "")):
        raise InvalidInput({field: "This can't hold control characters."})
    return value.strip()
