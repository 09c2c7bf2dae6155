"""Answering what was said before: a channel's history, and what two clients said in private."""

from typing import Any

from ..core.policy import Rights
from .broker import Broker
from .channel import Membership
from .connection import Connection
from .events import Kind, Message
from .history import Query, Store, StoreError, thread_of
from .hub import Hub


class HistoryReader:
    """Reads from the store for members, as far as they could have received it, under the rules of this moment."""

    def __init__(self, hub: Hub, broker: Broker, store: Store) -> None:
        self._hub = hub
        self._broker = broker
        self._store = store

    def send_history(self, connection: Connection, membership: Membership, name: str, reply: Any = None) -> bool:
        """Send what the channel keeps, as far as this client could have received it; ``[]`` where there is none.
        False if it is no member any more.

        All that was handed on until now is in it; what is handed on from now on comes live, and behind it.
        """
        kinds = _readable(membership.rights)
        messages: list[Message] = []
        if kinds:
            query = Query(
                connection.workspace.config.id, name, membership.rights.history, kinds, until=self._broker.horizon()
            )
            messages = self._read(connection, query)
        still_in = self._hub.membership(connection, name)
        if still_in is None:
            connection.release()  # a rule change took it out meanwhile, and told it so
            return False
        if still_in.rights is not membership.rights:
            kinds = _readable(still_in.rights)
            messages = [message for message in messages if message.kind in kinds]
        connection.release(still_in.encoder.history(name, messages, reply=reply))
        return True

    def send_thread(
        self, connection: Connection, membership: Membership, name: str, peer_id: str, reply: Any = None
    ) -> bool:
        """Send what this client and another one said in private, readable by that pair alone. False if it is no member
        any more.

        A test client of the dashboard gets nothing: it may bear the name of a real user, who wrote in confidence.
        """
        messages: list[Message] = []
        if _may_read_threads(membership.rights) and not connection.actor.is_test:
            peer = membership.channel.members.get(peer_id)
            user = peer.connection.actor.user_id if peer is not None else None
            thread = thread_of((connection.actor.user_id, connection.id), (user, peer_id))
            depth, workspace_id = membership.rights.history, connection.workspace.config.id
            messages = self._read(connection, Query(workspace_id, name, depth, (Kind.PRIVATE,), thread=thread))
        still_in = self._hub.membership(connection, name)
        if still_in is None:
            connection.release()
            return False
        if not _may_read_threads(still_in.rights):
            messages = []
        own = {message.id for message in messages if _is_from(message, connection)}
        connection.release(still_in.encoder.history(name, messages, own, reply))
        return True

    def _read(self, connection: Connection, query: Query) -> list[Message]:
        """Read from the store. While that takes time, what others send this client is kept back behind the answer."""
        if not self._store.commits_at_once:
            connection.hold()
        try:
            return self._store.read(query)
        except StoreError:
            connection.release()
            raise


def _readable(rights: Rights) -> tuple[Kind, ...]:
    """Return the kinds of stored messages that a member with these rights could have received."""
    if not rights.read_history:
        return ()
    may = {
        Kind.PUBLIC: rights.receive_public,
        Kind.AUTHENTICATED: rights.receive_authenticated,
        Kind.EVENT: rights.receive_event,
    }
    return tuple(kind for kind, allowed in may.items() if allowed)


def _may_read_threads(rights: Rights) -> bool:
    return rights.read_history and rights.receive_private


def _is_from(message: Message, connection: Connection) -> bool:
    user = connection.actor.user_id
    return message.user_id == user if user is not None else message.socket_id == connection.id
