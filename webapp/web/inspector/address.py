"""The inspector's address: filter, side pane and selected line stand in it, so that it can be sent to others."""

from collections.abc import Callable, Iterable
from urllib.parse import quote_plus, urlencode

from flask import request, url_for

SINGLE = ("channel", "client", "user", "verdict", "code", "action", "text", "recording", "tab", "q", "page")
LISTS = {"open": 40, "unfold": 12}
"""Arguments that may stand there several times, and how often at most: the newest are kept."""
LONGEST = 300


class Here:
    """The address that is asked for, from which others are made that differ in a part of it."""

    def __init__(self) -> None:
        args = request.args
        self._page = url_for("inspector.page")
        self._args: dict[str, list[str]] = {name: [args[name][:LONGEST]] for name in SINGLE if args.get(name)}
        for name, most in LISTS.items():
            values = [value for value in dict.fromkeys(args.getlist(name)) if len(value) <= LONGEST]
            if values:
                self._args[name] = values[-most:]

    def all(self, name: str) -> list[str]:
        """What stands there of an argument."""
        return self._args.get(name, [])

    def one(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def query(self) -> str:
        """What stands behind the ``?``."""
        return _written(self._args)

    def at(self, **changes: str | Iterable[str] | None) -> str:
        """The page with some arguments changed, or left out where they are None."""
        return self._address(_written(self._changed(changes)))

    def setting(self, name: str, **changes: str | Iterable[str] | None) -> Callable[[str], str]:
        """The page with one argument set or added, for many values: what they share is written once."""
        rest = self._changed(changes)
        if name not in LISTS:
            rest.pop(name, None)
        query = _written(rest)
        start = f"{self._page}?{query}&{name}=" if query else f"{self._page}?{name}="
        return lambda value: start + quote_plus(value)

    def _changed(self, changes: dict[str, str | Iterable[str] | None]) -> dict[str, list[str]]:
        args = dict(self._args)
        for name, value in changes.items():
            if value is None:
                args.pop(name, None)
            else:
                args[name] = [value] if isinstance(value, str) else list(value)
        return args

    def _address(self, query: str) -> str:
        return f"{self._page}?{query}" if query else self._page


def _written(args: dict[str, list[str]]) -> str:
    return urlencode(args, doseq=True)
