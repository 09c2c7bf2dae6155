"""The broker of a single process: its order is the order of arrival."""

from collections.abc import Callable, Sequence

from ..events import Message
from ..history import HistoryWriter
from ..hooks import Delivery
from ..hub import Hub
from ..workspace import Workspace
from . import Delivered


class MemoryBroker:
    """Delivers straight to this process's hub, behind the history's commit where there is one."""

    def __init__(self, hub: Hub, history: HistoryWriter) -> None:
        self._hub = hub
        self._history = history

    def publish(self, workspace: Workspace, message: Message) -> int:
        return self._hub.deliver(workspace, message)

    def store_and_publish(
        self,
        workspace: Workspace,
        message: Message,
        keep: int,
        delivered: Delivered,
        still_allowed: Callable[[], bool] | None = None,
        deliveries: Sequence[Delivery] = (),
    ) -> None:
        def done(stored: bool) -> None:
            if not stored:
                delivered(None)
            elif still_allowed is not None and not still_allowed():
                self._history.withdraw(workspace.config.id, message, deliveries)
                delivered(0)
            else:
                delivered(self._hub.deliver(workspace, message))

        message.stored = keep > 0
        self._history.add(workspace.config.id, message, keep, done, deliveries)

    def settle(self, timeout: float | None = None) -> None:
        self._history.settle(timeout)

    def horizon(self) -> int:
        return self._history.horizon
