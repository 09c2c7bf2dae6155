"""The two ways of using the database: reading, and writing in one transaction.

Both take a connection for as long as the block lasts and give it back, so that a handler of a long-lived
socket never holds one. Objects stay usable afterwards, with the columns they were loaded with.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from ..extensions import db
from ..models import Workspace
from .errors import NotFound

LOCK_TIMEOUT = 5.0
"""Seconds to go on trying while another process writes to SQLite."""
LOCK_PAUSE = 0.02


@contextmanager
def reading() -> Iterator[Session]:
    """Open a session that only reads."""
    with Session(db.engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(patience: float = LOCK_TIMEOUT) -> Iterator[Session]:
    """Open a session in a transaction that writes: committed at the end of the block, or rolled back.

    Nothing in the block may wait (hash passwords, fetch, sleep): on SQLite the transaction holds the only write
    lock, and a second writer in the same loop would wait for it without ever letting the first go on.

    While another process holds that lock, this waits before the block begins, up to ``patience`` seconds, and lets
    others run meanwhile.
    """
    with _begun(patience) as session:
        yield session
        session.commit()


def is_locked(error: DBAPIError) -> bool:
    """Whether a statement failed because another process writes to SQLite just now."""
    original = error.orig
    return isinstance(original, sqlite3.OperationalError) and original.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def locked(session: Session, workspace_id: int) -> Workspace:
    """Load a workspace for changing it; whoever comes second waits until the first has committed.

    Raises:
        NotFound: it does not exist.
    """
    workspace = session.scalar(select(Workspace).where(Workspace.id == workspace_id).with_for_update())
    if workspace is None:
        raise NotFound("There is no such workspace.")
    return workspace


def touched(session: Session, workspace_id: int) -> Workspace:
    """Load a workspace for a change that the running servers have to take over.

    Raises:
        NotFound: it does not exist.
    """
    workspace = locked(session, workspace_id)
    workspace.generation += 1
    return workspace


def _begun(patience: float) -> Session:
    gives_up = time.monotonic() + patience
    while True:
        session = Session(db.engine, expire_on_commit=False)
        try:
            session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        except OperationalError as error:
            session.close()
            if not is_locked(error) or time.monotonic() > gives_up:
                raise
        except BaseException:
            session.close()
            raise
        else:
            return session
        time.sleep(LOCK_PAUSE)
