"""Where the running server runs triggers: from connections and messages to what stacks see, and back.

Whatever is run may take time: who calls these looks again at rights and memberships afterwards.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import gevent
import msgspec

from ..core.policy import Objection
from ..core.ruleset import Rule
from ..core.triggers import Trigger, TriggerEvent
from ..triggers.hosts import Helping, Memory, Noting
from ..triggers.moment import Answer, Moment, Notice, Occasion, Party, StepFailed
from ..triggers.runs import Run, RunLog
from ..triggers.stack import Outcome, Tried, run_trigger, run_triggers
from .channel import Channel
from .connection import Connection
from .events import Json, Kind, Message, Ticks
from .outside import Outside
from .workspace import Workspace

_log = logging.getLogger("tidegate.triggers")
LEAVES_AT_ONCE = 8
LEAVES_WAITING_MOST = 20_000
"""Triggers of clients that left which may wait; what comes above is not run, and counted."""


class Ran(msgspec.Struct, frozen=True):
    """What the triggers made of an event, and what webhooks are told once it has gone through."""

    payload: Json
    objection: Objection | None
    runs: tuple[Run, ...]
    notices: tuple[Notice, ...]
    message_id: int = 0

    def id_in(self, channel: Channel, ticks: Ticks) -> int:
        """The id that triggers saw, unless another message of the channel has overtaken this one meanwhile: ids grow
        in the order in which messages are handed on."""
        message_id = self.message_id if self.message_id > channel.last_id else ticks.next()
        if message_id != self.message_id:
            for run in self.runs:  # whoever looks at a run later finds its message
                run.message = message_id
        channel.last_id = message_id
        return message_id


NOT_RUN = Ran(b"", None, (), ())
"""There were no triggers to run."""


class LiveHost(Helping):
    """Does what stacks want done. ``notices`` are for webhooks, once the event has gone through."""

    def __init__(
        self, workspace: Workspace, rule: Rule, memory: Memory, outside: Outside, ticks: Ticks, most: int
    ) -> None:
        super().__init__(workspace.canonical, memory)
        self._live = workspace
        self._rule = rule
        self._outside = outside
        self._ticks = ticks
        self._most = most
        self.notices: list[Notice] = []

    def publish(
        self,
        channel: str,
        data: Json,
        *,
        event: str | None = None,
        socket_id: str | None = None,
        user: str | None = None,
    ) -> None:
        if len(data) > self._most:
            raise StepFailed(f"It would publish {len(data):,} bytes; a message has at most {self._most:,}.")
        self._outside.publish(self._live, channel, data, event, socket_id, user)

    def log(self, to: str, text: str, moment: Moment) -> None:
        if to == "audit":
            self._outside.audit(self._live, text, moment)
            return
        if not self._rule.history:
            raise StepFailed("The rule keeps no history that it could log to.")
        client = moment.occasion.client
        entry = Message(
            self._ticks.next(),
            moment.occasion.channel,
            Kind.EVENT,
            msgspec.json.encode({"text": text}),
            sender=client.sender if client is not None else None,
            event="log",
        )
        self._outside.keep(self._live, entry, self._rule.history)

    def ask(self, url: str, body: Json, seconds: float) -> Answer:
        return self._outside.ask(self._live, url, body, seconds)

    def tell(self, notice: Notice) -> None:
        self.notices.append(notice)


class Triggering:
    """Runs the triggers of this process and keeps the log of their runs."""

    def __init__(self, outside: Outside, ticks: Ticks, message_bytes: int) -> None:
        self.log = RunLog()
        self.leaves_dropped = 0
        self._memory = Memory()
        self._outside = outside
        self._ticks = ticks
        self._most = message_bytes
        self._leaves: deque[Callable[[], Any]] = deque()
        self._leavers = 0

    def run(
        self, workspace: Workspace, rule: Rule, triggers: Sequence[Trigger], occasion: Occasion, payload: Json
    ) -> Ran:
        """Run triggers on an event. Lets others run meanwhile."""
        host = LiveHost(workspace, rule, self._memory, self._outside, self._ticks, self._most)
        outcome = run_triggers(workspace.canonical, rule, triggers, occasion, payload, host, self._most)
        for run in outcome.runs:
            self.log.add(run)
        return Ran(outcome.payload, outcome.objection, outcome.runs, tuple(host.notices), occasion.id)

    def occasion(
        self,
        connection: Connection,
        rule: Rule,
        on: TriggerEvent,
        channel: str,
        *,
        target: Connection | None = None,
        authenticated: bool = False,
        authorized: bool = True,
        event: str | None = None,
        to_user: str | None = None,
    ) -> Occasion:
        """Say what a client does, as triggers see it."""
        return Occasion(
            on,
            channel,
            rule.target.params(channel),
            self._ticks.next(),
            party(connection),
            party(target) if target is not None else None,
            authenticated,
            authorized,
            event,
            to_user,
        )

    def on_event(self, workspace: Workspace, channel: str, data: Json, event: str | None, only_traced: bool) -> Ran:
        """Run the triggers of a message of the server; with ``only_traced`` without any effect."""
        rule = workspace.rules.resolve(channel)
        triggers = rule.triggers_on(TriggerEvent.EVENT) if rule is not None else ()
        if rule is None or not triggers:
            return NOT_RUN
        occasion = Occasion(TriggerEvent.EVENT, channel, rule.target.params(channel), self._ticks.next(), event=event)
        if only_traced:
            outcome = self.trace(workspace, rule, triggers, occasion, data)
            return Ran(outcome.payload, outcome.objection, outcome.runs, ())
        return self.run(workspace, rule, triggers, occasion, data)

    def left(self, connection: Connection, rule: Rule, channel: str) -> None:
        """Have the triggers run of a client that left, in the background: there is nothing that waits for them."""
        triggers = rule.triggers_on(TriggerEvent.LEAVE)
        if not triggers:
            return
        if len(self._leaves) >= LEAVES_WAITING_MOST:
            self.leaves_dropped += 1
            return
        workspace = connection.workspace
        occasion = self.occasion(connection, rule, TriggerEvent.LEAVE, channel)

        def run() -> None:
            notices = self.run(workspace, rule, triggers, occasion, b"null").notices
            if notices:
                self._outside.tell(workspace, notices)

        self._leaves.append(run)
        if self._leavers < LEAVES_AT_ONCE:
            self._leavers += 1
            gevent.spawn(self._run_leaves)

    def _run_leaves(self) -> None:
        try:
            while self._leaves:
                try:
                    self._leaves.popleft()()
                except Exception:
                    _log.exception("the triggers of a client that left failed")
        finally:
            self._leavers -= 1

    def try_out(self, canonical: str, rule: Rule, trigger: Trigger, occasion: Occasion, payload: Json) -> Tried:
        """Run a trigger without any effect; it need not be saved anywhere."""
        host = Noting(canonical)
        run, left, objection = run_trigger(canonical, rule, trigger, occasion, payload, host, self._most, is_test=True)
        code, told = (
            (objection.code, objection.told or objection.code.sentence) if objection is not None else (None, "")
        )
        return Tried(run, left, code, told, tuple(host.effects))

    def trace(
        self, workspace: Workspace, rule: Rule, triggers: Sequence[Trigger], occasion: Occasion, payload: Json
    ) -> Outcome:
        """Run triggers without any effect, for a message that is only traced."""
        host = Noting(workspace.canonical)
        return run_triggers(workspace.canonical, rule, triggers, occasion, payload, host, self._most)


def party(connection: Connection) -> Party:
    """Describe a client as triggers see it."""
    sender = connection.sender
    if sender.party is None:
        actor = connection.actor
        sender.party = Party(connection.id, sender.json, actor.user_id, actor.authenticated, connection.address)
    return sender.party
