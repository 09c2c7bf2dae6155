"""The message store: what is cut back, what may be deleted, and what its errors mean."""

import sqlite3
import time
from itertools import count

import pytest
from flask import Flask
from msgspec.structs import replace
from sqlalchemy import select, text

from webapp.extensions import db
from webapp.models import StoredMessage, Workspace
from webapp.realtime.events import Kind, Message
from webapp.realtime.history import Prune, StoreBusy, StoreError, StoreRejected
from webapp.services.history import DatabaseStore
from webapp.services.transactions import reading

_ids = count(17_000_000_000_000_000, 100)


def message(channel: str = "room", thread: str | None = None, **fields: object) -> Message:
    kind = Kind.PUBLIC if thread is None else Kind.PRIVATE
    made = Message(next(_ids), channel, kind, b'{"n":1}', thread=thread, socket_id="s1")
    return replace(made, **fields)


@pytest.fixture
def store(workspace: Workspace) -> DatabaseStore:
    return DatabaseStore(db.engine)


def add(store: DatabaseStore, workspace: Workspace, *messages: Message, prune: Prune | None = None) -> None:
    store.append([(workspace.id, each) for each in messages], [prune] if prune is not None else [])


def kept(channel: str = "room") -> list[int]:
    with reading() as session:
        query = select(StoredMessage.id).where(StoredMessage.channel == channel).order_by(StoredMessage.id)
        return list(session.scalars(query))


def test_private_messages_do_not_push_out_what_all_read(store: DatabaseStore, workspace: Workspace) -> None:
    # They were counted together: whispering to oneself erased a channel's history.
    public = [message() for _ in range(5)]
    private = [message(thread="a\nb") for _ in range(20)]
    add(store, workspace, *public, *private, prune=Prune(workspace.id, "room", 5))
    assert kept() == [each.id for each in (*public, *private)]


def test_each_thread_is_cut_back_by_itself(store: DatabaseStore, workspace: Workspace) -> None:
    public = [message() for _ in range(4)]
    one, two = [message(thread="a\nb") for _ in range(6)], [message(thread="a\nc") for _ in range(6)]
    elsewhere = [message("other", thread="a\nb") for _ in range(6)]
    add(store, workspace, *public, *one, *two, *elsewhere, prune=Prune(workspace.id, "room", 2, "a\nb"))
    assert kept() == [each.id for each in (*public, *one[-2:], *two)]
    assert len(kept("other")) == 6
    add(store, workspace, message(thread="a\nc"), prune=Prune(workspace.id, "room", 2))
    assert [each.id for each in public[-2:]] == kept()[:2]


def test_deleted_messages_do_not_count(store: DatabaseStore, workspace: Workspace) -> None:
    messages = [message() for _ in range(6)]
    add(store, workspace, *messages)
    for each in (messages[0], messages[4], messages[5]):
        assert store.delete(workspace.id, "room", each.id)
    last = message()
    add(store, workspace, last, prune=Prune(workspace.id, "room", 3))
    assert kept() == [each.id for each in (*messages[2:], last)]


def test_private_messages_are_deleted_only_by_who_says_so(store: DatabaseStore, workspace: Workspace) -> None:
    private = message(thread="a\nb")
    add(store, workspace, private)
    assert not store.delete(workspace.id, "room", private.id)
    assert store.delete(workspace.id, "room", private.id, private=True)
    assert not store.delete(workspace.id, "room", private.id, private=True)


@pytest.mark.parametrize(
    "fields",
    [{"payload": b'"\xff"'}, {"user_id": "\ud800"}, {"id": 1 << 70}, {"payload": b"\x00"}, {"workspace": 99}],
    ids=str,
)
def test_data_that_cannot_be_stored_is_told_from_trouble(
    app: Flask, store: DatabaseStore, workspace: Workspace, fields: dict[str, object]
) -> None:
    if fields.get("payload") == b"\x00" and app.extensions["tidegate.settings"].is_sqlite:
        return  # SQLite takes it
    workspace_id = int(str(fields.get("workspace", workspace.id)))
    bad = message(**{name: value for name, value in fields.items() if name != "workspace"})
    good = message()
    with pytest.raises(StoreRejected):
        store.append([(workspace.id, good), (workspace_id, bad)], [])
    assert kept() == []
    add(store, workspace, good)
    assert kept() == [good.id]


def test_a_database_that_is_gone_is_trouble(store: DatabaseStore, workspace: Workspace) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("DROP TABLE stored_message"))
    with pytest.raises(StoreError) as caught:
        add(store, workspace, message(payload=b'"SECRET"'))
    assert type(caught.value) is StoreError
    assert "SECRET" not in str(caught.value)


@pytest.mark.alone
def test_another_writer_is_told_at_once(app: Flask, store: DatabaseStore, workspace: Workspace) -> None:
    settings = app.extensions["tidegate.settings"]
    if not settings.is_sqlite:
        return
    kept_message = message()
    add(store, workspace, kept_message)
    other = sqlite3.connect(settings.sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    with pytest.raises(StoreBusy):
        add(store, workspace, message())
    assert time.monotonic() - began < 0.5
    other.execute("COMMIT")
    other.close()
    add(store, workspace, message())
    assert len(kept()) == 2
