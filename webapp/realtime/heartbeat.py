"""What time brings: pings and their time-outs, tokens that expire, closes that nobody answers."""

import logging
import time
from time import monotonic

import gevent

from ..core.codes import CloseCode, Code
from ..triggers.turns import PAUSE
from .connection import CLOSE_TIMEOUT, Connection
from .limits import Limits
from .server import Realtime

_log = logging.getLogger("tidegate.heartbeat")

BATCH = 2000
"""Connections looked at before others get a turn of the loop."""


def beat(realtime: Realtime) -> None:
    """Look after all connections for as long as the process lives. Runs as a greenlet."""
    limits = realtime.limits
    interval = min(1.0, limits.ping_interval / 4, limits.ping_timeout / 4)
    while True:
        gevent.sleep(interval)
        now = monotonic()
        for workspace in realtime.workspaces.values():
            workspace.set_capture(time.time())
        for index, connection in enumerate([*realtime.connections, *realtime.leaving]):
            if index % BATCH == BATCH - 1:
                gevent.sleep(PAUSE)
                now = monotonic()
            try:
                if connection.quiet_until <= now:
                    look_after(realtime, connection, now, time.time())
            except Exception:  # a fault with one must not leave all others without pings
                _log.exception("connection %s could not be looked after", connection.id)


def look_after(realtime: Realtime, connection: Connection, now: float, wall_clock: float) -> None:
    """Do what is due for one connection. ``now`` is monotonic, ``wall_clock`` in seconds since 1970."""
    _do_what_is_due(realtime, connection, now, wall_clock)
    connection.quiet_until = _due_next(realtime.limits, connection, now, wall_clock)


def _do_what_is_due(realtime: Realtime, connection: Connection, now: float, wall_clock: float) -> None:
    limits = realtime.limits
    if connection.closing_since:
        if now - connection.closing_since > CLOSE_TIMEOUT:
            connection.abort()
        return
    expires_at = connection.actor.expires_at
    if expires_at is not None and expires_at <= wall_clock:
        realtime.end_token(connection, Code.TOKEN_EXPIRED)
    elif _is_lost(connection, now, limits.ping_timeout):
        detail = f"No answer to a ping for {limits.ping_timeout:g} seconds."
        realtime.refuser.note(connection, Code.PING_TIMEOUT, detail)
        connection.close(CloseCode.INTERNAL_ERROR, Code.PING_TIMEOUT.value)
    elif now - max(connection.pinged_at, connection.connected_at) >= limits.ping_interval:
        connection.ping(now)


def _due_next(limits: Limits, connection: Connection, now: float, wall_clock: float) -> float:
    """Return when there can be something to do again, whatever the client does until then."""
    if connection.closing_since:
        return connection.closing_since + CLOSE_TIMEOUT
    due = max(connection.pinged_at, connection.connected_at) + limits.ping_interval
    if connection.heard_at < connection.pinged_at:
        due = min(due, connection.pinged_at + limits.ping_timeout)
    expires_at = connection.actor.expires_at
    return due if expires_at is None else min(due, now + expires_at - wall_clock)


def _is_lost(connection: Connection, now: float, timeout: float) -> bool:
    """Whether a ping went unanswered; the answer of one whose frame is being handled may lie unread."""
    waited = now - connection.pinged_at
    return connection.heard_at < connection.pinged_at and waited > timeout and not connection.is_busy
