"""Alerts: a greenlet looks at the numbers of each workspace and tells the webhooks that watch them."""

import logging
import time
from time import monotonic

import gevent
import msgspec
from flask import Flask
from sqlalchemy import select

from ...core.codes import Code
from ...core.webhooks import AlertKind, WebhookEvent
from ...inspector.alerts import EVERY, Alarm, Alert, Watch
from ...realtime.events import Json
from ...realtime.hooks import Hook
from ...realtime.server import Realtime
from ...realtime.workspace import Workspace
from ...triggers.webhooks import DeliveryProblem, body_of, new_id, post
from ..transactions import reading

_log = logging.getLogger("tidegate.alerts")

DATABASE_TIMEOUT = 5.0
DIRECT_TIMEOUT = 10.0
DIRECT_ATTEMPTS = 3
_TOKENS = (Code.TOKEN_INVALID, Code.TOKEN_EXPIRED, Code.TOKEN_REVOKED)


class Alerts:
    """Watches all workspaces. One object a serving process."""

    def __init__(self, app: Flask, realtime: Realtime) -> None:
        self._app = app
        self._realtime = realtime
        self._watches: dict[str, Watch] = {}
        self._alarms: dict[int, Alarm] = {}

    def run(self, every: float = EVERY) -> None:
        """Look for as long as the process lives. Runs as a greenlet."""
        with self._app.app_context():
            while not self._realtime.draining:
                try:
                    self.look(monotonic())
                except Exception:
                    _log.exception("alerts could not be looked at; trying again")
                gevent.sleep(every)

    def look(self, now: float) -> None:
        """Look at every workspace once; ``now`` is in monotonic seconds."""
        watching = {
            workspace.canonical: [hook for hook in workspace.config.hooks.all if _watches(hook)]
            for workspace in self._realtime.workspaces.values()
        }
        away = any(watching.values()) and not _database_answers()
        known = {hook.id for hooks in watching.values() for hook in hooks}
        for gone in self._alarms.keys() - known:
            del self._alarms[gone]
        for workspace in list(self._realtime.workspaces.values()):
            watch = self._watches.setdefault(workspace.canonical, Watch())
            watch.look(now, _counters(workspace), len(workspace.connections))
            for hook in watching.get(workspace.canonical, ()):
                alarm = self._alarms.setdefault(hook.id, Alarm())
                for alert in alarm.look(hook.alerts, watch, away, now):
                    self._tell(workspace, hook, alert, away)

    def _tell(self, workspace: Workspace, hook: Hook, alert: Alert, away: bool) -> None:
        body = body_of(WebhookEvent.ALERT.value, int(time.time() * 1000), _data(workspace, alert))
        if away:
            gevent.spawn(self._post_directly, hook, body)
        else:
            self._realtime.webhooks.tell_hook(workspace, hook, WebhookEvent.ALERT.value, body)

    def _post_directly(self, hook: Hook, body: Json) -> None:
        """Post without the database, which is away: tried a few times, and nowhere noted."""
        webhook_id, secrets = new_id(), hook.secrets(time.time())
        for attempt in range(DIRECT_ATTEMPTS):
            try:
                answer = post(
                    hook.url,
                    body,
                    webhook_id=webhook_id,
                    secrets=secrets,
                    allow_private=self._realtime.webhooks.allow_private,
                    seconds=DIRECT_TIMEOUT,
                )
                if 200 <= answer.status < 300:
                    return
            except DeliveryProblem as problem:
                _log.warning("an alert could not be posted: %s", problem)
            gevent.sleep(2**attempt)


def _watches(hook: Hook) -> bool:
    return hook.is_active and WebhookEvent.ALERT in hook.events


def _counters(workspace: Workspace) -> dict[AlertKind, float]:
    refused = workspace.refused
    return {
        AlertKind.DENIALS: workspace.refusals,
        AlertKind.TOKENS: sum(refused[code] for code in _TOKENS),
        AlertKind.RATE_LIMITED: refused[Code.RATE_LIMITED],
        AlertKind.SLOW_CLIENTS: refused[Code.SLOW_CLIENT],
    }


def _data(workspace: Workspace, alert: Alert) -> Json:
    return msgspec.json.encode(
        {
            "workspace": workspace.canonical,
            "kind": alert.kind.value,
            "state": "resolved" if alert.resolved else "raised",
            "value": alert.value,
            "threshold": alert.threshold,
            "usual": alert.usual,
            "text": alert.text,
        }
    )


def _database_answers() -> bool:
    try:
        with gevent.Timeout(DATABASE_TIMEOUT), reading() as session:
            session.execute(select(1))
    except (Exception, gevent.Timeout):
        return False
    return True
