"""Real servers for tests: a process of its own on a free port, with an instance folder of its own."""

import contextlib
import functools
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.core.permission_table import LETTERS

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 30.0
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
PORTS = list(range(15_000, 32_000))[WORKER :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
"""Below what Linux uses for outgoing connections (net.ipv4.ip_local_port_range); none is given out twice.

Each worker of a parallel run has ports of its own: what one has tried and not yet bound looks free to the others.
"""
T = TypeVar("T")
Rule = dict[str, Any]


def until(condition: Callable[[], T], timeout: float = 10.0, what: str = "the condition") -> T:
    """Wait until ``condition`` returns something true, and return that."""
    ends = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > ends:
            raise TimeoutError(f"{what} did not come true within {timeout:g} s; last: {value!r}")
        time.sleep(0.005)


def free_port() -> int:
    """Return a port that nobody listens on just now, and that the kernel gives to nobody who dials out.

    One of those that the kernel hands out was sometimes taken by a client's own end before the server could listen.
    """
    while True:
        port = PORTS.pop(random.randrange(len(PORTS)))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def rule(pattern: str, letters: str = "", **fields: Any) -> Rule:
    """Write a rule as the settings document does; ``letters`` as PERMISSIONS.md names the boxes: ``A M Ma``."""
    boxes = {LETTERS[letter]: True for letter in letters.split()}
    return {"pattern": pattern, "wildcard": "*" in pattern, **boxes, **fields}


class Tls(NamedTuple):
    """A certificate for ``localhost``, its key, and the authority that signed it, as files in PEM."""

    certificate: Path
    key: Path
    authority: Path


def make_tls(folder: Path) -> Tls:
    """Make an authority of one's own and a certificate signed by it."""
    begins = datetime.now(UTC) - timedelta(hours=1)

    def build(name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name | None) -> x509.CertificateBuilder:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer or subject)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        return builder.not_valid_before(begins).not_valid_after(begins + timedelta(days=2))

    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = build("Tests", ca_key, None).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    authority = ca.sign(ca_key, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = build("localhost", key, authority.subject).add_extension(names, critical=False)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    made = Tls(folder / "tls.pem", folder / "tls.key", folder / "ca.pem")
    made.certificate.write_bytes(certificate.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(private)
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return made


class Server:
    """A server process. ``settings`` are those of ``TIDEGATE_*``, in lower case without the prefix."""

    def __init__(self, instance: Path, *, port: int | None = None, tls: Tls | None = None, **settings: object) -> None:
        self.instance = instance
        self.port = port or free_port()
        self.tls = tls
        self.settings: dict[str, object] = {"instance": instance, "port": self.port, "log_level": "warning", **settings}
        if tls is not None:
            self.settings |= {"tls_cert": tls.certificate, "tls_key": tls.key}
        self.process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None
        self._secret = ""

    # Its life

    def start(self) -> Self:
        """Start it and return once it serves."""
        instance = self.instance
        instance.mkdir(parents=True, exist_ok=True)
        if not (instance / "tidegate.db").exists() and "database_url" not in self.settings:
            shutil.copytree(_migrated_instance(), instance, dirs_exist_ok=True)
        (instance / "door.sock").unlink(missing_ok=True)
        with (instance / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/serving.py")],
                env=_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(self._answers, START_TIMEOUT, "the start of the server")
        return self

    def stop(self, timeout: float = 10.0) -> int:
        """End it with SIGTERM and return its exit status; fails if that takes longer than ``timeout`` seconds."""
        process = self._process()
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(timeout)
        finally:
            self.kill()

    def kill(self) -> None:
        """Kill it with everything that belongs to it, at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
        if self._door is not None:
            self._door.close()
            self._door = None

    def restart(self) -> None:
        """Start it again on the same port with the same instance."""
        if self.process is not None:
            self.stop()
        self.start()

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.instance / "server.log").read_text()

    def _process(self) -> "subprocess.Popen[bytes]":
        assert self.process is not None, "the server was not started"
        return self.process

    def _answers(self) -> bool:
        if self._process().poll() is not None:
            raise RuntimeError(f"the server ended with {self._process().returncode}:\n{self.log[-4000:]}")
        try:
            self.call("overview")
        except (OSError, EOFError):
            return False
        return True

    # Calling it

    def call(self, name: str, **arguments: Any) -> Any:
        """Call a service in the serving process; see ``tests.serving.Door`` for what there is."""
        door = self._door
        if door is None:
            door = socket.socket(socket.AF_UNIX)
            door.settimeout(30)
            try:
                door.connect(str(self.instance / "door.sock"))
            except OSError:
                door.close()
                raise
            self._door = door
        door.sendall(json.dumps({"call": name, "with": arguments}).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = door.recv(1 << 20)
            if not part:
                door.close()
                self._door = None
                raise EOFError("the server went away")
            answer += part
        read: dict[str, Any] = json.loads(answer)
        if "error" in read:
            raise RuntimeError(read["error"])
        return read["value"]

    def publish(self, *rules: Rule, **switches: bool) -> dict[str, Any]:
        """Publish a rule set in the serving process; in force when this returns."""
        published: dict[str, Any] = self.call("publish", document={"channels": list(rules), **switches})
        return published

    def token(self, sub: str | None = None, *, ttl: float = 600, key: str | None = None, **claims: Any) -> str:
        """Sign a token with the workspace's secret, or another."""
        self._secret = self._secret or self.call("secret")
        given = {"sub": sub, "exp": time.time() + ttl, "aud": "default", "token_type": "realtime", **claims}
        payload = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(payload, key or self._secret, algorithm="HS256")


def _environment(settings: Mapping[str, object]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return clean | {f"TIDEGATE_{name.upper()}": str(value) for name, value in settings.items()}


@functools.cache
def _migrated_instance() -> Path:
    """Make an instance folder with an up-to-date database once, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="tidegate-template-"))
    command: Sequence[str] = [sys.executable, str(ROOT / "tests/serving.py"), "--migrate"]
    subprocess.run(command, env=_environment({"instance": folder}), check=True, capture_output=True, timeout=60)
    (folder / "secret_key").unlink()
    return folder


@contextlib.contextmanager
def serving(*, tls: bool = False, port: int | None = None, **settings: object) -> Iterator[Server]:
    """Run a server with a temporary instance folder for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        path = Path(folder)
        server = Server(path / "instance", port=port, tls=make_tls(path) if tls else None, **settings)
        try:
            yield server.start()
        finally:
            server.kill()


def client_context(tls: Tls) -> ssl.SSLContext:
    """Return a context that trusts the test's own authority."""
    return ssl.create_default_context(cafile=str(tls.authority))
