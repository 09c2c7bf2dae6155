"""Many messages a second, from a process of its own: ``python tests/soak/flood.py PORT MEMBERS``.

One member sends, all receive. It says ``ready`` when they are in the channel; then it takes lines on its input:
``pace RATE SECONDS`` sends at a fixed rate, ``count N`` as fast as they arrive. Each is answered, when every member has
received everything, by a line of JSON: ``{"sent": messages, "seconds": time that the sending took}``.
"""

import json
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from websockets.frames import Frame, Opcode  # noqa: E402

from tests.servers import Server  # noqa: E402
from tests.soak.crowd import Client  # noqa: E402

CHANNEL = "flood/a"
MARK = b"Low water at six"
LIMIT = 60.0


class Flood:
    """The process, for tests."""

    def __init__(self, server: Server, members: int = 2) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(server.port), str(members)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def pace(self, rate: int, seconds: float) -> None:
        """Begin to send at a rate."""
        self._say(f"pace {rate} {seconds}")

    def count(self, messages: int) -> None:
        """Begin to send so many."""
        self._say(f"count {messages}")

    @property
    def is_done(self) -> bool:
        return bool(select.select([self._process.stdout], [], [], 0)[0])

    def result(self) -> dict[str, Any]:
        """Wait until it is done and return what it did."""
        found: dict[str, Any] = json.loads(self._line())
        return found

    def _say(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the flood's process has ended"
        return line

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


class _Members:
    """The clients: the first of them sends."""

    def __init__(self, port: int, number: int) -> None:
        self._clients = [Client(port, each) for each in range(number)]
        for client in self._clients:
            client.send("join", CHANNEL)
            while not client.read():
                pass
            client.sock.setblocking(False)
        self._received = dict.fromkeys(self._clients, 0)
        self._ends = dict.fromkeys(self._clients, b"")
        self.sent = 0
        payload = {"action": "message", "options": {"channel": CHANNEL}, "payload": {"text": MARK.decode()}}
        self._frame = Frame(Opcode.TEXT, json.dumps(payload).encode()).serialize(mask=True)

    @property
    def arrived(self) -> int:
        """How many messages every member has."""
        return min(self._received.values())

    def send(self, number: int) -> None:
        data = memoryview(self._frame * number)
        sender = self._clients[0].sock
        while data:
            try:
                data = data[sender.send(data) :]
            except BlockingIOError:
                self.read(0.01)
        self.sent += number

    def read(self, timeout: float) -> None:
        """Count what arrives within this time at most, then return."""
        readable, _, _ = select.select([client.sock for client in self._clients], [], [], max(0.0, timeout))
        for client in self._clients:
            if client.sock in readable:
                data = client.sock.recv(1 << 18)
                if not data:
                    sys.exit("the server closed a connection")
                self._received[client] += (self._ends[client] + data).count(MARK)
                self._ends[client] = data[-(len(MARK) - 1) :]

    def wait_until(self, arrived: int) -> None:
        gives_up = time.monotonic() + LIMIT
        while self.arrived < arrived:
            self.read(1.0)
            if time.monotonic() > gives_up:
                sys.exit(f"{arrived} messages were sent, {self.arrived} arrived")


def pace(members: _Members, rate: int, seconds: float) -> None:
    """Send at a fixed rate, whatever comes back."""
    started, sent, total = time.monotonic(), 0, int(rate * seconds)
    while sent < total:
        due = min(total, int((time.monotonic() - started) * rate))
        if due > sent:
            members.send(due - sent)
            sent = due
        members.read((sent + rate / 100) / rate - (time.monotonic() - started))


def count(members: _Members, number: int, at_once: int = 200) -> None:
    """Send so many, a burst when the one before has arrived."""
    left = number
    while left:
        burst = min(at_once, left)
        members.send(burst)
        left -= burst
        members.wait_until(members.sent)


def main() -> None:
    members = _Members(int(sys.argv[1]), int(sys.argv[2]))
    print("ready", flush=True)
    for line in sys.stdin:
        what, *numbers = line.split()
        before, started = members.sent, time.monotonic()
        if what == "pace":
            pace(members, int(numbers[0]), float(numbers[1]))
        else:
            count(members, int(numbers[0]))
        seconds = time.monotonic() - started
        members.wait_until(members.sent)
        print(json.dumps({"sent": members.sent - before, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
