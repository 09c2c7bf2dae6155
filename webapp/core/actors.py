"""Who asks: the identity that a token gives a client, or none."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .grants import GrantError, Grants, parse_grants
from .targets import Target, TargetError, parse_authorized_channel


class ClaimError(ValueError):
    """A claim that can't be read; the message names it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """All that a decision asks of an actor. Actors of one kind share their compiled rights."""

    authenticated: bool = False
    grants: Grants | None = None
    authorized_channels: tuple[Target, ...] | None = None

    @property
    def narrowed(self) -> bool:
        """Whether a token narrows what the rule allows, so that rights depend on the channel's name too."""
        return self.grants is not None or self.authorized_channels is not None

    def is_authorized(self, channel: str) -> bool:
        return self.authorized_channels is None or any(t.matches(channel) for t in self.authorized_channels)


ANONYMOUS_KIND = Kind()
AUTHENTICATED_KIND = Kind(authenticated=True)


class Extras(Mapping[str, Any]):
    """What a token says of its client besides, kept as it is written.

    As objects it is up to twenty times as large, and the inspector remembers thousands of clients.
    """

    __slots__ = ("_json",)

    def __init__(self, written: str) -> None:
        self._json = written.encode()

    def __getitem__(self, name: str) -> Any:
        return _read(self._json)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_read(self._json))

    def __len__(self) -> int:
        return len(_read(self._json))

    def __repr__(self) -> str:
        return repr(_read(self._json))


@lru_cache(64)
def _read(written: bytes) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(written)
    return read


@dataclass(frozen=True, slots=True)
class Actor:
    """A client's identity: anonymous, or authenticated with what its token says.

    ``dbo_id`` and ``row_id`` name the table and row of the user in Xano's terms, 0 where there is none.
    ``expires_at`` is in seconds since 1970. A test client (``is_test``) of the dashboard has a token with an id and
    an end even where it stands for an anonymous client.
    """

    kind: Kind = ANONYMOUS_KIND
    user_id: str | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)
    dbo_id: int = 0
    row_id: int = 0
    token_id: str | None = None
    expires_at: float | None = None
    is_test: bool = False

    @property
    def authenticated(self) -> bool:
        return self.kind.authenticated


ANONYMOUS = Actor()


def actor_from_claims(claims: Mapping[str, Any]) -> Actor:
    """Read the identity out of verified claims (PERMISSIONS.md, "Tokens").

    A test client's token may say that it is an anonymous client's: then all else that it says counts for nothing.

    Raises:
        ClaimError: a claim of the wrong type, or ``token_type`` other than ``realtime``.
    """
    token_type = claims.get("token_type")
    if token_type is not None and token_type != "realtime":
        raise ClaimError("token_type: this is not a realtime token.")
    if claims.get("test") is True and claims.get("anonymous") is True:
        return Actor(token_id=_text(claims, "jti"), expires_at=_seconds(claims, "exp"), is_test=True)
    grants = authorized = None
    try:
        if claims.get("grants") is not None:
            grants = parse_grants(claims["grants"])
        if claims.get("authorized_channels") is not None:
            authorized = _authorized_channels(claims["authorized_channels"])
    except (GrantError, TargetError) as error:
        raise ClaimError(str(error)) from None
    plain = grants is None and authorized is None
    return Actor(
        kind=AUTHENTICATED_KIND if plain else Kind(True, grants, authorized),
        user_id=_user_id(claims),
        extras=_extras(claims.get("extras")),
        dbo_id=_integer(claims, "dbo_id"),
        row_id=_integer(claims, "row_id"),
        token_id=_text(claims, "jti"),
        expires_at=_seconds(claims, "exp"),
        is_test=claims.get("test") is True,
    )


def is_time(value: float) -> bool:
    """Whether a number of seconds can be a time: JSON holds larger ones than a float, and ``NaN`` and ``Infinity``."""
    return abs(value) < 1e15


def _authorized_channels(value: object) -> tuple[Target, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(entry, str) for entry in value):
        raise ClaimError("authorized_channels: expected a list of channel names or patterns.")
    return tuple(parse_authorized_channel(entry) for entry in value)


def _user_id(claims: Mapping[str, Any]) -> str | None:
    for name in ("sub", "user_id"):
        value = claims.get(name)
        if value is None or value == "":
            continue
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ClaimError(f"{name}: expected a string or a whole number.")
        _check_text(str(value), name)
        return str(value)
    return None


def _extras(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ClaimError("extras: expected an object.")
    written = json.dumps(value, ensure_ascii=False)
    _check_text(written, "extras")
    return Extras(written)


def _check_text(text: str, name: str) -> None:
    if "\x00" in text:
        raise ClaimError(f"{name}: holds a NUL, which no database stores.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ClaimError(f"{name}: holds half of a surrogate pair, which no frame can carry.") from None


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_time(value):
        raise ClaimError(f"{name}: expected seconds since 1970.")
    return float(value)


def _integer(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ClaimError(f"{name}: expected a whole number.")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is not None and not isinstance(value, str):
        raise ClaimError(f"{name}: expected a string.")
    return value
