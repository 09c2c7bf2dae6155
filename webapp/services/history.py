"""The message store behind the running server's narrow interface (``realtime.history.Store``).

Rows go in and out as plain tuples: this is the one place where the database is on a message's way.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
from sqlalchemy import Engine, delete, func, insert, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from ..models import Action, AuditEntry, DeliveryState, Source, StoredMessage, WebhookDelivery, now
from ..realtime.events import Kind, Message
from ..realtime.history import Note, Prune, Query, StoreBusy, StoreError, StoreRejected
from ..realtime.hooks import Delivery
from .transactions import LOCK_PAUSE, LOCK_TIMEOUT, is_locked

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

    def append(
        self,
        messages: Sequence[tuple[int, Message]],
        prunes: Sequence[Prune],
        deliveries: Sequence[Delivery] = (),
        notes: Sequence[Note] = (),
    ) -> None:
        with _store_errors():
            rows = [_row(workspace_id, message) for workspace_id, message in messages]
            posts = delivery_rows(deliveries)
            lines = [_line(note) for note in notes]
            with self._engine.connect() as connection:
                connection = connection.execution_options(sqlite_begin="IMMEDIATE")
                if rows:
                    connection.execute(insert(StoredMessage), rows)
                for prune in prunes:
                    connection.execute(_prune(prune))
                if posts:
                    connection.execute(insert(WebhookDelivery), posts)
                if lines:
                    connection.execute(insert(AuditEntry), lines)
                connection.commit()

    def take_back(self, deliveries: Sequence[Delivery]) -> None:
        keys = [delivery.key for delivery in deliveries]
        mine = WebhookDelivery.webhook_id.in_({delivery.webhook_id for delivery in deliveries})
        pending = WebhookDelivery.state == DeliveryState.PENDING.value
        self._changed(delete(WebhookDelivery).where(mine, pending, WebhookDelivery.key.in_(keys)))

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
        if query.until is not None:
            statement = statement.where(stored.id <= query.until)
        with _store_errors(), self._engine.connect() as connection:
            rows = connection.execute(statement).all()
        return [_message(row) for row in reversed(rows)]

    def delete(self, workspace_id: int, channel: str, message_id: int, private: bool = False) -> bool:
        """Wipe a message and say whether it was there. Without ``private`` only what was said to the channel is found.

        Raises:
            StoreError: it could not be wiped.
        """
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
        if not private:
            statement = statement.where(StoredMessage.kind != Kind.PRIVATE.value)
        gives_up = time.monotonic() + LOCK_TIMEOUT
        while True:
            try:
                return self._changed(statement)
            except StoreBusy:
                if time.monotonic() > gives_up or gevent.getcurrent() is gevent.get_hub():  # the hub can't wait
                    raise
                time.sleep(LOCK_PAUSE)

    def _changed(self, statement: Any) -> bool:
        with _store_errors(), self._engine.connect() as connection:
            connection = connection.execution_options(sqlite_begin="IMMEDIATE")
            changed = connection.execute(statement).rowcount > 0
            connection.commit()
            return changed

    def last_id(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(StoredMessage.id))).scalar() or 0


def _line(note: Note) -> dict[str, Any]:
    return {
        "at": now(),
        "workspace_id": note.workspace_id,
        "actor": note.trigger[:200],
        "source": Source.SYSTEM.value,
        "action": Action.TRIGGER_LOG.value,
        "after": dict(note.about),
        "reason": "",
        "address": note.address,
    }


def delivery_rows(deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    """Write deliveries as rows that are due at once."""
    moment = now()
    return [
        {
            "key": delivery.key,
            "workspace_id": delivery.workspace_id,
            "webhook_id": delivery.webhook_id,
            "event": delivery.event[:100],
            "body": delivery.body.decode(),
            "conditional": delivery.conditional,
            "created_at": moment,
            "state": DeliveryState.PENDING.value,
            "attempts": 0,
            "next_at": moment,
            "error": "",
            "answer": "",
        }
        for delivery in deliveries
    ]


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
    """Delete what lies below the newest ``keep`` messages of a channel, or of one private thread in it.

    Deleted ones do not count, and go with what they lie among.
    """
    stored = StoredMessage
    mine = (
        stored.workspace_id == prune.workspace_id,
        stored.channel == prune.channel,
        stored.thread.is_(None) if prune.thread is None else stored.thread == prune.thread,
    )
    newest = select(stored.id).where(*mine, stored.deleted_at.is_(None)).order_by(stored.id.desc())
    oldest_kept = newest.offset(prune.keep - 1).limit(1)
    return delete(stored).where(*mine, stored.id < oldest_kept.scalar_subquery())


@contextmanager
def _store_errors() -> Iterator[None]:
    """Say what went wrong in the words of the running server, without what the messages hold."""
    try:
        yield
    except (DataError, IntegrityError, ValueError, OverflowError) as error:
        raise StoreRejected(str(error)) from error
    except DBAPIError as error:
        raise (StoreBusy if is_locked(error) else StoreError)(str(error)) from error
    except StatementError as error:  # a value that did not even reach the database
        raise StoreRejected(str(error)) from error
    except SQLAlchemyError as error:
        raise StoreError(str(error)) from error
