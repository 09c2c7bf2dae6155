"""Viewers of the inspector: an owner who signs in over HTTP, and clients that count what the stream tells them."""

import re
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from tests.servers import Server
from tests.sockets.clients import Client, Json

PASSWORD = "correct horse battery"
STALLED = {"receive_buffer": 4096, "segment": 536}
"""With these a viewer that reads nothing has its server waiting after some tens of kilobytes."""


def owner_of(server: Server, username: str = "ada") -> str:
    """Make an owner with the set-up link; returns the cookie of the browser that is signed in."""
    path = server.call("setup_link")
    page, cookie = _request(server, "GET", path)
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert token is not None, page
    form = {"username": username, "password": PASSWORD, "repeated": PASSWORD, "csrf_token": token[1]}
    _, cookie = _request(server, "POST", path, urlencode(form), cookie)
    return cookie


def _request(server: Server, method: str, path: str, body: str | None = None, cookie: str = "") -> tuple[str, str]:
    """Ask for a page; what it says, and the cookie that it sets."""
    http = HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    http.request(method, path, body, headers if cookie else {})
    answer = http.getresponse()
    text = answer.read().decode()
    http.close()
    assert answer.status in (200, 303), text
    return text, answer.getheader("Set-Cookie", "").partition(";")[0]


class Viewer(Client):
    """A client on the stream, which counts what it is told of what passed since it came."""

    def __init__(self, server: Server, cookie: str, query: str = "", **options: int) -> None:
        address = f"localhost:{server.port}"
        super().__init__(
            server,
            path=f"/w/default/inspector/stream{query}",
            headers={"Cookie": cookie, "Origin": f"http://{address}"},
            **options,  # type: ignore[arg-type]
        )
        self.lines = self.left_out = self.missed = 0
        self.begin: Json = {}

    @property
    def told(self) -> int:
        """Everything that it knows to have passed, shown or not."""
        return self.lines + self.left_out + self.missed

    @property
    def waits(self) -> int:
        """Bytes that the server's kernel holds for it because it does not read."""
        ends = f":{self.socket.getpeername()[1]:04X}", f":{self.socket.getsockname()[1]:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if (fields[1][-5:], fields[2][-5:]) == ends:
                return int(fields[4].partition(":")[0], 16)
        return 0

    def look(self) -> Json:
        """Return the next batch, counted."""
        batch = self.next()
        assert batch["type"] == "lines"
        if batch["begins"]:
            self.begin = batch
            return batch
        assert len(batch["lines"]) + batch["left_out"] == batch["matched"]
        self.lines += len(batch["lines"])
        self.left_out += batch["left_out"]
        self.missed += batch["missed"]
        return batch

    def look_until(self, told: int) -> Json:
        """Look until this much is known to have passed; returns the last batch."""
        while True:
            batch = self.look()
            if self.told >= told:
                return batch
