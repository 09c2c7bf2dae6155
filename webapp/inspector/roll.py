"""The connected clients, found by what is known of them and cut into pages."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..realtime.channel import Channel, Membership
from ..realtime.connection import Connection
from ..realtime.workspace import Workspace
from .turns import in_turns

T = TypeVar("T")
S = TypeVar("S")
A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of what was looked for; ``total`` counts all of it. A page beyond the last one is the last one."""

    rows: list[T]
    total: int
    number: int
    pages: int

    def showing(self, rows: list[S]) -> "Page[S]":
        """The same page, with its rows as something else."""
        return Page(rows, self.total, self.number, self.pages)


def clients(workspace: Workspace, wanted: str = "", number: int = 1, most: int = A_PAGE) -> Page[Connection]:
    """Find clients by a part of the user id, the socketId, the address or the extras, newest first.

    Others get their turn of the loop in between.
    """
    wanted = wanted.strip().casefold()
    everyone = workspace.connections.values()
    if not wanted:
        return _page(everyone, len(everyone), number, most)
    found = [connection for connection in in_turns(everyone) if matches(connection, wanted)]
    return _page(found, len(found), number, most)


def members(channel: Channel, number: int = 1, most: int = A_PAGE) -> Page[Membership]:
    """Cut the members of a channel into pages, those who came last first."""
    return _page(channel.members.values(), len(channel.members), number, most)


def matches(connection: Connection, wanted: str) -> bool:
    """Whether something of a client holds this text, which is given in lower case."""
    actor = connection.actor
    if wanted in (actor.user_id or "").casefold() or wanted in connection.id.casefold() or wanted in connection.address:
        return True
    return bool(actor.extras) and wanted in json.dumps(dict(actor.extras), ensure_ascii=False).casefold()


def _page(everything: Iterable[T], total: int, number: int, most: int) -> Page[T]:
    """Cut out a page, the last of ``everything`` first."""
    pages = max(1, -(-total // most))
    number = min(max(number, 1), pages)
    end = total - (number - 1) * most
    rows = list(everything)[max(end - most, 0) : end]
    rows.reverse()
    return Page(rows, total, number, pages)
