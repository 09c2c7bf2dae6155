"""Viewers of Tidegate's inspector: signed in as an owner, on the stream of all traffic, counting what they are told.

``python -m bench.watching PORT COOKIE`` is one that reads, in a process of its own. It says ``begun`` on its output,
takes a number on its input, reads until it knows that this many messages have passed, and says what it was told.
"""

import json
import re
import select
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.crowd import Stalled
from bench.servers import ServerFailed
from bench.websocket import SWITCHED, upgrade

STREAM = "/w/default/inspector/stream"
PASSWORD = "correct horse battery"
RECEIVE_BUFFER = 4096
SEGMENT = 536
"""Bytes in one TCP segment of a viewer that is to stall: a server's kernel, too, holds less for such a client."""
LIMIT = 30.0


@dataclass
class Told:
    """What a viewer knows of what has passed since it came: lines that it was shown, and counts of the others."""

    lines: int = 0
    left_out: int = 0
    missed: int = 0

    @property
    def all(self) -> int:
        return self.lines + self.left_out + self.missed

    def __str__(self) -> str:
        return f"{self.lines:,} lines, {self.left_out:,} left out, {self.missed:,} missed"


def owner(port: int, path: str) -> str:
    """Make the first owner with a set-up link; the cookie of a browser that is signed in."""
    page, cookie = _ask(port, "GET", path)
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    if token is None:
        raise ServerFailed("the set-up page holds no form")
    form = {"username": "bench", "password": PASSWORD, "repeated": PASSWORD, "csrf_token": token[1]}
    return _ask(port, "POST", path, urlencode(form), cookie)[1]


def capture_in_full(port: int, cookie: str) -> None:
    """Have payloads captured for an hour, as an owner does on the inspector's page."""
    page, newer = _ask(port, "GET", "/w/default/inspector", cookie=cookie)
    token = re.search(r'<meta name="csrf-token" content="([^"]+)"', page)
    if token is None:
        raise ServerFailed("the inspector's page holds no token for its forms")
    form = {"seconds": "3600", "csrf_token": token[1]}
    _ask(port, "POST", "/w/default/inspector/capture", urlencode(form), newer or cookie)


def _ask(port: int, method: str, path: str, body: str | None = None, cookie: str = "") -> tuple[str, str]:
    http = HTTPConnection("127.0.0.1", port, timeout=LIMIT)
    http.request(method, path, body, {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"})
    answer = http.getresponse()
    text = answer.read().decode()
    http.close()
    if answer.status not in (200, 303):
        raise ServerFailed(f"{method} {path} was answered with {answer.status}")
    return text, answer.getheader("Set-Cookie", "").partition(";")[0]


class Viewer:
    """A socket on the stream. With ``stalls`` it is one that the server soon can write no more to."""

    def __init__(self, port: int, cookie: str, stalls: bool = False) -> None:
        self.told = Told()
        self._sock = sock = socket.socket()
        sock.settimeout(LIMIT)
        if stalls:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        sock.connect(("127.0.0.1", port))
        sock.sendall(upgrade(STREAM, cookie=cookie))
        self._bytes = b""
        while SWITCHED not in self._bytes:
            self._receive()
        head, _, self._bytes = self._bytes.partition(SWITCHED)
        if b" 101 " not in head:
            raise ServerFailed(f"the stream is refused: {head[:100]!r}")
        while not self._read_one():
            self._receive()

    def read_until(self, expected: int) -> Told:
        """Read until that much is known to have passed; Stalled if it takes too long, or turns out to be more."""
        ends = time.monotonic() + LIMIT
        while self.told.all < expected:
            if not self._read_one():
                self._receive()
            if time.monotonic() > ends:
                raise Stalled(f"{expected:,} messages have passed, and a viewer was told of {self.told}")
        if self.told.all > expected:
            raise Stalled(f"{expected:,} messages have passed, and a viewer was told of more: {self.told}")
        return self.told

    def read_what_is_there(self) -> None:
        """Take in what has arrived."""
        self._receive()
        while self._read_one():
            pass

    @property
    def waits(self) -> int:
        """Bytes that the server's kernel holds for it, because it does not read."""
        ends = f":{self._sock.getpeername()[1]:04X}", f":{self._sock.getsockname()[1]:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split(maxsplit=5)
            if (fields[1][-5:], fields[2][-5:]) == ends:
                return int(fields[4].partition(":")[0], 16)
        return 0

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()

    def _receive(self) -> None:
        data = self._sock.recv(1 << 16)
        if not data:
            raise ServerFailed("ended the stream of a viewer")
        self._bytes += data

    def _read_one(self) -> bool:
        """Count what the next frame says, if it is there whole; frames of a server are never masked."""
        data = self._bytes
        if len(data) < 10:
            return False
        start, length = {126: (4, int.from_bytes(data[2:4])), 127: (10, int.from_bytes(data[2:10]))}.get(
            data[1], (2, data[1])
        )
        if len(data) < start + length:
            return False
        self._bytes = data[start + length :]
        if data[0] != 0x81:
            raise ServerFailed(f"sent a viewer a frame of kind {data[0]:#x}: {data[start : start + length][:100]!r}")
        batch: dict[str, Any] = json.loads(data[start : start + length])
        if not batch["begins"]:
            self.told.lines += len(batch["lines"])
            self.told.left_out += batch["left_out"]
            self.told.missed += batch["missed"]
        return True


class Reader:
    """A viewer that reads, in a process of its own on the load generator's core."""

    def __init__(self, port: int, cookie: str) -> None:
        command = [sys.executable, "-m", "bench.watching", str(port), cookie]
        self._process = subprocess.Popen(
            command, cwd=Path(__file__).parent.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._say("")

    def read_until(self, expected: int) -> Told:
        """What it was told, once it knows that this much has passed; raises as a viewer does."""
        return Told(*json.loads(self._say(f"{expected}\n")))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _say(self, text: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(text)
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ServerFailed("the viewer's process has ended")
        if answer.startswith("!"):
            raise Stalled(answer[1:].strip())
        return answer


def main() -> None:
    """Read, until told how much there is to know; see the module."""
    viewer = Viewer(int(sys.argv[1]), sys.argv[2])
    print("begun", flush=True)
    while True:
        readable, _, _ = select.select([viewer, sys.stdin], [], [])
        if viewer in readable:
            viewer.read_what_is_there()
        if sys.stdin in readable:
            line = sys.stdin.readline()
            if not line:
                return
            try:
                told = viewer.read_until(int(line))
                print(json.dumps([told.lines, told.left_out, told.missed]), flush=True)
            except Stalled as problem:
                print(f"!{problem}", flush=True)


if __name__ == "__main__":
    main()
