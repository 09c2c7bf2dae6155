"""What webhooks are told of what passes: each event becomes deliveries, stored before anyone hears of it.

Whoever calls this has looked at ``workspace.hooks`` first, so that a workspace without webhooks pays for that alone.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..core.triggers import TriggerEvent
from ..core.webhooks import WebhookEvent
from ..triggers.moment import Answer, Moment, Notice, Occasion, Party, StepFailed
from ..triggers.webhooks import DeliveryProblem, body_of, new_id, post
from .events import EVENT, Json, Message
from .hooks import Delivery, Hook
from .triggering import party

if TYPE_CHECKING:
    from .channel import Membership
    from .connection import Connection
    from .history import HistoryWriter
    from .workspace import Workspace

_log = logging.getLogger("tidegate.webhooks")

WAITING_MOST = 100_000
NOBODY: Any = None
"""The host of a moment that is only written down."""


class Webhooks:
    """Turns events into deliveries. ``woken`` is told the webhooks for which there is something new."""

    def __init__(self, history: "HistoryWriter", allow_private: bool = False, waiting_most: int = WAITING_MOST) -> None:
        self._history = history
        history.posted = self._stored
        self.allow_private = allow_private
        self.waiting_most = waiting_most
        self.waiting: Counter[int] = Counter()
        """How many deliveries wait, by webhook; counted again now and then by whoever delivers them."""
        self.overflowed: Counter[int] = Counter()
        """How many were dropped since the process began because too many waited, by webhook."""
        self.outcomes: Counter[str] = Counter()
        """What became of deliveries since the process began."""
        self.woken: Callable[[Iterable[int]], Any] = lambda _hooks: None

    def of_message(
        self, workspace: "Workspace", message: Message, client: "Connection | None" = None
    ) -> tuple[Delivery, ...] | None:
        """Return the deliveries of a message that was accepted; None if no webhook is told of it.

        ``client`` is who sent it, None for the server.
        """
        assert workspace.hooks is not None
        hooks = workspace.hooks.of(WebhookEvent.MESSAGE, message.channel)
        if not hooks:
            return None
        target = workspace.connections.get(message.target_id) if message.target_id is not None else None
        occasion = Occasion(
            TriggerEvent.EVENT if message.kind is EVENT else TriggerEvent.MESSAGE,
            message.channel,
            _params(workspace, message.channel),
            message.id,
            client=party(client) if client is not None else None,
            target=party(target) if target is not None else None,
            authenticated=message.authenticated,
            event=message.event,
            to_user=message.target_user,
        )
        text = Moment(occasion, message.payload, "", NOBODY).text
        data = f'{text[:-1]},"kind":"{message.kind.value}"}}'.encode()
        return self._deliveries(workspace, hooks, WebhookEvent.MESSAGE, body_of("message", message.at_ms, data), True)

    def joined(self, membership: "Membership") -> None:
        """A client joined a channel."""
        channel = membership.channel
        self._tell(WebhookEvent.JOIN, membership, membership.since)
        if len(channel.members) == 1:
            self._tell(WebhookEvent.OCCUPIED, membership, membership.since)

    def left(self, membership: "Membership", tick: int) -> None:
        """A client is no longer in a channel."""
        self._tell(WebhookEvent.LEAVE, membership, tick)
        if not membership.channel.members:
            self._tell(WebhookEvent.VACATED, membership, tick)

    def of_notices(
        self, workspace: "Workspace", notices: Sequence[Notice], message_id: int = 0
    ) -> tuple[Delivery, ...]:
        """Return the deliveries of what triggers have webhooks told, under the id that the message has in the end."""
        made: list[Delivery] = []
        for notice in notices:
            hook = workspace.config.hooks.of_url(notice.url)
            if hook is None or not hook.is_active:
                self.outcomes["dropped"] += 1
                what = "off" if hook else "not known"
                _log.warning("a webhook of a trigger is not delivered: its address is %s", what)
                continue
            occasion = notice.occasion
            at_ms = (message_id or occasion.id) // 10_000
            body = body_of(occasion.on.value, at_ms, notice.event(message_id))
            made += self._deliveries(workspace, (hook,), occasion.on.value, body)
        return tuple(made)

    def enqueue(self, workspace: "Workspace", notices: Sequence[Notice]) -> None:
        """Have webhooks told what triggers have them told, as often as it takes.

        Returns once it is stored, where it may wait; in the loop itself it is stored at the end of the turn.
        """
        deliveries = self.of_notices(workspace, notices)
        if deliveries:
            self._history.add_deliveries(deliveries)
            self._history.settle_if_slow()

    def ask(self, workspace: "Workspace", url: str, body: Json, seconds: float) -> Answer:
        """Post a body to the webhook of an address and return its answer; not stored, and tried once.

        Raises:
            StepFailed: it is off, or there was no answer that can be used.
        """
        hook = workspace.config.hooks.of_url(url)
        if hook is None:
            raise StepFailed("There is no webhook for its address; publishing the rules makes it.")
        if not hook.is_active:
            raise StepFailed(f"The webhook of its address is switched off: {hook.off_because}")
        try:
            return post(
                url,
                body,
                webhook_id=new_id(),
                secrets=hook.secrets(time.time()),
                allow_private=self.allow_private,
                seconds=seconds,
            )
        except DeliveryProblem as error:
            raise StepFailed(str(error)) from None

    def tell_hook(self, workspace: "Workspace", hook: Hook, kind: str, body: Json) -> None:
        """Have a body delivered to one webhook: an alert, or a test."""
        deliveries = self._deliveries(workspace, (hook,), kind, body)
        if deliveries:
            self._history.add_deliveries(deliveries)

    def _tell(self, event: WebhookEvent, membership: "Membership", tick: int) -> None:
        connection, name = membership.connection, membership.channel.name
        workspace = connection.workspace
        assert workspace.hooks is not None
        hooks = workspace.hooks.of(event, name)
        if not hooks:
            return
        who = party(connection)
        params = _params(workspace, name)
        if event in (WebhookEvent.JOIN, WebhookEvent.LEAVE):
            occasion = Occasion(TriggerEvent(event.value), name, params, tick, client=who)
            data = Moment(occasion, b"null", "", NOBODY).text.encode()
        else:
            data = _channel_data(event, name, params, who, tick)
        deliveries = self._deliveries(workspace, hooks, event, body_of(event.value, tick // 10_000, data), True)
        if deliveries:
            self._history.add_deliveries(deliveries)

    def _deliveries(
        self, workspace: "Workspace", hooks: Sequence[Hook], event: str, body: Json, conditional: bool = False
    ) -> tuple[Delivery, ...]:
        made = []
        for hook in hooks:
            if self.waiting[hook.id] >= self.waiting_most:
                self.overflowed[hook.id] += 1
                self.outcomes["dropped"] += 1
                continue
            self.waiting[hook.id] += 1
            made.append(
                Delivery(workspace.config.id, hook.id, new_id(), str(event), body, conditional and bool(hook.condition))
            )
        return tuple(made)

    def _stored(self, deliveries: Sequence[Delivery], stored: bool) -> None:
        """Told by the history's writer what became of deliveries that it was given."""
        if stored:
            self.woken({delivery.webhook_id for delivery in deliveries})
            return
        _log.warning("%d deliveries of webhooks could not be stored", len(deliveries))
        for delivery in deliveries:
            self.waiting[delivery.webhook_id] -= 1
            self.outcomes["dropped"] += 1


def _params(workspace: "Workspace", channel: str) -> tuple[str, ...]:
    rule = workspace.rules.resolve(channel)
    return rule.target.params(channel) if rule is not None else ()


def _channel_data(event: WebhookEvent, channel: str, params: tuple[str, ...], who: Party | None, tick: int) -> Json:
    """The event of a channel, in the form that those of clients have."""
    return msgspec.json.encode(
        {
            "action": event.value,
            "channel": channel,
            "params": params,
            "client": msgspec.Raw(who.json) if who is not None else None,
            "options": {"channel": channel},
            "id": str(tick),
            "time": tick // 10_000,
            "payload": None,
        }
    )
