"""What a token says of a client, in words."""

from dataclasses import dataclass, field

from ..core.actors import Actor
from ..core.grants import Grants
from .moments import from_now, moment
from .wording import clock, pretty, printable

_KINDS = {"channels": "channels", "groups": "channel groups", "uuids": "users"}


@dataclass(frozen=True, slots=True)
class Named:
    """A name that somebody chose, with what is said of it."""

    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a token says. ``names`` come from the token and are shown as they are."""

    term: str
    sentence: str = ""
    names: tuple[Named, ...] = field(default=())
    code: str | None = None


_TEST = Fact("Test client", "Made in the dashboard, to try something. Its token ends with the sign-in that made it.")


def facts(actor: Actor) -> list[Fact]:
    """Say who a client is and what its token narrows."""
    if not actor.authenticated and actor.is_test:
        return [Fact("Who", "An anonymous client."), _TEST]
    if not actor.authenticated:
        return [Fact("Who", "An anonymous client: it has no token, or none that is accepted.")]
    found = [_who(actor)]
    if actor.dbo_id or actor.row_id:
        found.append(Fact("Row in Xano", f"Table {actor.dbo_id}, row {actor.row_id}."))
    if actor.extras:
        found.append(Fact("Extras", code=pretty(dict(actor.extras))))
    if actor.expires_at is not None:
        found.append(_until(actor.expires_at))
    found.append(_channels(actor))
    found.append(_grants(actor.kind.grants))
    if actor.is_test:
        found.append(_TEST)
    return found


def _who(actor: Actor) -> Fact:
    if actor.user_id is None:
        return Fact("Who", "Authenticated, without a user id.")
    return Fact("Who", "User", (Named(actor.user_id),))


def _until(seconds: float) -> Fact:
    then = moment(seconds)
    return Fact("Until", f"{clock(then)}, {from_now(then)}." if then is not None else "A time beyond the calendar.")


def _channels(actor: Actor) -> Fact:
    named = actor.kind.authorized_channels
    if named is None:
        return Fact("Channels", "The token names none, so the rules alone decide.")
    if not named:
        return Fact("Channels", "The token names an empty list: every operation is denied everywhere.")
    return Fact("Channels", "Only on these:", tuple(Named(target.text) for target in named))


def _grants(grants: Grants | None) -> Fact:
    if grants is None:
        return Fact("Grants", "None; they are asked for only where Access Manager is on.")
    entries = [
        Named(printable(name), f"{_KINDS[kind]} {how}: {', '.join(sorted(held)) or 'nothing'}")
        for how, section in (("of this name", grants.resources), ("that match", grants.patterns))
        for kind, name, held in section
    ]
    return Fact("Grants", "Allowed is only what these grant:" if entries else "An empty list.", tuple(entries))
