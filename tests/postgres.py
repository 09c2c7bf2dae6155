"""A throw-away PostgreSQL server, started from the binaries that the machine has."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MISSING = "no PostgreSQL server binaries here (Debian: apt-get install postgresql)"


def binaries() -> Path | None:
    """Return the folder with `initdb` and `pg_ctl`, or None."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name))
    return folders[-1] if folders else None


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run a server on a Unix socket and give the address of its database `postgres`."""
    root = Path(tempfile.mkdtemp(prefix="tidegate-pg-", dir="/tmp"))  # short: a socket's path has 107 bytes at most
    data = root / "data"
    prefix: list[str] = []
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = pwd.getpwnam("postgres")
        os.chown(root, user.pw_uid, user.pw_gid)
        prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    options = f"-c listen_addresses='' -k {root} -c fsync=off -c full_page_writes=off"

    def run(*command: str | Path) -> None:
        subprocess.run([*prefix, *map(str, command)], check=True, cwd=root, stdout=subprocess.DEVNULL)

    try:
        run(folder / "initdb", "-D", data, "-U", "tidegate", "-A", "trust", "-E", "UTF8", "--no-sync")
        run(folder / "pg_ctl", "-D", data, "-l", root / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql+psycopg://tidegate@/postgres?host={root}"
        finally:
            run(folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)
