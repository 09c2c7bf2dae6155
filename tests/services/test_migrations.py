"""Migrations: from nothing to the present tables and back, on both databases, found wherever Tidegate runs from."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect

from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Base
from webapp.services import workspaces


def test_the_migrated_tables_are_those_of_the_models(app: Flask) -> None:
    with db.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert {table.name for table in Base.metadata.tables.values()} < set(inspect(db.engine).get_table_names())


def test_migrations_go_down_and_up_again(app: Flask) -> None:
    flask_migrate.downgrade(revision="base")
    assert inspect(db.engine).get_table_names() == ["alembic_version"]
    flask_migrate.upgrade()
    assert workspaces.ensure_default().canonical == "default"
    flask_migrate.upgrade()  # nothing to do


def test_the_active_version_is_one_that_exists(app: Flask) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import IntegrityError

    from webapp.services.transactions import writing

    workspaces.ensure_default()
    with pytest.raises(IntegrityError), writing() as session:
        session.execute(text("UPDATE workspace SET active_version_id = 99"))


def test_a_migration_that_is_cut_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes of tables are in the transaction too: otherwise the next start would find half of them."""
    from alembic import op

    from webapp.cli.group import application

    settings = Settings(instance=tmp_path, secret_key="x" * 32)

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with application(settings).app_context():
        monkeypatch.setattr(op, "create_index", cut)
        with pytest.raises(KeyboardInterrupt):
            flask_migrate.upgrade()
        db.engine.dispose()
    with sqlite3.connect(tmp_path / "tidegate.db") as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()


def test_migrations_are_found_from_anywhere(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environ = {"TIDEGATE_INSTANCE": str(tmp_path / "i"), "PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, str(root / "app.py"), "db", "upgrade"]
    subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "i" / "tidegate.db").is_file()
