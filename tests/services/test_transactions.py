"""Writers at the same time: each publication gets a number of its own, and none is lost."""

import threading
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from tests.services.making import BY, rules
from webapp.extensions import db
from webapp.models import Workspace
from webapp.services import audit
from webapp.services import rules as service
from webapp.services.errors import Conflict
from webapp.services.transactions import reading, writing


def in_threads(app: Flask, work, count: int) -> None:  # type: ignore[no-untyped-def]
    errors: list[BaseException] = []

    def run(number: int) -> None:
        try:
            with app.app_context():
                work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_publications_at_the_same_time_follow_each_other(app: Flask, workspace: Workspace) -> None:
    in_threads(app, lambda number: service.publish(workspace, rules(f"c{number}"), **BY), 8)
    assert [version.number for version in service.versions(workspace)] == [8, 7, 6, 5, 4, 3, 2, 1]
    entries = audit.entries(workspace.id)[:8]
    assert [entry.after for entry in entries] == [{"version": n} for n in range(8, 0, -1)]
    assert service.active_rules(workspace).version == 8


def test_of_several_with_the_same_expected_version_one_wins(app: Flask, workspace: Workspace) -> None:
    won: list[int] = []
    lost: list[int] = []

    def publish(number: int) -> None:
        try:
            service.publish(workspace, rules(f"c{number}"), expected_version=0, **BY)
            won.append(number)
        except Conflict:
            lost.append(number)

    in_threads(app, publish, 6)
    assert (len(won), len(lost)) == (1, 5)
    assert service.active_rules(workspace).rules[0].target.text == f"c{won[0]}"


def test_rules_saved_at_the_same_time_are_all_there(app: Flask, workspace: Workspace) -> None:
    from tests.services.making import rule

    in_threads(app, lambda number: service.change(workspace, service.saving(rule(f"c{number}"), None), **BY), 4)
    assert {r.target.text for r in service.active_rules(workspace).rules} == {"c0", "c1", "c2", "c3"}


def test_an_error_in_a_transaction_undoes_all_of_it(workspace: Workspace) -> None:
    def fails() -> None:
        with writing() as session:
            session.execute(text("UPDATE workspace SET name = 'changed'"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with reading() as session:
        row = session.get(Workspace, workspace.id)
    assert row is not None
    assert row.name == "Default"


def test_no_connection_is_held_afterwards(workspace: Workspace) -> None:
    service.publish(workspace, rules("chat"), **BY)
    service.active_rules(workspace)
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_sqlite_writes_ahead_and_checks_references(app: Flask, workspace: Workspace, tmp_path: Path) -> None:
    if not app.extensions["tidegate.settings"].is_sqlite:
        return
    with reading() as session:
        values = [session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "busy_timeout", "foreign_keys")]
        assert values == ["wal", 25, 1]
        assert session.scalar(text("PRAGMA synchronous")) == 1  # NORMAL
