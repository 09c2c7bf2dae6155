"""Where a channel's messages get their one order, are stored, and go to the processes that have members."""

from collections.abc import Callable
from typing import Protocol

from ..events import Message
from ..workspace import Workspace

Delivered = Callable[[int | None], None]
"""Told the number of recipients once a message is on its way, or None if it could not be stored."""


class Broker(Protocol):
    """Takes accepted messages, gives each channel one order, and hands them to the hub for delivery."""

    def publish(
        self,
        workspace: Workspace,
        message: Message,
        keep: int,
        delivered: Delivered,
        still_allowed: Callable[[], bool] | None = None,
    ) -> None:
        """Store (if ``keep`` > 0) and deliver a message. Returns at once; ``delivered`` is called when it is done.

        ``still_allowed`` is asked again between storing and delivering, which may have taken time.
        """

    def settle(self) -> None:
        """Return when everything published so far is stored and delivered."""
