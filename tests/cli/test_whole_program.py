"""The program as people start it: settings from the environment, exit codes, backup and restore."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT, Run
from webapp.config import Settings

ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}


def tidegate(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environ = {**ENVIRON, "TIDEGATE_INSTANCE": str(folder / "instance"), **variables}
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(command, env=environ, cwd=folder, text=True, capture_output=True, timeout=60)


def test_from_nothing_to_a_token(tmp_path: Path) -> None:
    early = tidegate(tmp_path, "token")
    assert (early.returncode, "tidegate db upgrade" in early.stderr) == (1, True)
    assert tidegate(tmp_path, "db", "upgrade").returncode == 0
    made = tidegate(tmp_path, "token", "--sub", "u1")
    assert (made.returncode, made.stdout.count(".")) == (0, 2)
    assert (tmp_path / "instance").stat().st_mode & 0o777 == 0o700
    for private in ("secret_key", "tidegate.db"):
        assert (tmp_path / "instance" / private).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"TIDEGATE_FOO": "80"}, "TIDEGATE_FOO: there is no such setting."),
        ({"TIDEGATE_PROT": "80"}, "TIDEGATE_PROT: there is no such setting; did you mean TIDEGATE_PORT?"),
        ({"TIDEGATE_PORT": "http"}, "TIDEGATE_PORT: expected a whole number from 0 to 65535."),
        ({"TIDEGATE_DATABASE_URL": "mysql://x/y"}, "TIDEGATE_DATABASE_URL: `mysql` is not supported"),
        ({"TIDEGATE_REDIS_URL": "redis://x"}, "TIDEGATE_REDIS_URL: not available"),
    ],
)
def test_bad_settings_end_every_command(tmp_path: Path, variables: dict[str, str], says: str) -> None:
    result = tidegate(tmp_path, "token", **variables)
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "instance").exists()


def test_a_database_that_is_not_there_is_said_plainly(tmp_path: Path) -> None:
    result = tidegate(tmp_path, "token", TIDEGATE_DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    assert result.returncode == 1
    assert result.stderr.startswith("Error: The database can't be used: ")
    assert "Traceback" not in result.stderr


def test_everything_comes_back_from_a_backup(run: Run, settings: Settings, tmp_path: Path) -> None:
    settings.secret_key_file.write_text(settings.secret_key)
    run("rules", "apply", "-", input='{"channels": [{"pattern": "saved"}]}')
    file = tmp_path / "saved.zip"
    assert run("backup", file).exit_code == 0
    assert run("backup", file).exit_code == 2
    run("rules", "apply", "-", input='{"channels": []}')
    assert run("restore", file).exit_code == 0
    assert '"pattern": "saved"' in run("rules", "export").stdout
    assert run("restore", tmp_path / "nothing.zip").exit_code == 2
    (tmp_path / "text.zip").write_text("hello")
    assert run("restore", tmp_path / "text.zip").exit_code == 2


def test_help_names_every_command(run: Run) -> None:
    for word in (
        "serve",
        "db",
        "setup-link",
        "admin",
        "apikey",
        "token",
        "rules",
        "publish",
        "decide",
        "backup",
        "restore",
    ):
        assert word in run("--help").stdout
    assert run("nonsense").exit_code == 2
