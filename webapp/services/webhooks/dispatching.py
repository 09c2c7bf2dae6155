"""Delivering: greenlets of the serving process that take what is due and post it, some at a time.

What is due stands in the database alone, so a process that ends in the middle leaves it to the next one: a receiver
may then get the same post twice, with the same ``webhook-id``.
"""

import logging
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import gevent
from flask import Flask
from gevent.event import Event
from sqlalchemy import func, select, update
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.orm import load_only

from ...config import Settings
from ...models import DeliveryState, Webhook, WebhookDelivery, now
from ...realtime.hooks import Hook
from ...realtime.server import Realtime
from ...triggers.moment import StepFailed
from ...triggers.sandbox import Script, is_true
from ...triggers.webhooks import DeliveryProblem, headers_of, moment_of, post
from ..live import refresh
from ..transactions import reading, writing
from . import deliveries
from .kept import switched_off
from .retrying import Outcome, after_answer, after_problem, dropped

_log = logging.getLogger("tidegate.webhooks")

AT_ONCE = 16
AT_ONCE_A_WEBHOOK = 4
SLOW = 2.0
"""Seconds after which a receiver is a slow one, until it is quicker: such are counted by themselves, and get one post
at a time, so that a few that hang don't make all others wait."""
ALL_AT_ONCE = 64
POLL = 1.0
"""Seconds between looks at what nobody told of: another process's resends, webhooks that were just made."""
COUNT_EVERY = 10.0
CLEAN_EVERY = 60.0
PAUSE = 1.0
"""Seconds before a database that is locked or away is tried again."""
_PENDING = DeliveryState.PENDING.value


@dataclass(slots=True)
class _Line:
    """What is known of a webhook's deliveries: when to look again (seconds since 1970), which are under way and since
    when (monotonic seconds), and whether the last one took long."""

    due: float = 0.0
    under_way: dict[int, float] = field(default_factory=dict)
    was_slow: bool = False

    @property
    def is_slow(self) -> bool:
        return self.was_slow or any(time.monotonic() - began > SLOW for began in self.under_way.values())

    def end(self, row_id: int) -> None:
        """Note that one is no longer under way."""
        self.was_slow = time.monotonic() - self.under_way.pop(row_id) > SLOW


