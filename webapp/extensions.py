"""The extension objects, made once and bound to an application by ``init_…`` functions."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import event
from sqlalchemy.engine import Connection

from .config import Settings, shared_folder
from .models.base import Base

db = SQLAlchemy(metadata=Base.metadata)
migrate = Migrate()

login_manager = LoginManager()
csrf = CSRFProtect()
limiter = Limiter(get_remote_address, storage_uri="memory://")

LOCK_WAIT = "busy_timeout=25"
"""Milliseconds SQLite itself waits for another process's lock: nothing else runs meanwhile.

Who can wait longer does so where others get their turn (`services.transactions.writing`).
"""

# --- the running server (`realtime`) goes here ---------------------------------------------------------------


def init_database(app: Flask, settings: Settings) -> None:
    """Bind the database and its migrations to an application."""
    app.config["SQLALCHEMY_DATABASE_URI"] = settings.database_url
    options: dict[str, Any] = {"hide_parameters": True}  # messages and secrets, which belong in no log
    if settings.is_sqlite:
        settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    else:
        options |= {"pool_pre_ping": True, "pool_size": 10, "max_overflow": 20}
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    db.init_app(app)
    migrate.init_app(app, db, directory=str(shared_folder("migrations")), render_as_batch=True)
    if settings.sqlite_path is not None:
        with app.app_context():
            _prepare_sqlite(db.engine, settings.sqlite_path, settings.sqlite_synchronous)


def create_private(path: Path) -> None:
    """Make an empty SQLite database, if there is none, that this user alone can read; its other files follow it."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError:
        pass  # it is there, or nothing can be there: who opens it is told


def _prepare_sqlite(engine: Any, path: Path, synchronous: str) -> None:
    @event.listens_for(engine, "do_connect")
    def create(*_: object) -> None:
        create_private(path)

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver's own, late BEGIN is switched off: transactions begin where `begin` below says so.
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", f"synchronous={synchronous}", LOCK_WAIT):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that writes takes the lock at once (`services.transactions.writing`): one that reads
        # first and writes later fails as soon as another has written in between.
        mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {mode}")
