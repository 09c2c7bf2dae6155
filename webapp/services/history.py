"""The message store behind the running server's narrow interface (``realtime.history.Store``).

Rows go in and out as plain tuples: this is the one place where the database is on a message's way.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from ..models import StoredMessage, now
from ..realtime.events import Kind, Message
from ..realtime.history import Prune, Query, StoreError

_COLUMNS = (
    StoredMessage.id,
    StoredMessage.channel,
    StoredMessage.kind,
    StoredMessage.payload,
    StoredMessage.sender,
    StoredMessage.socket_id,
    StoredMessage.user_id,
    StoredMessage.target_id,
    StoredMessage.authenticated,
    StoredMessage.event,
    StoredMessage.thread,
)


class DatabaseStore:
    """Stored messages in the table ``stored_message``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # A commit to SQLite is a write to a local file; one to PostgreSQL is a round trip that others use to gather.
        self.commits_at_once = engine.dialect.name == "sqlite"

    def append(self, messages: Sequence[tuple[int, Message]], prunes: Sequence[Prune]) -> None:
        rows = [_row(workspace_id, message) for workspace_id, message in messages]
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(sqlite_begin="IMMEDIATE")
                connection.execute(insert(StoredMessage), rows)
                for prune in prunes:
                    connection.execute(_prune(prune))
                connection.commit()
        except SQLAlchemyError as error:
            raise StoreError(str(error)) from error

    def read(self, query: Query) -> list[Message]:
        stored = StoredMessage
        statement = (
            select(*_COLUMNS)
            .where(
                stored.workspace_id == query.workspace_id,
                stored.channel == query.channel,
                stored.kind.in_([kind.value for kind in query.kinds]),
                stored.deleted_at.is_(None),
            )
            .order_by(stored.id.desc())
            .limit(query.limit)
        )
        if query.thread is not None:
            statement = statement.where(stored.thread == query.thread)
        if query.before is not None:
            statement = statement.where(stored.id < query.before)
        try:
            with self._engine.connect() as connection:
                rows = connection.execute(statement).all()
        except SQLAlchemyError as error:
            raise StoreError(str(error)) from error
        return [_message(row) for row in reversed(rows)]

    def delete(self, workspace_id: int, channel: str, message_id: int) -> bool:
        statement = (
            update(StoredMessage)
            .where(
                StoredMessage.id == message_id,
                StoredMessage.workspace_id == workspace_id,
                StoredMessage.channel == channel,
                StoredMessage.deleted_at.is_(None),
            )
            .values(deleted_at=now(), payload="null")
        )
        try:
            with self._engine.connect() as connection:
                connection = connection.execution_options(sqlite_begin="IMMEDIATE")
                found = connection.execute(statement).rowcount > 0
                connection.commit()
        except SQLAlchemyError as error:
            raise StoreError(str(error)) from error
        return found

    def last_id(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(StoredMessage.id))).scalar() or 0


def _row(workspace_id: int, message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "workspace_id": workspace_id,
        "channel": message.channel,
        "kind": message.kind.value,
        "socket_id": message.socket_id,
        "user_id": message.user_id,
        "target_id": message.target_id,
        "authenticated": message.authenticated,
        "event": message.event,
        "sender": message.sender.decode() if message.sender is not None else None,
        "payload": message.payload.decode(),
        "thread": message.thread,
        "at_ms": message.at_ms,
    }


def _message(row: Any) -> Message:
    return Message(
        id=row.id,
        channel=row.channel,
        kind=Kind(row.kind),
        payload=row.payload.encode(),
        sender=row.sender.encode() if row.sender is not None else None,
        socket_id=row.socket_id,
        user_id=row.user_id,
        target_id=row.target_id,
        authenticated=row.authenticated,
        event=row.event,
        thread=row.thread,
        stored=True,
    )


def _prune(prune: Prune) -> Any:
    """Delete what lies below the newest ``keep`` messages of a channel; private ones count with their channel."""
    stored = StoredMessage
    mine = (stored.workspace_id == prune.workspace_id, stored.channel == prune.channel)
    oldest_kept = select(stored.id).where(*mine).order_by(stored.id.desc()).offset(prune.keep - 1).limit(1)
    return delete(stored).where(*mine, stored.id < oldest_kept.scalar_subquery())
