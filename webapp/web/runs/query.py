"""Which runs are asked for; it lives in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from ...core.triggers import TriggerEvent
from ...triggers.runs import Run
from ...triggers.steps.base import State

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for. Unknown values are as if they were not there."""

    q: str = ""
    state: State | None = None
    event: TriggerEvent | None = None
    channel: str = ""
    page: int = 1

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        state, event, page = (arguments.get(name, "") for name in ("state", "event", "page"))
        return cls(
            q=arguments.get("q", "").strip()[:LONGEST],
            state=State(state) if state in list(State) else None,
            event=TriggerEvent(event) if event in list(TriggerEvent) else None,
            channel=arguments.get("channel", "").strip()[:LONGEST],
            page=max(int(page), 1) if page.isascii() and page.isdecimal() and len(page) < 8 else 1,
        )

    def arguments(self, page: int | None = None) -> dict[str, str]:
        """Write it for an address, without what it leaves open."""
        asked = replace(self, page=page) if page is not None else self
        values = {"q": asked.q, "state": asked.state or "", "event": asked.event or "", "channel": asked.channel}
        values["page"] = str(asked.page) if asked.page > 1 else ""
        return {name: str(value) for name, value in values.items() if value}

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.state or self.event or self.channel)

    def asks_for(self, run: Run) -> bool:
        """Whether a run is one of those that are asked for."""
        if self.state is not None and run.state is not self.state:
            return False
        if self.event is not None and run.on is not self.event:
            return False
        if self.channel and self.channel.lower() not in run.channel.lower():
            return False
        about = (run.trigger, run.target, run.user_id or "", run.socket_id)
        return not self.q or any(self.q.lower() in text.lower() for text in about)