class Dispatcher:
    """Delivers what waits. One object a serving process."""

    def __init__(self, app: Flask, realtime: Realtime, settings: Settings) -> None:
        self._app = app
        self._realtime = realtime
        self._settings = settings
        self._webhooks = realtime.webhooks
        self._lines: dict[int, _Line] = {}
        self._stirred = Event()
        self._polled = self._counted = 0.0
        self._turns = 0
        self._is_away = False
        self._webhooks.woken = self.wake

    def start(self) -> None:
        """Begin to deliver, with all that waited when this process began."""
        gevent.spawn(self._run)
        gevent.spawn(self._clean)

    def wake(self, webhook_ids: Iterable[int]) -> None:
        """There is something new for these webhooks."""
        for webhook_id in webhook_ids:
            self._lines.setdefault(webhook_id, _Line()).due = 0.0
        self._stirred.set()

    def drain(self, timeout: float) -> None:
        """Let what is under way end, for so many seconds; nothing new is begun once the server drains."""
        ends = time.monotonic() + timeout
        while self._busy and time.monotonic() < ends:
            gevent.sleep(0.02)

    @property
    def _busy(self) -> int:
        return sum(len(line.under_way) for line in self._lines.values())

    def _run(self) -> None:
        with self._app.app_context():
            while not self._realtime.draining:
                self._stirred.clear()
                try:
                    wait = self._look(time.time())
                    self._is_away = False
                except SQLAlchemyError as error:
                    if not self._is_away:
                        _log.warning("deliveries wait for the database: %s", error)
                    self._is_away, wait = True, PAUSE
                except Exception:
                    _log.exception("deliveries could not be looked at; trying again")
                    wait = PAUSE
                self._stirred.wait(wait)

    def _look(self, now_: float) -> float:
        """Begin what is due and may begin; returns how many seconds to wait before the next look."""
        hooks = self._active()
        if now_ >= self._polled + POLL:
            self._polled = now_
            for hook in hooks:
                line = self._lines.setdefault(hook.id, _Line())
                line.due = min(line.due, now_)
        if now_ >= self._counted + COUNT_EVERY:
            self._counted = now_
            self._count(hooks)
        self._turns += 1
        wait = POLL
        for hook in _rotated(hooks, self._turns):
            line = self._lines.setdefault(hook.id, _Line())
            if line.due > now_:
                wait = min(wait, line.due - now_)
            elif (room := self._room(line)) > 0:
                self._begin(hook, line, room, now_)
                wait = min(wait, max(line.due - now_, 0.0))
        return wait

    def _room(self, line: _Line) -> int:
        """Say how many more of a webhook may be under way."""
        is_slow = line.is_slow
        alike = sum(len(each.under_way) for each in self._lines.values() if each.is_slow == is_slow)
        most = 1 if is_slow else AT_ONCE_A_WEBHOOK
        return min(most - len(line.under_way), AT_ONCE - alike, ALL_AT_ONCE - self._busy)

    def _active(self) -> list[Hook]:
        hooks = [hook for workspace in self._realtime.workspaces.values() for hook in workspace.config.hooks.all]
        for gone in self._lines.keys() - {hook.id for hook in hooks}:
            if not self._lines[gone].under_way:
                del self._lines[gone]
        return [hook for hook in hooks if hook.is_active]

    def _begin(self, hook: Hook, line: _Line, room: int, now_: float) -> None:
        moment = datetime.fromtimestamp(now_, UTC)
        mine = (WebhookDelivery.webhook_id == hook.id) & (WebhookDelivery.state == _PENDING)
        columns = ("id", "key", "body", "attempts", "conditional")
        due = (
            select(WebhookDelivery)
            .options(load_only(*(getattr(WebhookDelivery, name) for name in columns)))
            .where(mine, WebhookDelivery.next_at <= moment)
            .order_by(WebhookDelivery.next_at, WebhookDelivery.id)
            .limit(room + len(line.under_way))
        )
        line.due = float("inf")  # whoever wakes it from here on means something newer
        try:
            with reading() as session:
                rows = [row for row in session.scalars(due) if row.id not in line.under_way][:room]
                later = session.scalar(select(func.min(WebhookDelivery.next_at)).where(mine, _later_than(moment)))
        except BaseException:
            line.due = 0.0
            raise
        if len(rows) == room:
            line.due = 0.0  # there may be more
        elif later is not None:
            line.due = min(line.due, later.timestamp())
        for row in rows:
            line.under_way[row.id] = time.monotonic()
            gevent.spawn(self._deliver, hook, line, row)

    def _deliver(self, hook: Hook, line: _Line, row: WebhookDelivery) -> None:
        try:
            with self._app.app_context():
                at = now()
                headers = headers_of(row.body.encode(), row.key, hook.secrets(at.timestamp()), at)
                try:
                    outcome = self._attempt(hook, row, at)
                except Exception:
                    _log.exception("delivery %s could not be made", row.key)
                    outcome = self._after("A fault of the server; its log says more.", row)
                self._note(hook, row, headers if outcome.state is not DeliveryState.DROPPED else None, outcome)
        except Exception:
            _log.exception("what came of delivery %s could not be noted", row.key)
            gevent.sleep(PAUSE)
        finally:
            line.end(row.id)
            self._stirred.set()

    def _attempt(self, hook: Hook, row: WebhookDelivery, at: datetime) -> Outcome:
        body = row.body.encode()
        if row.conditional and not row.attempts and hook.condition:
            try:
                if not is_true(Script.expression(hook.condition), moment_of(body)):
                    return dropped("The condition is not true of it.")
            except StepFailed as error:
                return dropped(f"The condition failed: {error}")
        try:
            answer = post(
                hook.url,
                body,
                webhook_id=row.key,
                secrets=hook.secrets(at.timestamp()),
                allow_private=self._settings.allow_private_addresses,
                seconds=self._settings.webhook_timeout,
                at=at,
            )
        except DeliveryProblem as error:
            return self._after(str(error), row)
        return after_answer(answer, row.attempts + 1, self._settings.webhook_retries, random.random())

    def _after(self, problem: str, row: WebhookDelivery) -> Outcome:
        return after_problem(problem, row.attempts + 1, self._settings.webhook_retries, random.random())

    def _note(self, hook: Hook, row: WebhookDelivery, headers: dict[str, str] | None, outcome: Outcome) -> None:
        """Write down what came of an attempt, however long the database takes to come back."""
        moment = now()
        values = _values(outcome, headers, moment)
        if headers is not None:
            values["attempts"] = row.attempts + 1
        workspace_id = None
        while True:
            try:
                with writing() as session:
                    mine = update(WebhookDelivery).where(
                        WebhookDelivery.id == row.id, WebhookDelivery.state == _PENDING
                    )
                    session.execute(mine.values(**values))
                    if outcome.switch_off:
                        webhook = session.get(Webhook, hook.id)
                        if webhook is not None and webhook.is_active:
                            switched_off(session, webhook, outcome.switch_off)
                            workspace_id = webhook.workspace_id
                break
            except DataError:
                _log.exception("an answer to %s can't be stored", row.key)
                values |= {"answer": "", "error": outcome.error or "Its answer can't be shown."}
                if not outcome.answer:
                    break
                outcome = replace(outcome, answer="")
            except SQLAlchemyError as error:
                if not self._is_away:
                    _log.warning("what came of a delivery could not be written down yet: %s", error)
                self._is_away = True
                gevent.sleep(PAUSE)
        self._webhooks.outcomes["retried" if outcome.wait is not None else outcome.state.value] += 1
        if outcome.wait is None:
            self._webhooks.waiting[hook.id] = max(0, self._webhooks.waiting[hook.id] - 1)
        else:
            line = self._lines.setdefault(hook.id, _Line())
            line.due = min(line.due, values["next_at"].timestamp())
        if workspace_id is not None:
            refresh(workspace_id)

    def _count(self, hooks: list[Hook]) -> None:
        """Count what waits, which other processes change too."""
        waiting = self._webhooks.waiting
        for gone in waiting.keys() - {hook.id for hook in hooks}:
            del waiting[gone]
        with reading() as session:
            for hook in hooks:
                waiting[hook.id] = session.scalar(deliveries.pending(hook.id)) or 0

    def _clean(self) -> None:
        with self._app.app_context():
            while True:
                gevent.sleep(CLEAN_EVERY)
                try:
                    deliveries.clear_all_orphans()
                    for workspace in list(self._realtime.workspaces.values()):
                        deliveries.clean(workspace.config.id)
                except Exception as error:
                    _log.warning("old deliveries could not be deleted: %s", error)


def _values(outcome: Outcome, headers: dict[str, str] | None, moment: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": outcome.state.value,
        "status": outcome.status,
        "error": outcome.error,
        "answer": outcome.answer,
        "headers": headers,
        "next_at": moment + timedelta(seconds=outcome.wait) if outcome.wait is not None else None,
        "finished_at": moment if outcome.wait is None else None,
    }
    return values


def _later_than(moment: datetime) -> Any:
    return WebhookDelivery.next_at > moment


def _rotated(hooks: list[Hook], turns: int) -> list[Hook]:
    """Begin with another one each time, so that none is always last."""
    at = turns % len(hooks) if hooks else 0
    return hooks[at:] + hooks[:at]
