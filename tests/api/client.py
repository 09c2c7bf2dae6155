"""What the API's tests talk with: HTTP exactly as written, and real WebSocket clients."""

import http.client
import json
import socket
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from flask import Flask
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.servers import Rule, rule
from webapp.config import Settings
from webapp.models import AuditEntry
from webapp.services import apikeys, audit, rules, workspaces

JSON = {"Content-Type": "application/json"}
TIMEOUT = 15.0


@dataclass(frozen=True)
class Answer:
    """An answer. Every one that is an error is checked to have the one form of errors."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json"), (self.status, self.body[:200])
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The code of an error."""
        error = self.json["error"]
        assert self.status >= 400
        assert isinstance(error["code"], str)
        assert isinstance(error["message"], str)
        assert error["message"]
        assert set(error) <= {"code", "message", "problems"}
        for problem in error.get("problems", []):
            assert set(problem) == {"path", "message"}
        return str(error["code"])

    @property
    def paths(self) -> list[str]:
        """Where the problems are."""
        return [problem["path"] for problem in self.json["error"].get("problems", [])]


class _OverUnixSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(str(self._path))


@dataclass
class Server:
    """A running server, and an application on its database through which the test acts as the command line does."""

    settings: Settings
    app: Flask
    process: "subprocess.Popen[bytes]"

    @property
    def port(self) -> int:
        return self.settings.port

    def key(self, *scopes: str, workspace: str = "default") -> str:
        """Make an API key, with every scope if none is named."""
        with self.app.app_context():
            found = workspaces.get(workspace)
            return apikeys.create(found, f"tests {uuid.uuid4().hex[:8]}", scopes or None, author="tests", source="cli")[
                1
            ]

    def api(self, *scopes: str, workspace: str = "default") -> "Api":
        """The API of a workspace with a key of it."""
        return Api(self, self.key(*scopes, workspace=workspace), workspace)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, (self.settings.instance / "server.log").read_text()[-4000:]
        try:
            return self.request("GET", "/readyz").status == 200
        except OSError:
            return False

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        address: str = "127.0.0.1",
        control: bool = False,
    ) -> Answer:
        """Send a request with the path exactly as it is given."""
        connection: http.client.HTTPConnection
        if control:
            connection = _OverUnixSocket(self.settings.control_socket)
        else:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=TIMEOUT, source_address=(address, 0)
            )
        try:
            connection.putrequest(method, path)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())
        finally:
            connection.close()

    def entries(self, action: str) -> list[AuditEntry]:
        """The audit log's entries of one kind, newest first."""
        with self.app.app_context():
            return audit.entries(workspaces.get("default").id, action=action)

    def version(self) -> int:
        with self.app.app_context():
            return rules.active_rules(workspaces.get("default")).version


@dataclass
class Api:
    """The JSON API of one workspace, with a key or without."""

    server: Server
    key: str | None
    workspace: str = "default"
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        """Call ``path`` below the workspace; ``body`` is sent as JSON, ``raw`` as it is."""
        given = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.key is not None:
            given.setdefault("Authorization", f"Bearer {self.key}")
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            given = JSON | given
        return self.server.request(method, f"/api/v1/workspaces/{self.workspace}{path}", data, given)

    def rules(self, *rows: Rule, **switches: bool) -> int:
        """Replace the rules and return their version."""
        answer = self("PUT", "/rules", {"channels": list(rows), **switches})
        assert answer.status == 200, answer.body
        return int(answer.json["version"])

    def token(self, sub: str | None = None, **claims: Any) -> dict[str, Any]:
        answer = self("POST", "/tokens", {"sub": sub, **claims})
        assert answer.status == 201, answer.body
        made: dict[str, Any] = answer.json
        return made

    def publish(self, channel: str, data: Any, **options: Any) -> dict[str, Any]:
        answer = self("POST", "/events", {"channel": channel, "data": data, **options})
        assert answer.status == 200, answer.body
        published: dict[str, Any] = answer.json
        return published


class Client:
    """A WebSocket client that speaks Xano's frames."""

    def __init__(self, server: Server, token: str | None = None, workspace: str = "default") -> None:
        self._connecting = connect(
            f"ws://127.0.0.1:{server.port}/rt/{workspace}",
            subprotocols=[Subprotocol(token)] if token is not None else None,
            compression=None,
            open_timeout=TIMEOUT,
        )
        self.socket: ClientConnection = self._connecting.__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connecting.__exit__(None, None, None)

    def send(self, action: str, channel: str, payload: Any = None, **options: Any) -> None:
        self.socket.send(json.dumps({"action": action, "options": {"channel": channel, **options}, "payload": payload}))

    def join(self, channel: str) -> Self:
        self.send("join", channel, {"history": False, "presence": False})
        assert self.next()["action"] == "join"
        return self

    def text(self) -> str:
        """The next frame as it came."""
        received = self.socket.recv(TIMEOUT)
        assert isinstance(received, str)
        return received

    def next(self) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.text())
        return frame

    def seen(self, channel: str) -> list[dict[str, Any]]:
        """All that came before the answer to a question that is asked now."""
        self.send("history", channel)
        frames: list[dict[str, Any]] = []
        while (frame := self.next())["action"] != "history":
            frames.append(frame)
        return frames


def a_channel(prefix: str = "room") -> str:
    """A channel name that no other test uses."""
    return f"{prefix}/{uuid.uuid4().hex[:12]}"


__all__ = ["Answer", "Api", "Client", "Server", "a_channel", "rule"]
