"""Many client sockets in one process: opened some at a time, then only counted, never parsed.

A delivery costs the load generator one entry of ``epoll`` and one ``recv_into``. Received bytes are compared with what
a calibration has shown one message to bring (see ``traffic``), so a message that is lost, doubled or cut is an error.
"""

import errno
import select
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.servers import ServerFailed

IP_BIND_ADDRESS_NO_PORT = 24
_CLIENTS_PER_ADDRESS = 5_000
_SOURCE_ADDRESSES = 40
_next_address = 0

Sock = socket.socket | ssl.SSLSocket


@dataclass(frozen=True)
class Step:
    """One exchange of a client's way in: what it sends (perhaps nothing) and the bytes that it then waits for."""

    send: bytes
    until: bytes


class Stalled(Exception):
    """The expected bytes did not arrive in time, or others did."""


class _Arrival:
    """A connection on its way in."""

    def __init__(self, sock: socket.socket, tls: ssl.SSLContext | None, steps: Iterator[Step]) -> None:
        self.sock: Sock = sock
        self.tls = tls
        self.steps = steps
        self.step: Step | None = None
        self.handshaken = tls is None
        self.received = b""

    def advance(self) -> bool:
        """Do what can be done without waiting; True once the last step is complete."""
        try:
            if self.tls is not None and not isinstance(self.sock, ssl.SSLSocket):
                self.sock = self.tls.wrap_socket(self.sock, do_handshake_on_connect=False)
            if isinstance(self.sock, ssl.SSLSocket) and not self.handshaken:
                self.sock.do_handshake()
                self.handshaken = True
            if self.step is None:
                self._begin(next(self.steps))
            while True:
                chunk = self.sock.recv(65536)
                if not chunk:
                    raise ServerFailed(f"refused a client after {self.received[:300]!r}")
                self.received += chunk
                while self.step is not None and (found := self.received.find(self.step.until)) >= 0:
                    self.received = self.received[found + len(self.step.until) :]
                    following = next(self.steps, None)
                    if following is None:
                        return True
                    self._begin(following)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False

    def _begin(self, step: Step) -> None:
        self.step = step
        if step.send:
            self.sock.send(step.send)


class Crowd:
    """Connected clients, in the order of ``rooms`` (one entry a client)."""

    reader_sleeps = True

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._tls = tls
        self._epoll = select.epoll()
        self._buffer = bytearray(1 << 20)
        self.socks: list[Sock] = []
        self.rooms: list[str] = []
        self._receive: dict[int, Sock] = {}

    def open(self, arrivals: Sequence[tuple[str, Sequence[Step]]], at_a_time: int = 50, limit: float = 60.0) -> None:
        """Bring in a client for each (room, steps), never more than ``at_a_time`` under way.

        Raises ServerFailed if the server refuses one and Stalled if all together take longer than ``limit`` seconds.
        """
        deadline = time.monotonic() + limit
        waiting = iter(arrivals)
        under_way: dict[int, tuple[_Arrival, str]] = {}
        epoll = select.epoll()
        both = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
        try:
            left = len(arrivals)
            while left:
                while len(under_way) < at_a_time and (item := next(waiting, None)) is not None:
                    room, steps = item
                    sock = self._dial()
                    under_way[sock.fileno()] = (_Arrival(sock, self._tls, iter(steps)), room)
                    epoll.register(sock.fileno(), both)
                for fd, happened in epoll.poll(1.0):
                    arrival, room = under_way[fd]
                    if happened & select.EPOLLERR:
                        code = arrival.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                        raise ServerFailed(f"connecting failed: {errno.errorcode.get(code, code)}")
                    if arrival.advance():
                        epoll.unregister(fd)
                        del under_way[fd]
                        self._admit(arrival.sock, room)
                        left -= 1
                if time.monotonic() > deadline:
                    stuck = next(iter(under_way.values()))[0]
                    raise Stalled(
                        f"{left} clients not in after {limit:.0f} s; one has received {stuck.received[:200]!r}"
                    )
        finally:
            epoll.close()
            for arrival, _room in under_way.values():
                arrival.sock.close()

    def _dial(self) -> socket.socket:
        """Begin a connection; source addresses take turns because each has only some 28,000 ports."""
        global _next_address
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        sock.bind((f"127.0.0.{2 + _next_address // _CLIENTS_PER_ADDRESS % _SOURCE_ADDRESSES}", 0))
        _next_address += 1
        try:
            sock.connect(("127.0.0.1", self._port))
        except BlockingIOError:
            pass
        return sock

    def _admit(self, sock: Sock, room: str) -> None:
        self.socks.append(sock)
        self.rooms.append(room)
        self._receive[sock.fileno()] = sock
        self._epoll.register(sock.fileno(), select.EPOLLIN | select.EPOLLET)

    def poll(self, timeout: float) -> Iterator[tuple[int, int]]:
        """Wait at most ``timeout`` seconds, then yield (file descriptor, bytes) for what arrived. Plain TCP only."""
        buffer, receive = self._buffer, self._receive
        for fd, _happened in self._epoll.poll(timeout):
            try:
                count = receive[fd].recv_into(buffer)
            except BlockingIOError:
                continue
            if not count:
                raise ServerFailed("closed a connection")
            yield fd, count

    def collect(self, expected: int, limit: float) -> None:
        """Receive exactly ``expected`` bytes, all clients together; Stalled if ``limit`` seconds don't suffice.

        It sleeps until then, or spins if ``reader_sleeps`` is off; see ``bench.scenarios.settings.READERS``.
        """
        deadline = time.monotonic() + limit
        buffer, receive, poll = self._buffer, self._receive, self._epoll.poll
        wait = limit if self.reader_sleeps else 0
        while expected > 0:
            for fd, _happened in poll(wait):
                try:
                    count = receive[fd].recv_into(buffer)
                except BlockingIOError:
                    continue
                if not count:
                    raise ServerFailed("closed a connection")
                expected -= count
            if expected > 0 and time.monotonic() > deadline:
                raise Stalled(f"{expected} bytes missing after {limit:.0f} s")
        if expected < 0:
            raise Stalled(f"{-expected} bytes too many")

    def drain(self, quiet: float = 0.15, limit: float = 10.0) -> dict[int, bytes]:
        """Receive until nothing has come for ``quiet`` seconds; the bytes by file descriptor."""
        deadline = time.monotonic() + limit
        got: dict[int, bytes] = {}
        last = time.monotonic()
        while time.monotonic() - last < quiet and time.monotonic() < deadline:
            for fd, count in self.poll(quiet / 3):
                got[fd] = got.get(fd, b"") + self._buffer[:count]
                last = time.monotonic()
        return got

    def close(self) -> None:
        """Hang up, all at once and without a closing handshake."""
        self._epoll.close()
        for sock in self.socks:
            sock.close()
        self.socks.clear()
        self._receive.clear()
