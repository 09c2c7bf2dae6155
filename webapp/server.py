"""Serving: gunicorn with its gevent worker, started from Python, and what a process does at its start and end."""

import gc
import logging
import socket
import ssl
import sys
from time import monotonic
from typing import Any

import gevent
from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.http.errors import NoMoreData
from gunicorn.workers.ggevent import GeventWorker

from .config import Settings
from .extensions import db
from .inspector.meter import measure
from .inspector.tap import Tap
from .realtime.heartbeat import beat
from .realtime.limits import Limits
from .realtime.server import Realtime
from .services import recordings, workspaces
from .services.history import DatabaseStore
from .services.webhooks.alerting import Alerts
from .services.webhooks.dispatching import Dispatcher
from .triggers.turns import PAUSE

_log = logging.getLogger("tidegate.server")

WATCH_INTERVAL = 0.5
"""Seconds between looks at what other processes (the command line) have changed."""
DRAIN_TIMEOUT = 2.0
"""Seconds that clients have to answer the close of a restart."""
RECORDINGS_TIMEOUT = 3.0
"""Seconds that recordings have, after that, to write what passed last."""
WEBHOOKS_TIMEOUT = 1.0
"""Seconds that posts to webhooks have, after that, to end; the others are made again after the next start."""
HANDSHAKE_TIMEOUT = 10.0
"""Seconds a TLS handshake may take."""
GRACEFUL_TIMEOUT = 8
BODY_TIMEOUT = 30.0
"""Seconds a client has to send a request's body."""
BODY_DRAINED = 1024 * 1024
"""Bytes of a body that nobody read for which a connection is kept; one with more is closed."""
BODY_STEP = 16 * 1024
LINGER_TIMEOUT = 2.0
"""Seconds a client has to read the answer to a body that nobody read."""
LINGER_BYTES = 64 * 1024 * 1024
REQUEST_LINE_MAX = 32 * 1024
OPEN_FILES = 1_048_576


class Worker(GeventWorker):  # type: ignore[misc]
    """gunicorn's gevent worker, with connections that outlive their request and a drain at the end."""

    def init_process(self) -> None:
        # gunicorn asks for dozens of settings a request through a slow `__getattr__`: answer from the instance.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        # A process with many connections holds many objects that live long: full collections, which look at all of
        # them, would stop the loop for tens of milliseconds and find nothing.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 1_000)
        self.handlers: set[gevent.Greenlet] = set()
        self.answering: set[gevent.Greenlet] = set()
        super().init_process()

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection, request after request, unless one of them takes its socket."""
        current = gevent.getcurrent()
        self.handlers.add(current)
        try:
            super().handle(listener, client, addr)
        finally:
            self.handlers.discard(current)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        current = gevent.getcurrent()
        self.answering.add(current)
        try:
            return self._handle(listener_name, req, sock, addr)
        finally:
            self.answering.discard(current)

    def _handle(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        length = _body_length(req)
        if not length:
            return super().handle_request(listener_name, req, sock, addr)
        req.body.reader = _BodyReader(req)
        if length <= BODY_DRAINED:
            return super().handle_request(listener_name, req, sock, addr)
        # gunicorn would read the rest without end and without letting others run.
        req.force_close()
        try:
            return super().handle_request(listener_name, req, sock, addr)
        finally:
            _linger(sock)

    def handle_exit(self, sig: int, frame: Any) -> None:
        # Signal handlers run in the loop's own greenlet, which must not wait: only spawn here.
        gevent.spawn(self._leave)

    def handle_quit(self, sig: int, frame: Any) -> None:
        gevent.spawn(self._leave)

    def _leave(self) -> None:
        realtime: Realtime = self.wsgi.extensions["tidegate.realtime"]
        if realtime.draining:
            return
        try:
            realtime.drain(DRAIN_TIMEOUT, self.notify)
            dispatcher: Dispatcher = self.wsgi.extensions["tidegate.dispatcher"]
            dispatcher.drain(WEBHOOKS_TIMEOUT)
            with self.wsgi.app_context():
                recordings.end_all(RECORDINGS_TIMEOUT)
        finally:
            self.alive = False
        # Browsers keep connections open on which they ask nothing: only for requests there is anything to wait.
        ends = monotonic() + GRACEFUL_TIMEOUT
        while self.answering and monotonic() < ends:
            gevent.sleep(0.05)
        gevent.killall(list(self.handlers - self.answering), NoMoreData, block=False)


class _BodyReader:
    """Reads a request's body within ``BODY_TIMEOUT``, letting others run however fast it comes."""

    def __init__(self, req: Any) -> None:
        self._req = req
        self._read = req.body.reader.read
        self._ends = monotonic() + BODY_TIMEOUT

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes.

        Raises:
            TimeoutError: the client took too long; Werkzeug answers 400.
        """
        left = self._ends - monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            with gevent.Timeout(left, TimeoutError):
                gevent.sleep(PAUSE)
                # A larger step could be a million chunks of one byte.
                data: bytes = self._read(min(size, BODY_STEP))
        except TimeoutError:
            self._req.force_close()
            raise
        return data


def _body_length(req: Any) -> float:
    """Return the bytes of a request's body as it declares them; a chunked one may be endless."""
    headers = dict(req.headers)
    return float("inf") if "TRANSFER-ENCODING" in headers else int(headers.get("CONTENT-LENGTH", 0))


