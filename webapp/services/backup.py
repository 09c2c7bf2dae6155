"""One file that holds everything: the database and the secret key that opens its secrets (SQLite only)."""

import hashlib
import json
import os
import socket
import sqlite3
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from flask import current_app

from ..config import SECRET_KEY_MIN_LENGTH, Settings, shared_folder
from ..extensions import create_private
from .errors import Conflict, InvalidInput

FORMAT = 1
_DATABASE, _SECRET, _MANIFEST = "database.sqlite", "secret_key", "manifest.json"
_SMALL = 64 * 1024


def backup(path: Path) -> None:
    """Write a backup, also while the server runs. The file can be read by its owner alone: it holds secrets.

    Raises:
        Conflict: the database is not SQLite.
        InvalidInput: there is such a file already, or it can't be written.
    """
    settings, database = _sqlite_settings()
    path = path.absolute()
    if path.exists():
        raise InvalidInput({"path": f"There is already a file {path}; a backup never overwrites one."})
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".tidegate-backup-") as folder:
            copy = Path(folder) / _DATABASE
            revision = _copy(database, copy)
            made = Path(folder) / "backup.zip"
            descriptor = os.open(made, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w+b") as file:
                _write(file, copy, settings.secret_key, revision)
                file.flush()
                os.fsync(file.fileno())
            os.link(made, path)  # fails where somebody was faster, and never leaves half a file
    except FileExistsError:
        raise InvalidInput({"path": f"There is already a file {path}; a backup never overwrites one."}) from None
    except OSError as error:
        raise InvalidInput({"path": f"The backup can't be written: {error.strerror or error}."}) from None
    except sqlite3.Error as error:
        raise Conflict(f"The database can't be read: {error}.") from None


def restore(path: Path) -> None:
    """Put the database and the secret key of a backup in the place of the present ones.

    Raises:
        Conflict: a server runs on this instance, the database is not SQLite, or TIDEGATE_SECRET_KEY is set to
            another key than the backup's.
        InvalidInput: not a backup, a damaged one, or one of a newer version.
    """
    settings, database = _sqlite_settings()
    if server_answers(settings.control_socket):
        raise Conflict("The server is running: stop it, restore, and start it again.")
    settings.instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.instance, prefix=".tidegate-restore-") as folder:
        copy = Path(folder) / _DATABASE
        secret = _read(path, copy)
        _check_secret(settings, secret)
        _check_database(copy)
        if secret != settings.secret_key:
            aside = Path(folder) / _SECRET
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secret + "\n")
                file.flush()
                os.fsync(file.fileno())
        create_private(database)
        try:
            # SQLite's own copying is one transaction on the target: it is the old database or the new one.
            _copy(copy, database)
        except sqlite3.Error as error:
            raise Conflict(f"The database can't be replaced: {error}.") from None
        if secret != settings.secret_key:
            os.replace(aside, settings.secret_key_file)


def server_answers(control_socket: Path) -> bool:
    """Whether a server listens on an instance's control socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2)
        try:
            probe.connect(str(control_socket))
        except OSError:
            return False
        return True


def _sqlite_settings() -> tuple[Settings, Path]:
    settings: Settings = current_app.extensions["tidegate.settings"]
    database = settings.sqlite_path
    if database is None:
        raise Conflict(
            "The database is PostgreSQL: use pg_dump and pg_restore, and keep the instance folder's secret_key with it."
        )
    return settings, database


def _copy(source: Path, target: Path) -> str:
    """Copy a database as it is at one moment and return its schema's revision."""
    with _opened(source) as reading, _opened(target) as writing:
        reading.backup(writing)
        row = writing.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else ""


class _opened:  # noqa: N801 (used as a statement)
    """A connection that is closed at the end; sqlite3's own `with` only commits."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=5)

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _write(file: Any, database: Path, secret: str, revision: str) -> None:
    manifest = {"format": FORMAT, "revision": revision, "sha256": _digest(database)}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(_MANIFEST, json.dumps(manifest))
        archive.writestr(_SECRET, secret)
        archive.write(database, _DATABASE)


def _read(path: Path, copy: Path) -> str:
    """Unpack and check a backup; its database goes to ``copy``, its secret key is returned."""
    damaged = InvalidInput({"path": f"{path} is not a backup of Tidegate, or it is damaged."})
    try:
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != sorted((_DATABASE, _SECRET, _MANIFEST)):
                raise damaged
            if any(archive.getinfo(name).file_size > _SMALL for name in (_SECRET, _MANIFEST)):
                raise damaged
            manifest = json.loads(archive.read(_MANIFEST))
            secret = archive.read(_SECRET).decode("ascii").strip()
            with archive.open(_DATABASE) as packed, copy.open("wb") as file:
                while chunk := packed.read(1024 * 1024):
                    file.write(chunk)
    except FileNotFoundError:
        raise InvalidInput({"path": f"There is no file {path}."}) from None
    except (OSError, zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError):
        raise damaged from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or len(secret) < SECRET_KEY_MIN_LENGTH:
        raise damaged
    if manifest.get("sha256") != _digest(copy):
        raise damaged
    return secret


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_secret(settings: Settings, secret: str) -> None:
    kept = settings.secret_key_file
    from_file = kept.is_file() and kept.read_text().strip() == settings.secret_key
    if secret != settings.secret_key and not from_file:
        raise Conflict(
            "The backup was made with another secret key than TIDEGATE_SECRET_KEY holds: set it to that one."
        )


def _check_database(copy: Path) -> None:
    scripts = ScriptDirectory(str(shared_folder("migrations")))
    known = {script.revision for script in scripts.walk_revisions()}
    try:
        with _opened(copy) as connection:
            sound = connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        sound, row = False, None
    if not sound or row is None:
        raise InvalidInput({"path": "The database in this backup is damaged."})
    if row[0] not in known:
        raise InvalidInput({"path": "This backup was made by a newer version of Tidegate."})
