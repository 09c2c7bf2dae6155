"""Where a channel's messages get their one order, are stored, and go to the processes that have members."""

from collections.abc import Callable, Sequence
from typing import Protocol

from ..events import Message
from ..hooks import Delivery
from ..workspace import Workspace

Delivered = Callable[[int | None], None]
"""Told the number of recipients once a message is on its way, or None if it could not be stored."""


class Broker(Protocol):
    """Takes accepted messages, gives each channel one order, and hands them to the hub for delivery."""

    def publish(self, workspace: Workspace, message: Message) -> int:
        """Deliver a message of a channel without history; returns the number of recipients."""

    def store_and_publish(
        self,
        workspace: Workspace,
        message: Message,
        keep: int,
        delivered: Delivered,
        still_allowed: Callable[[], bool] | None = None,
        deliveries: Sequence[Delivery] = (),
    ) -> None:
        """Store a message among the newest ``keep`` of its channel, with what webhooks are told of it; then deliver it.

        With ``keep`` 0 the deliveries alone are stored. Returns at once; ``delivered`` is called when it is done.
        ``still_allowed`` is asked between storing and delivering, since storing may take time.
        """

    def settle(self, timeout: float | None = None) -> None:
        """Return when everything published so far is stored and delivered, or after ``timeout`` seconds."""

    def horizon(self) -> int:
        """Return the id of the last stored message that was handed on; who joins now gets all later ones live."""
