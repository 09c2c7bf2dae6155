"""The webhooks of a workspace as it runs, and which of them an event concerns."""

from dataclasses import dataclass, field

import msgspec

from ..core.targets import Target
from ..core.webhooks import AlertSettings, WebhookEvent
from .events import Json

KNOWN_MOST = 10_000
"""Channel names whose webhooks are remembered."""


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A post that is to be made. ``key`` is its webhook-id, ``event`` the ``type`` in its body.

    ``conditional``: only if the webhook's condition is true of it.
    """

    workspace_id: int
    webhook_id: int
    key: str
    event: str
    body: Json
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook. Without ``channels`` it hears of all. The old secret signs too until ``old_until`` (seconds since
    1970). ``off_because`` says why one that is not active is off."""

    id: int
    url: str
    secret: str
    events: frozenset[WebhookEvent] = frozenset()
    channels: tuple[Target, ...] = ()
    condition: str = ""
    alerts: AlertSettings = field(default_factory=AlertSettings)
    is_active: bool = True
    off_because: str = ""
    old_secret: str | None = None
    old_until: float = 0.0

    def secrets(self, now: float) -> tuple[str, ...]:
        """Return what signs at a moment, the newest first."""
        return (
            (self.secret, self.old_secret) if self.old_secret is not None and now < self.old_until else (self.secret,)
        )


class Hooks:
    """All webhooks of a workspace: an event finds its own by the channel's name, without going through all."""

    def __init__(self, hooks: tuple[Hook, ...] = ()) -> None:
        self.all = hooks
        self._by_event: dict[WebhookEvent, dict[str, tuple[Hook, ...]]] = {event: {} for event in WebhookEvent}
        self.listens = any(hook.is_active and hook.events - {WebhookEvent.ALERT} for hook in hooks)
        """Whether any of them is told of what passes here."""

    def of(self, event: WebhookEvent, channel: str) -> tuple[Hook, ...]:
        """Return the webhooks that are told of an event on a channel."""
        known = self._by_event[event]
        found = known.get(channel)
        if found is None:
            if len(known) >= KNOWN_MOST:
                known.clear()
            found = known[channel] = tuple(
                hook
                for hook in self.all
                if hook.is_active
                and event in hook.events
                and (not hook.channels or any(target.matches(channel) for target in hook.channels))
            )
        return found

    def of_url(self, url: str) -> Hook | None:
        """Return the webhook that stands for an address: an active one, where there are several the oldest."""
        found = [hook for hook in self.all if hook.url == url]
        return next((hook for hook in found if hook.is_active), found[0] if found else None)

    def find(self, hook_id: int) -> Hook | None:
        """Return one by its id."""
        return next((hook for hook in self.all if hook.id == hook_id), None)
