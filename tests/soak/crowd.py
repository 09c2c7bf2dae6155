"""Many clients in one thread: raw sockets, so that ten thousand of them cost little."""

import json
import os
import select
import socket
import time
from collections.abc import Iterable
from typing import Any

from websockets.frames import Frame, Opcode

SOURCES = 4
"""Source addresses that take turns: one has only some 28,000 ports."""


class Client:
    """One client; ``frames`` holds what it was sent and nobody has looked at yet."""

    def __init__(self, port: int, number: int, canonical: str = "default") -> None:
        self.number = number
        self.sock = socket.socket()
        self.sock.bind((f"127.0.0.{2 + number % SOURCES}", 0))
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""
        self.close_code: int | None = None
        self.gone = False
        self.sock.sendall(
            f"GET /rt/{canonical} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self.sock.recv(4096)
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    def send(self, action: str, channel: str, payload: Any = None, **options: Any) -> None:
        """Send a frame of Xano's SDK."""
        frame = {"action": action, "options": {"channel": channel, **options}, "payload": payload}
        self.send_raw(Frame(Opcode.TEXT, json.dumps(frame).encode()).serialize(mask=True))

    def send_raw(self, data: bytes) -> None:
        self.sock.setblocking(True)
        self.sock.sendall(data)

    def read(self) -> list[bytes]:
        """Take in what has arrived and return the text frames in it; pings are answered."""
        self.sock.setblocking(False)
        try:
            data = self.sock.recv(1 << 20)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            data = b""
        if not data:
            self.gone = True
            return []
        self._bytes += data
        texts = []
        while (cut := _frame(self._bytes)) is not None:
            opcode, payload, end = cut
            self._bytes = self._bytes[end:]
            if opcode == Opcode.TEXT:
                texts.append(payload)
            elif opcode == Opcode.PING:
                self.send_raw(Frame(Opcode.PONG, payload).serialize(mask=True))
            elif opcode == Opcode.CLOSE:
                self.close_code = int.from_bytes(payload[:2], "big")
                self.send_raw(Frame(Opcode.CLOSE, payload[:2]).serialize(mask=True))
        return texts

    def close(self) -> None:
        self.sock.close()


class Crowd:
    """Clients that are read together."""

    def __init__(self) -> None:
        self.clients: dict[int, Client] = {}
        self._poll = select.epoll()

    def add(self, client: Client) -> Client:
        self.clients[client.sock.fileno()] = client
        self._poll.register(client.sock.fileno(), select.EPOLLIN)
        return client

    def remove(self, client: Client) -> None:
        self._poll.unregister(client.sock.fileno())
        del self.clients[client.sock.fileno()]
        client.close()

    def read(self, timeout: float) -> Iterable[tuple[Client, bytes]]:
        """Wait for something to arrive and yield each text frame with the client that was sent it."""
        for number, _ in self._poll.poll(timeout):
            client = self.clients.get(number)
            if client is None:
                continue
            for text in client.read():
                yield client, text
            if client.gone:
                self._poll.unregister(number)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self._poll.close()


def resident(pid: int) -> int:
    """Return the bytes of memory that a process holds."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def worker_of(pid: int) -> int:
    """Return the process that serves: gunicorn's only child."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return int(file.read().split()[0])


def deadline(seconds: float) -> float:
    return time.monotonic() + seconds


def _frame(data: bytes) -> tuple[int, bytes, int] | None:
    """Cut the first of a server's frames, which are never masked: (opcode, payload, where it ends)."""
    if len(data) < 2:
        return None
    length, start = data[1], 2
    if length == 126:
        length, start = int.from_bytes(data[2:4], "big"), 4
    elif length == 127:
        length, start = int.from_bytes(data[2:10], "big"), 10
    if len(data) < start + length:
        return None
    return data[0] & 0x0F, data[start : start + length], start + length
