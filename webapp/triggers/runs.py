"""What triggers did: a record of each run, kept in a bounded ring and beside the message that set it off."""

from collections import Counter, defaultdict, deque

import msgspec

from ..core.triggers import StepKind, TriggerEvent
from .moment import Json
from .steps.base import State

RUNS_KEPT = 2_000


class StepRun(msgspec.Struct, frozen=True):
    """What one step did. ``took`` is in milliseconds; the payload before and after are kept by test runs alone."""

    kind: StepKind
    state: State
    took: float = 0.0
    note: str = ""
    before: Json | None = None
    after: Json | None = None


class Run(msgspec.Struct):
    """One run of a trigger. ``id`` is a tick, ``message`` the id of the message that set it off (0: none), ``took``
    is in milliseconds. ``note`` says why it blocked or failed."""

    id: int
    workspace: str
    target: str
    trigger: str
    on: TriggerEvent
    channel: str
    state: State
    took: float
    steps: tuple[StepRun, ...]
    socket_id: str = ""
    user_id: str | None = None
    message: int = 0
    note: str = ""
    test: bool = False


class RunLog:
    """The last runs of all workspaces, and how many there were by what they came to."""

    def __init__(self, most: int = RUNS_KEPT) -> None:
        self.runs: deque[Run] = deque(maxlen=most)
        self.counted: Counter[State] = Counter()
        self._by_workspace: defaultdict[str, Counter[State]] = defaultdict(Counter)

    def add(self, run: Run) -> None:
        self.runs.append(run)
        self.counted[run.state] += 1
        self._by_workspace[run.workspace][run.state] += 1

    def counts(self, workspace: str) -> dict[State, int]:
        """Return how many runs a workspace had since the start, by what they came to."""
        return dict(self._by_workspace.get(workspace, {}))

    def of(self, workspace: str) -> list[Run]:
        """Return a workspace's runs that are kept, newest first."""
        return [run for run in reversed(self.runs) if run.workspace == workspace]

    def find(self, workspace: str, run_id: int) -> Run | None:
        """Return one run of a workspace, or None if it is not kept (any more)."""
        return next((run for run in self.runs if run.id == run_id and run.workspace == workspace), None)