def _linger(sock: Any) -> None:
    """Take what the client is still sending, for a moment: closing at once would reset the answer on its way."""
    taken = 0
    with gevent.Timeout(LINGER_TIMEOUT, False):
        try:
            sock.shutdown(socket.SHUT_WR)
            while taken < LINGER_BYTES:
                data = sock.recv(64 * 1024)
                if not data:
                    return
                taken += len(data)
                gevent.sleep(PAUSE)
        except OSError:
            pass


class _Arbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's arbiter with one worker for ever: two would each have half of the clients."""

    def handle_ttin(self) -> None:
        self.log.warning("The number of processes is fixed; the signal is ignored.")

    handle_ttou = handle_usr2 = handle_ttin


class Server(BaseApplication):  # type: ignore[misc]
    """The gunicorn application: settings from ours, the Flask application made in the worker."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        super().__init__()

    def load_config(self) -> None:
        settings = self.settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": [f"{host}:{settings.port}", f"unix:{settings.control_socket}"],
            "umask": 0o177,  # the control socket is for this user alone
            "worker_class": Worker,
            "workers": settings.workers,
            "worker_connections": OPEN_FILES,
            "limit_request_line": REQUEST_LINE_MAX,
            "http_parser": "auto",
            "forwarded_allow_ips": "",  # whose headers count is ours to say: TIDEGATE_PROXIES
            "keepalive": 15,
            "timeout": 60,
            "graceful_timeout": GRACEFUL_TIMEOUT,
            "backlog": 4096,
            "loglevel": settings.log_level,
            "proc_name": "tidegate",
            "control_socket_disable": True,
        }
        if settings.tls_cert is not None:
            options |= {"certfile": str(settings.tls_cert), "keyfile": str(settings.tls_key), "ssl_context": _tls}
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def run(self) -> None:
        try:
            _Arbiter(self).run()
        except RuntimeError as error:
            sys.exit(f"Error: {error}")

    def load(self) -> Flask:
        from . import create_app

        app = create_app(self.settings)
        start(app, self.settings)
        return app


def start(app: Flask, settings: Settings) -> Realtime:
    """Start the running server of this process and hang it on the application."""
    with app.app_context():
        workspaces.ensure_default()
        realtime = Realtime(
            limits(settings), DatabaseStore(db.engine), Tap(settings.inspector_messages, settings.inspector_bytes)
        )
        realtime.webhooks.allow_private = settings.allow_private_addresses
        realtime.webhooks.waiting_most = settings.limit_webhook_backlog
        app.extensions["tidegate.realtime"] = realtime
        alerts = app.extensions["tidegate.alerts"] = Alerts(app, realtime)
        dispatcher = app.extensions["tidegate.dispatcher"] = Dispatcher(app, realtime, settings)
        workspaces.watch()
        cut_off = recordings.take_stock()
    gevent.spawn(_put_right, app, cut_off)
    gevent.spawn(beat, realtime)
    gevent.spawn(measure, realtime)
    gevent.spawn(_watch, app)
    dispatcher.start()
    gevent.spawn(alerts.run)
    return realtime


def limits(settings: Settings) -> Limits:
    """Take the limits of a client out of the settings."""
    return Limits(
        message_bytes=settings.limit_message_bytes,
        channels_per_client=settings.limit_channels_per_client,
        outbox_bytes=settings.limit_outbox_bytes,
        messages_per_minute=settings.limit_messages_per_minute,
        clients=settings.limit_clients,
        clients_per_address=settings.limit_clients_per_address,
        clients_per_user=settings.limit_clients_per_user,
        ping_interval=settings.ping_interval,
        ping_timeout=settings.ping_timeout,
    )


def serve(settings: Settings) -> None:
    """Serve until told to stop. Does not return."""
    _raise_open_files()
    Server(settings).run()


def _put_right(app: Flask, cut_off: list[int]) -> None:
    with app.app_context():
        recordings.put_right(cut_off)


def _watch(app: Flask) -> None:
    with app.app_context():
        while True:
            gevent.sleep(WATCH_INTERVAL)
            try:
                workspaces.watch()
            except Exception:
                _log.exception("the workspaces could not be looked at; trying again")


def _tls(config: Any, default_factory: Any) -> ssl.SSLContext:
    context: Any = default_factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 1  # each costs time in the handshake, and one is enough to come back with
    wrap = context.wrap_socket

    def wrap_in_time(sock: Any, **options: Any) -> Any:
        """Shake hands, but not for ever; a handshake that fails is the client's affair and no line in the log."""
        if sock.family == socket.AF_UNIX:
            return sock  # the control socket never leaves this machine
        sock.settimeout(HANDSHAKE_TIMEOUT)
        try:
            return wrap(sock, **options)
        except OSError as error:
            _log.debug("a TLS handshake failed: %s", error)
            sock.close()
            raise gevent.GreenletExit from None

    context.wrap_socket = wrap_in_time
    tls: ssl.SSLContext = context
    return tls


def _raise_open_files() -> None:
    """Every connection is a descriptor: take as many as this user may have."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
