"""Recorded traffic, and single messages, decided again with the draft."""

import time
from dataclasses import replace
from enum import StrEnum
from typing import Any

from flask import render_template, request

from ...core.ruleset import RuleSet
from ...inspector.capture import TICKS_A_SECOND
from ...inspector.lines import Line, moment
from ...inspector.records import Record
from ...inspector.replay import Flips, Replay, replay
from ...inspector.trial import Tried, try_one
from ...inspector.turns import in_turns
from ...realtime.server import Realtime
from ...realtime.workspace import Workspace as LiveWorkspace
from ...services import drafts
from ..access import current_workspace
from ..htmx import htmx
from ..wording import count
from .blueprint import blueprint, live, scribe
from .views import filter_asked, without


class Within(StrEnum):
    """How far back it is looked, in minutes."""

    FIVE = "5"
    FIFTEEN = "15"
    ALL = "all"

    @property
    def words(self) -> str:
        return "All that is kept" if self is Within.ALL else f"Last {self.value} minutes"

    def since(self, now: float) -> int:
        """Return the first tick that is looked at; ``now`` is in seconds since 1970."""
        return 0 if self is Within.ALL else int((now - int(self.value) * 60) * TICKS_A_SECOND)


@blueprint.get("/try")
def try_traffic() -> str:
    """Say which recorded decisions come out otherwise with the draft; with ``selected`` of one message all of them.

    The page comes at once, what takes time is fetched by it.
    """
    draft, found = drafts.current(current_workspace()), live()
    shown: dict[str, Any] = {"draft": draft, "found": found, "chosen": request.args.get("selected", "")}
    if draft is not None and found is not None:
        after = as_published(draft)
        if shown["chosen"]:
            shown["one"] = _one(*found, shown["chosen"], after)
        else:
            shown |= _asked(*found)
            if htmx.partial and htmx.target == "tried":
                return _tried(*found, after, shown)
    return render_template("inspector/try.html", **shown)


def as_published(draft: drafts.DraftState) -> RuleSet:
    """Return a draft's rules under the number that they would be published as."""
    return replace(draft.rules, version=draft.active.version + 1)


def _asked(realtime: Realtime, workspace: LiveWorkspace) -> dict[str, Any]:
    """Read what the address asks for: which records, and how far back."""
    wanted, problem = filter_asked()
    asked = request.args.get("within", "")
    within = Within(asked) if asked in list(Within) else Within.FIFTEEN
    tap = realtime.tap
    return {
        "wanted": wanted,
        "problem": problem,
        "within": within,
        "spans": list(Within),
        "kept": sum(len(ring.records) for ring in (tap.kept, tap.refusals, tap.happenings)),
        "asked": {"within": within.value, **wanted.arguments()},
        "in_force": workspace.rules.version,
        "without": without,
    }


def _tried(realtime: Realtime, workspace: LiveWorkspace, after: RuleSet, shown: dict[str, Any]) -> str:
    reader, matcher = scribe(workspace), shown["wanted"].matcher()
    now = time.time()
    made = replay(
        realtime.tap,
        lambda record: reader.takes(record, matcher),
        shown["within"].since(now),
        workspace.rules,
        after,
    )
    seconds = now - moment(made.oldest) / 1000 if made.oldest else 0.0
    lines = [reader.line(flips.record) for flips in in_turns(made.groups)]
    rows = [(flips, line, _came_of(flips)) for flips, line in zip(made.groups, lines)]
    return render_template("inspector/_try.html", made=made, rows=rows, span=_span(seconds), says=_says(made), **shown)


def _one(
    realtime: Realtime, workspace: LiveWorkspace, chosen: str, after: RuleSet
) -> tuple[Line, list[Tried], Record] | None:
    """Decide one record by both rule sets; None if it is no longer kept."""
    record_id = int(chosen) if chosen.isdecimal() and len(chosen) <= 20 else 0
    record = realtime.tap.find(workspace.canonical, record_id)
    if record is None:
        return None
    return scribe(workspace).line(record), try_one(record, workspace.rules, after), record


def _says(made: Replay) -> str:
    """Say in one sentence what came of it."""
    if not made.decisions:
        return "Nothing was recorded that rules decide about."
    if not made.flips:
        return "Everything comes out the same with the draft."
    return f"{made.flips:,} {'decision comes' if made.flips == 1 else 'decisions come'} out otherwise with the draft."


def _came_of(flips: Flips) -> str:
    """Say what a group of flips means to the clients that it concerns."""
    tried = flips.newest
    clients = f"{flips.clients:,} {tried.who_of(flips.clients)}"
    if not tried.receives:
        return f"{clients}, {'once' if flips.count == 1 else f'{flips.count:,} times'}"
    gained = "would reach" if tried.after.allowed else "would no longer reach"
    at_once = ", or fewer of them" if flips.deliveries < flips.records * flips.clients else ""
    return f"{count(flips.records, 'message')} {gained} {clients}{at_once}"


def _span(seconds: float) -> str:
    """Write how long a time is, in the unit that says most."""
    if seconds < 1:
        return "the last second"
    if seconds < 120:
        return f"the last {seconds:.0f} seconds"
    if seconds < 7200:
        return f"the last {seconds / 60:.0f} minutes"
    return f"the last {seconds / 3600:.0f} hours"
