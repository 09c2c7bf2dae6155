"""What stacks have done outside of themselves, as the running server does it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..triggers.moment import Answer, Moment, Notice, StepFailed
from .events import Json, Message
from .history import Note

if TYPE_CHECKING:
    from .server import Realtime
    from .workspace import Workspace

BY_TRIGGER = "a trigger"


class Outside:
    """Does for triggers what they ask of the server."""

    def __init__(self, realtime: "Realtime") -> None:
        self._realtime = realtime

    def publish(
        self,
        workspace: "Workspace",
        channel: str,
        data: Json,
        event: str | None,
        socket_id: str | None,
        user: str | None,
    ) -> None:
        """Send an event of the server that sets off no trigger.

        Raises:
            StepFailed: it could not be stored.
        """
        from .server_events import StorageUnavailable

        try:
            self._realtime.publish_event(
                workspace.canonical,
                channel,
                data,
                event=event,
                target_socket=socket_id,
                target_user=user,
                by=BY_TRIGGER,
                sets_off=False,
            )
        except StorageUnavailable:
            raise StepFailed("What it published could not be stored.") from None

    def audit(self, workspace: "Workspace", text: str, moment: Moment) -> None:
        """Write a line to the audit trail."""
        occasion = moment.occasion
        client = occasion.client
        _, rule, name = moment.trigger.split("\n", 2)
        about = {
            "text": text,
            "channel": occasion.channel,
            "event": occasion.on.value,
            "rule": rule,
            "socket_id": client.socket_id if client is not None else None,
            "user": client.user_id if client is not None else None,
        }
        address = client.address if client is not None else ""
        self._realtime.history.add_note(Note(workspace.config.id, f"trigger {name}", about, address))
        self._realtime.history.settle_if_slow()  # what is logged of a message is stored before anyone sees it

    def keep(self, workspace: "Workspace", message: Message, depth: int) -> None:
        """Put a message into its channel's history that is sent to nobody."""
        message.stored = True
        self._realtime.history.add(workspace.config.id, message, depth, _nothing_more)

    def ask(self, workspace: "Workspace", url: str, body: Json, seconds: float) -> Answer:
        """Post to a webhook and wait for its answer."""
        return self._realtime.webhooks.ask(workspace, url, body, seconds)

    def tell(self, workspace: "Workspace", notices: Sequence[Notice]) -> None:
        """Have webhooks told that an event has gone through."""
        self._realtime.webhooks.enqueue(workspace, notices)


def _nothing_more(_stored: bool) -> None:
    """Nobody waits for it."""
