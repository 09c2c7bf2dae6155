"""Tidegate as a peer: a fresh instance with rules, started like any installation, spoken to in Xano's protocol."""

import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.crowd import Crowd, Step
from bench.payload import PAYLOAD
from bench.servers import Server, ServerFailed, free_port, scratch_folder
from bench.websocket import SWITCHED, text, upgrade

ROOT = Path(__file__).parent.parent
DECOYS = (
    "lobby",
    "news/*",
    "org/*/rooms/*",
    "org/*/notices",
    "support/*",
    "bench",
    "bench/*/private",
    "user/*/inbox",
    "*/admin",
)
"""Targets beside the one that decides, some of them looking much like it."""

_TOKEN_COMMAND = ("token", "--sub", "7", "--ttl", "1h")
"""Prints a signed token alone on its last line."""


def _rule(pattern: str, triggers: Sequence[object] = ()) -> dict[str, object]:
    """A rule in Xano's field names: public messaging for anyone, no history, no presence."""
    return {
        "pattern": pattern,
        "wildcard": "*" in pattern,
        "enabled": True,
        "description": "",
        "history": 0,
        "anonymous_clients": True,
        "presence": False,
        "client_public_messaging": True,
        "client_public_messaging_authenticated_only": False,
        "client_authenticated_messaging": False,
        "client_private_messaging": False,
        "client_private_messaging_authenticated_only": False,
        "triggers": list(triggers),
    }


class Tidegate:
    """``python app.py`` with ten rules and no limit of messages a minute; over TLS or with a signed token if asked."""

    greeting = 0.0

    def __init__(self, tls: bool = False, token: bool = False) -> None:
        self.name = "tidegate" + ("-tls" if tls else "") + ("-token" if token else "")
        self._tls = tls
        self._with_token = token
        self._token: str | None = None

    def missing(self) -> str | None:
        return None if (ROOT / "app.py").exists() else "app.py"

    def version(self) -> str:
        try:
            return f"Tidegate {version('tidegate')}"
        except PackageNotFoundError:
            return "Tidegate (not installed)"

    def start(self) -> Server:
        folder = scratch_folder()
        env: dict[str, str] = {}
        if self._tls:
            certificate, key = _certificate(folder)
            env |= {"TIDEGATE_TLS_CERT": str(certificate), "TIDEGATE_TLS_KEY": str(key)}
        instance = prepare(folder)
        if self._with_token:
            self._token = command(instance, *_TOKEN_COMMAND).splitlines()[-1].strip()
        return serve(instance, folder, env, _trusting() if self._tls else None)

    def crowd(self, server: Server) -> Crowd:
        return Crowd(server.port, _trusting() if self._tls else None)

    def arrive(self, room: str) -> Sequence[Step]:
        join = {"action": "join", "options": {"channel": room}, "payload": {"history": False, "presence": False}}
        return [
            Step(upgrade("/rt/default", self._token), SWITCHED),
            Step(text(json.dumps(join, separators=(",", ":")).encode()), b'"action":"join"'),
        ]

    def publish(self, room: str) -> bytes:
        return text(f'{{"action":"message","options":{{"channel":"{room}"}},"payload":{PAYLOAD}}}'.encode())


def prepare(folder: Path, triggers: Mapping[str, Sequence[object]] | None = None) -> Path:
    """Make an instance with the rules of the benchmark, not yet served; returns its folder.

    ``triggers`` are those of rules, by their targets.
    """
    instance, rules = folder / "instance", folder / "rules.json"
    channels = [_rule(pattern, (triggers or {}).get(pattern, ())) for pattern in ("bench/*", *DECOYS)]
    rules.write_text(json.dumps({"enabled": True, "channels": channels}))
    command(instance, "db", "upgrade")
    command(instance, "rules", "apply", str(rules))
    return instance


def copied(instance: Path) -> tuple[Path, Path]:
    """Copy an instance that is not served, for a server of its own; returns (instance, folder)."""
    folder = scratch_folder()
    return Path(shutil.copytree(instance, folder / "instance")), folder


def serve(
    instance: Path, folder: Path, settings: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> Server:
    """Start a server on an instance, with no limit of messages a minute; its port answers when this returns."""
    port = free_port()
    env = {
        "TIDEGATE_HOST": "127.0.0.1",
        "TIDEGATE_PORT": str(port),
        "TIDEGATE_INSTANCE": str(instance),
        "TIDEGATE_LIMIT_MESSAGES_PER_MINUTE": "0",
        **(settings or {}),
    }
    server = Server([sys.executable, str(ROOT / "app.py")], port, folder, cwd=ROOT, env=env)
    server.wait_for_http("/healthz", tls)
    return server


def command(instance: Path, *arguments: str) -> str:
    """Run Tidegate's command line on an instance; what it prints. Raises ServerFailed if it fails."""
    program = Path(sys.executable).parent / "tidegate"
    call = [str(program)] if program.exists() else [sys.executable, str(ROOT / "app.py")]
    done = subprocess.run(
        [*call, *arguments],
        cwd=ROOT,
        env={**os.environ, "TIDEGATE_INSTANCE": str(instance)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise ServerFailed(f"tidegate {' '.join(arguments[:2])}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate on P-256, as most real ones are, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    options = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", *options, *subject, "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return certificate, key


def _trusting() -> ssl.SSLContext:
    """A client's context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
