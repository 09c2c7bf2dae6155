"""Storing before delivering: what is waited for, what is tried again, and what one bad message costs the others."""

from collections.abc import Sequence

import gevent
import pytest
from gevent.event import Event

from webapp.realtime import history
from webapp.realtime.events import Kind, Message
from webapp.realtime.history import HistoryWriter, Note, Prune, Query, StoreBusy, StoreError, StoreRejected
from webapp.realtime.hooks import Delivery


class ListStore:
    """Keeps ids in a list. ``gate`` holds appends back, ``busy`` lets that many fail, ``bad`` ids are refused."""

    def __init__(self, commits_at_once: bool) -> None:
        self.commits_at_once = commits_at_once
        self.kept: list[int] = []
        self.posts: list[str] = []
        self.gate: Event | None = None
        self.busy = 0
        self.broken = False
        self.bad: set[int] = set()
        self.notes: list[str] = []

    def append(
        self,
        messages: Sequence[tuple[int, Message]],
        prunes: Sequence[Prune],
        deliveries: Sequence[Delivery] = (),
        notes: Sequence[Note] = (),
    ) -> None:
        if self.gate is not None:
            self.gate.wait()
        if self.busy:
            self.busy -= 1
            raise StoreBusy("locked")
        if self.broken:
            raise StoreError("gone")
        if self.bad & {message.id for _, message in messages}:
            raise StoreRejected("no")
        self.notes += [note.trigger for note in notes]
        self.kept += [message.id for _, message in messages]
        self.posts += [delivery.key for delivery in deliveries]

    def take_back(self, deliveries: Sequence[Delivery]) -> None:
        self.posts = [key for key in self.posts if key not in {delivery.key for delivery in deliveries}]

    def read(self, query: Query) -> list[Message]:
        return []

    def delete(self, workspace_id: int, channel: str, message_id: int, private: bool = False) -> bool:
        return False

    def last_id(self) -> int:
        return max(self.kept, default=0)


class Writing:
    """A writer, and what it reported of each message."""

    def __init__(self, store: ListStore) -> None:
        self.store = store
        self.done: list[tuple[int, bool]] = []
        self.writer = HistoryWriter(store, lambda: None)

    def add(self, *numbers: int) -> None:
        for number in numbers:
            message = Message(number, "a", Kind.PUBLIC, b"1")
            self.writer.add(1, message, 25, lambda stored, number=number: self.done.append((number, stored)))


@pytest.fixture(params=[True, False], ids=["at once", "in the background"])
def writing(request: pytest.FixtureRequest) -> Writing:
    return Writing(ListStore(commits_at_once=request.param))


def test_messages_are_stored_then_handed_on_in_order(writing: Writing) -> None:
    writing.add(1, 2, 3)
    writing.writer.settle()
    assert writing.store.kept == [1, 2, 3]
    assert writing.done == [(1, True), (2, True), (3, True)]
    assert writing.writer.horizon == 3


def test_a_store_that_another_process_holds_is_tried_again(writing: Writing) -> None:
    writing.store.busy = 3
    writing.add(1, 2)
    writing.writer.settle()
    writing.add(3)
    writing.writer.settle()
    assert writing.done == [(1, True), (2, True), (3, True)]


def test_one_that_stays_held_is_given_up(writing: Writing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "BUSY_TIMEOUT", 0.05)
    writing.store.busy = 10**6
    writing.add(1)
    writing.writer.settle()
    assert writing.done == [(1, False)]
    writing.store.busy = 0
    writing.add(2)
    writing.writer.settle()
    assert writing.done == [(1, False), (2, True)]


def test_a_store_that_is_gone_refuses_what_it_is_given_and_comes_back(writing: Writing) -> None:
    writing.store.broken = True
    writing.add(1, 2)
    writing.writer.settle()
    writing.store.broken = False
    writing.add(3)
    writing.writer.settle()
    assert writing.done == [(1, False), (2, False), (3, True)]


def test_one_bad_message_does_not_take_the_others_with_it(writing: Writing) -> None:
    """A user id that PostgreSQL does not take made everybody's messages of the same moment fail."""
    writing.store.bad = {2}
    writing.add(1, 2, 3)
    writing.writer.settle()
    assert writing.done == [(1, True), (2, False), (3, True)]


def test_settling_waits_for_nothing_that_comes_later() -> None:
    """It waited for an empty queue, which under steady load never came: joins elsewhere starved."""
    writing = Writing(ListStore(commits_at_once=False))
    writing.store.gate = Event()
    writing.add(1)
    settled = gevent.spawn(writing.writer.settle)
    gevent.idle()
    writing.add(2)
    gate, writing.store.gate = writing.store.gate, Event()
    gate.set()
    settled.get(timeout=5)
    assert writing.done == [(1, True)]
    writing.store.gate.set()
    writing.writer.settle()
    assert writing.done == [(1, True), (2, True)]


def test_settling_gives_up_in_time() -> None:
    writing = Writing(ListStore(commits_at_once=False))
    writing.store.gate = Event()
    writing.add(1)
    writing.writer.settle(timeout=0.01)
    assert writing.done == []
    writing.store.gate.set()
    writing.writer.settle()
    assert writing.done == [(1, True)]


def delivery(key: str) -> Delivery:
    return Delivery(1, 1, key, "message", b"{}")


def test_deliveries_of_webhooks_are_stored_with_what_they_tell_of(writing: Writing) -> None:
    told: list[tuple[str, bool]] = []
    writing.writer.posted = lambda deliveries, stored: told.extend((d.key, stored) for d in deliveries)
    message = Message(7, "a", Kind.PUBLIC, b"1")
    writing.writer.add(1, message, 0, lambda stored: writing.done.append((7, stored)), (delivery("x"), delivery("y")))
    writing.writer.add_deliveries((delivery("z"),))
    writing.add(8)
    writing.writer.settle()
    assert (writing.store.kept, writing.store.posts) == ([8], ["x", "y", "z"])
    assert writing.done == [(7, True), (8, True)]
    assert told == [("x", True), ("y", True), ("z", True)]
    writing.writer.withdraw(1, message, (delivery("x"),))
    assert writing.store.posts == ["y", "z"]
    writing.store.broken = True
    writing.writer.add_deliveries((delivery("lost"),))
    writing.writer.settle()
    assert told[-1] == ("lost", False)


def test_what_triggers_log_is_stored_with_the_message(writing: Writing) -> None:
    writing.writer.add_note(Note(1, "guard", {"text": "hello"}))
    assert writing.store.notes == []
    writing.add(3)
    writing.writer.settle()
    assert (writing.store.notes, writing.store.kept) == (["guard"], [3])


def test_what_keeps_nothing_and_tells_nobody_needs_no_store(writing: Writing) -> None:
    writing.store.broken = True
    writing.writer.add(1, Message(1, "a", Kind.PUBLIC, b"1"), 0, lambda stored: writing.done.append((1, stored)))
    writing.writer.settle()
    assert writing.done == [(1, True)]
