"""Whom to explain: an anonymous client, a user, a client that is connected now, a token or the claims of one."""

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.actors import ANONYMOUS, AUTHENTICATED_KIND, Actor, ClaimError, actor_from_claims
from ..core.codes import Code
from ..inspector import roll
from ..models import Workspace
from ..realtime.listing import ClientInfo, describe
from ..realtime.tokens import TokenProblem, read_header
from .errors import InvalidInput, NotFound
from .live import load_verifier, running
from .texts import checked_name

if TYPE_CHECKING:
    from ..realtime.workspace import Workspace as LiveWorkspace

CLAIMS_MOST = 16 * 1024
"""Characters of a token or of claims that are read."""
CLIENTS_MOST = 20


@dataclass(frozen=True, slots=True)
class Identity:
    """Who is asked about.

    ``channels`` are those that it is in now, ``clients`` the open connections of the user. ``refused`` says why the
    token is not accepted, so that a client with it is anonymous.
    """

    actor: Actor
    channels: tuple[str, ...] = ()
    clients: tuple[ClientInfo, ...] = ()
    socket_id: str | None = None
    refused: str | None = None
    code: Code | None = None


def anonymous() -> Identity:
    """Ask about a client without a token."""
    return Identity(ANONYMOUS)


def of_user(workspace: Workspace, user_id: str) -> Identity:
    """Ask about a user by id, as a client whose token narrows nothing.

    Raises:
        InvalidInput: this can't be a user id.
    """
    user_id = checked_name(user_id, "user", 255)
    live = _live(workspace)
    connections = list(live.by_user.get(user_id, ())) if live is not None else []
    channels = dict.fromkeys(name for connection in connections for name in connection.memberships)
    clients = tuple(describe(connection) for connection in connections[:CLIENTS_MOST])
    return Identity(Actor(kind=AUTHENTICATED_KIND, user_id=user_id), tuple(channels), clients)


def of_client(workspace: Workspace, socket_id: str) -> Identity:
    """Ask about a client that is connected now, with what its token said.

    Raises:
        NotFound: no such client of this workspace is connected to this server.
    """
    live = _live(workspace)
    connection = live.connections.get(socket_id) if live is not None else None
    if connection is None:
        raise NotFound({"client": "No such client is connected any more. Choose another one."})
    return Identity(connection.actor, tuple(connection.memberships), socket_id=socket_id)


def of_text(workspace: Workspace, text: str) -> Identity:
    """Ask about a token, or about the claims of one as a JSON object.

    Raises:
        InvalidInput: it is neither, or no client could have such claims.
    """
    text = text.strip()
    if not text or len(text) > CLAIMS_MOST:
        raise InvalidInput({"identity": f"Paste a token or its claims, at most {CLAIMS_MOST:,} characters."})
    if text.startswith("{"):
        return Identity(_actor_of_claims(text))
    text = text[7:].strip() if text.lower().startswith("bearer ") else text
    try:
        read_header(text)
    except TokenProblem:
        raise InvalidInput(
            {"identity": 'This is neither a token nor a JSON object of claims, such as {"sub": "42"}.'}
        ) from None
    try:
        return Identity(load_verifier(workspace).verify(text, time.time()))
    except TokenProblem as problem:
        return Identity(ANONYMOUS, refused=problem.detail, code=problem.code)


def clients(workspace: Workspace, wanted: str = "") -> list[ClientInfo]:
    """Find clients that are connected now, by a part of the user id, the socketId, the address or the extras."""
    live = _live(workspace)
    if live is None:
        return []
    return [describe(connection) for connection in roll.clients(live, wanted, most=CLIENTS_MOST).rows]


def open_channels(workspace: Workspace) -> list[str]:
    """List the channels that have members now."""
    live = _live(workspace)
    return list(live.channels) if live is not None else []


def connected_with_token(workspace: Workspace) -> int:
    """Count the clients that are connected now with a token."""
    live = _live(workspace)
    return sum(c.actor.authenticated for c in live.connections.values()) if live is not None else 0


def _live(workspace: Workspace) -> "LiveWorkspace | None":
    realtime = running()
    return realtime.workspace(workspace.canonical) if realtime is not None else None


def _actor_of_claims(text: str) -> Actor:
    try:
        claims: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput({"identity": 'This is not a JSON object of claims, such as {"sub": "42"}.'}) from None
    try:
        return actor_from_claims(claims)
    except (ClaimError, RecursionError) as error:
        raise InvalidInput({"identity": str(error)}) from None
