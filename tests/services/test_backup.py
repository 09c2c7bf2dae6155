"""Backup and restore: everything in one file, whole or not at all."""

import json
import shutil
import socket
import sqlite3
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.services.making import BY, rules
from webapp.cli.group import application
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Workspace
from webapp.services import backup, tokens, workspaces
from webapp.services import rules as rule_service
from webapp.services.errors import Conflict, InvalidInput


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """On SQLite, with a secret key that is kept in the instance folder."""
    settings.secret_key_file.write_text(settings.secret_key + "\n")
    made = application(settings)
    with made.app_context():
        yield made
        db.engine.dispose()


@pytest.fixture
def saved(workspace: Workspace, tmp_path: Path) -> Path:
    rule_service.publish(workspace, rules("saved"), **BY)
    backup.backup(tmp_path / "saved.zip")
    return tmp_path / "saved.zip"


def targets() -> list[str]:
    return [rule.target.text for rule in rule_service.active_rules(workspaces.get("default")).rules]


def test_what_was_backed_up_is_there_again(workspace: Workspace, saved: Path) -> None:
    rule_service.publish(workspace, rules("later"), **BY)
    backup.restore(saved)
    assert targets() == ["saved"]


def test_a_backup_can_be_read_by_its_owner_alone(saved: Path) -> None:
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    assert [path.name for path in saved.parent.iterdir() if path.name.startswith(".tidegate")] == []


def test_a_backup_never_overwrites(workspace: Workspace, saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(InvalidInput, match="never overwrites"):
        backup.backup(saved)
    assert saved.read_bytes() == before
    with pytest.raises(InvalidInput, match="can't be written"):
        backup.backup(saved.parent / "nowhere" / "backup.zip")


def test_another_instance_takes_over_the_secret_key_with_the_database(saved: Path, tmp_path: Path) -> None:
    elsewhere = Settings.from_env({"TIDEGATE_INSTANCE": str(tmp_path / "elsewhere")})
    with application(elsewhere).app_context():
        backup.restore(saved)
        assert (tmp_path / "elsewhere" / "tidegate.db").stat().st_mode & 0o777 == 0o600
        db.engine.dispose()
    again = Settings.from_env({"TIDEGATE_INSTANCE": str(tmp_path / "elsewhere")})
    assert again.secret_key != elsewhere.secret_key
    assert stat.S_IMODE(again.secret_key_file.stat().st_mode) == 0o600
    with application(again).app_context():
        assert targets() == ["saved"]
        tokens.mint(workspaces.get("default"), **BY)  # its signing key can be decrypted
        db.engine.dispose()


def test_a_secret_key_that_is_set_is_not_replaced_silently(saved: Path, tmp_path: Path) -> None:
    elsewhere = Settings(instance=tmp_path / "elsewhere", secret_key="set by a variable, and another one")
    with application(elsewhere).app_context():
        with pytest.raises(Conflict, match="TIDEGATE_SECRET_KEY"):
            backup.restore(saved)
        db.engine.dispose()
    assert not (tmp_path / "elsewhere" / "tidegate.db").exists()


def test_nothing_is_restored_under_a_running_server(workspace: Workspace, saved: Path, settings: Settings) -> None:
    rule_service.publish(workspace, rules("later"), **BY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(settings.control_socket))
        listening.listen()
        with pytest.raises(Conflict, match="running"):
            backup.restore(saved)
    backup_of_a_dead_server = settings.control_socket
    assert backup_of_a_dead_server.exists()  # what a killed server leaves behind stops nobody
    assert targets() == ["later"]
    backup.restore(saved)
    assert targets() == ["saved"]


@pytest.mark.parametrize(
    "damage",
    [
        "missing",
        "empty",
        "text",
        "cut",
        "flipped",
        "other zip",
        "folder",
        "no secret",
        "bad manifest",
        "not sqlite",
        "newer",
    ],
)
def test_a_bad_backup_changes_nothing(workspace: Workspace, saved: Path, damage: str, settings: Settings) -> None:
    rule_service.publish(workspace, rules("later"), **BY)
    bad = saved.parent / "bad.zip"
    whole = saved.read_bytes()
    if damage == "empty":
        bad.write_bytes(b"")
    elif damage == "text":
        bad.write_text("not a backup")
    elif damage == "cut":
        bad.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        middle = len(whole) // 2
        bad.write_bytes(whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    elif damage == "folder":
        bad.mkdir()
    elif damage != "missing":
        _rewrite(saved, bad, damage)
    with pytest.raises(InvalidInput):
        backup.restore(bad)
    assert targets() == ["later"]
    assert settings.secret_key_file.read_text().strip() == settings.secret_key


def test_postgresql_has_its_own_tools(app: Flask, tmp_path: Path) -> None:
    settings = app.extensions["tidegate.settings"]
    app.extensions["tidegate.settings"] = replace(settings, database_url="postgresql+psycopg://somewhere/db")
    for use in (backup.backup, backup.restore):
        with pytest.raises(Conflict, match="pg_dump"):
            use(tmp_path / "x.zip")


def _rewrite(saved: Path, bad: Path, damage: str) -> None:
    with zipfile.ZipFile(saved) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    if damage == "other zip":
        parts = {"readme.txt": b"hello"}
    elif damage == "no secret":
        parts["secret_key"] = b"short"
    elif damage == "bad manifest":
        parts["manifest.json"] = b"[]"
    elif damage == "not sqlite":
        parts["database.sqlite"] = b"x" * 8192
        parts["manifest.json"] = _manifest(b"x" * 8192)
    elif damage == "newer":
        copy = bad.parent / "newer.sqlite"
        copy.write_bytes(parts["database.sqlite"])
        with sqlite3.connect(copy) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.close()
        parts["database.sqlite"] = copy.read_bytes()
        parts["manifest.json"] = _manifest(parts["database.sqlite"])
    with zipfile.ZipFile(bad, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    shutil.copymode(saved, bad)


def _manifest(database: bytes) -> bytes:
    import hashlib

    return json.dumps({"format": 1, "revision": "", "sha256": hashlib.sha256(database).hexdigest()}).encode()
