"""A real HTTP server that webhooks are sent to: it keeps what it gets and answers as it is told."""

import contextlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True)
class Request:
    """A post as it came. ``at`` is in monotonic seconds."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """Return the body, which the signature must fit."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """The receiver. ``answer`` says of each request the status, the headers and the body; it may take its time."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    under_way: int = 0
    most_under_way: int = 0
    released: threading.Event = field(default_factory=threading.Event)
    """Set to let hanging requests end."""
    hang: bool = False
    drip: float = 0.0
    """Seconds between the bytes of an answer, from the first byte of its status line on."""
    answer: Callable[[Request], int] | None = None
    """Says the status of each request, instead of ``status``."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bodies(self) -> list[Any]:
        return [request.json for request in list(self.requests)]

    def payloads(self) -> list[Any]:
        return [body["data"]["payload"] for body in self.bodies]


class _Handler(BaseHTTPRequestHandler):
    receiver: Receiver

    def do_POST(self) -> None:
        receiver = self.receiver
        length = int(self.headers.get("Content-Length", 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        if len(body) < length:
            return  # whoever sent it was killed
        request = Request(self.path, headers, body, time.monotonic())
        with receiver.lock:
            receiver.requests.append(request)
            receiver.under_way += 1
            receiver.most_under_way = max(receiver.most_under_way, receiver.under_way)
        try:
            with contextlib.suppress(OSError):
                self._answer(receiver, request)
        finally:
            with receiver.lock:
                receiver.under_way -= 1
            self.close_connection = True

    def _answer(self, receiver: Receiver, request: Request) -> None:
        if receiver.hang:
            receiver.released.wait(60)
        status = receiver.answer(request) if receiver.answer is not None else receiver.status
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(receiver.body)}"]
        lines += [f"{name}: {value}" for name, value in receiver.headers.items()]
        data = "\r\n".join((*lines, "", "")).encode() + receiver.body
        if not receiver.drip:
            self.wfile.write(data)
            return
        for index in range(len(data)):
            self.wfile.write(data[index : index + 1])
            self.wfile.flush()
            if receiver.released.wait(receiver.drip):
                return

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Who hangs up is not reported."""


@contextlib.contextmanager
def receiving(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Run a receiver for as long as the block lasts."""
    receiver = Receiver()
    server = _Server((host, 0), type("Handler", (_Handler,), {"receiver": receiver}))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    receiver.url = f"{'https' if tls is not None else 'http'}://{host}:{server.server_port}/hook"
    try:
        yield receiver
    finally:
        receiver.released.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
