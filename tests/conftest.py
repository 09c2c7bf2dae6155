"""Databases for tests: SQLite copied from a migrated file, PostgreSQL from a migrated template."""

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests import postgres
from tests.parallel import (  # noqa: F401  (hooks of pytest)
    pytest_collection_modifyitems,
    pytest_runtest_protocol,
    pytest_xdist_make_scheduler,
)
from webapp.cli.group import application
from webapp.config import Settings
from webapp.extensions import db

SECRET_KEY = "a secret key for tests that is long enough"
TEMPLATE = "tidegate_template"


def migrate(settings: Settings) -> None:
    """Bring a database up to date, as `tidegate db upgrade` does."""
    with application(settings).app_context():
        flask_migrate.upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(instance=tmp_path_factory.mktemp("template"), secret_key=SECRET_KEY)
    migrate(settings)
    assert settings.sqlite_path is not None
    return settings.sqlite_path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a running PostgreSQL, with a migrated database to copy from."""
    folder = postgres.binaries()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail(postgres.MISSING)
        pytest.skip(postgres.MISSING)
    with postgres.server(folder) as address:
        _execute(address, f"CREATE DATABASE {TEMPLATE}")
        url = make_url(address).set(database=TEMPLATE).render_as_string(hide_password=False)
        migrate(Settings(secret_key=SECRET_KEY, database_url=url))
        yield address


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of a migrated PostgreSQL database of one's own."""
    name = f"test_{uuid.uuid4().hex}"
    _copy_database(postgres_server, name)
    yield make_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(tmp_path: Path, migrated_sqlite: Path) -> Settings:
    """Settings with a migrated SQLite database in an instance folder of one's own."""
    made = Settings(instance=tmp_path / "instance", secret_key=SECRET_KEY)
    made.instance.mkdir()
    assert made.sqlite_path is not None
    shutil.copy(migrated_sqlite, made.sqlite_path)
    return made


@pytest.fixture(params=["sqlite", "postgresql"])
def any_settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings with a migrated database: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        made: Settings = request.getfixturevalue("settings")
        return made
    url: str = request.getfixturevalue("postgres_url")
    return Settings(instance=tmp_path / "instance", secret_key=SECRET_KEY, database_url=url)


def _copy_database(address: str, name: str) -> None:
    with _connected(address) as connection:
        # Copying files was the only way before PostgreSQL 15, and costs a third of the way it goes by itself since.
        strategy = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} {strategy}".encode())


def _execute(address: str, statement: str) -> None:
    with _connected(address) as connection:
        connection.execute(statement.encode())


def _connected(address: str) -> psycopg.Connection:
    host = str(make_url(address).query["host"])
    return psycopg.connect(host=host, user="tidegate", dbname="postgres", autocommit=True)
