"""The dashboard of a real server without a browser: signed in over HTTP, and a reader of the inspector's stream."""

import html
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.servers import Server

Line = dict[str, Any]
PASSWORD = "correct horse battery"
WAIT = 10.0


class Dashboard:
    """A browser without a screen, signed in as the first owner, or as who joined by an invitation's link."""

    def __init__(self, server: Server, username: str = "ada", link: str | None = None) -> None:
        self.server = server
        self.cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))
        link = link if link is not None else server.call("setup_link")
        form = {"username": username, "password": PASSWORD, "repeated": PASSWORD}
        assert self.post(link, **form)[0] == 200

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Fetch a page; returns its status and its text."""
        return self._open(urllib.request.Request(self._url(path), headers=headers))

    def post(self, path: str, **form: str) -> tuple[int, str]:
        """Send a form, with the CSRF token of its page."""
        page = self.get("/account" if self._signed_in() else path)[1]
        token = re.search(r'name="csrf[-_]token"[^>]*(?:content|value)="([^"]+)"', page)
        assert token is not None, page[:500]
        data = urllib.parse.urlencode({"csrf_token": html.unescape(token[1]), **form}).encode()
        return self._open(urllib.request.Request(self._url(path), data=data))

    def look(self, record_id: str | int) -> str:
        """Return the right pane of a record as text, without its tags."""
        status, page = self.get(f"/w/default/inspector/look/{record_id}")
        assert status == 200
        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))

    def watch(self, canonical: str = "default", **arguments: str) -> "Watcher":
        """Open the inspector's stream with a filter."""
        return Watcher(self, canonical, arguments)

    @property
    def cookie(self) -> str:
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.cookies)

    def _signed_in(self) -> bool:
        return self.get("/account")[1].find("/sign-out") >= 0

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.port}{path}"

    def _open(self, request: urllib.request.Request) -> tuple[int, str]:
        try:
            with self._opener.open(request, timeout=WAIT) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()


class Watcher:
    """A reader of the stream. What has come is in ``lines``, with the sums of what is counted."""

    def __init__(self, dashboard: Dashboard, canonical: str, arguments: dict[str, str], **options: Any) -> None:
        host = f"127.0.0.1:{dashboard.server.port}"
        query = urllib.parse.urlencode(arguments)
        self.socket = connect(
            f"ws://{host}/w/{canonical}/inspector/stream?{query}",
            additional_headers={"Cookie": dashboard.cookie, "Origin": f"http://{host}"},
            compression=None,
            **options,
        ).__enter__()
        self.lines: list[Line] = []
        self.matched = self.left_out = self.missed = 0
        self.numbers: dict[str, int] = {}
        self.closed_with: int | None = None
        self.read()

    def read(self, timeout: float = WAIT) -> None:
        """Take the next batch.

        Raises:
            TimeoutError: none came in time.
        """
        try:
            batch = json.loads(self.socket.recv(timeout))
        except ConnectionClosed as closed:
            self.closed_with = closed.rcvd.code if closed.rcvd is not None else None
            raise
        self.lines += batch["lines"]
        self.matched += batch["matched"]
        self.left_out += batch["left_out"]
        self.missed += batch["missed"]
        self.numbers = batch["numbers"]

    def until(self, condition: Callable[[Line], Any], timeout: float = WAIT) -> Line:
        """Read until a line fits, and return it."""
        ends = time.monotonic() + timeout
        looked = 0
        while True:
            for line in self.lines[looked:]:
                if condition(line):
                    return line
            looked = len(self.lines)
            left = ends - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no such line among {self.lines[-5:]}")
            self.read(left)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
