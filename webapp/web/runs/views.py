"""The log of what triggers did, and the triggers of the rules in force."""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, request

from ...core.ruleset import Rule
from ...core.triggers import Trigger, TriggerEvent
from ...services import rules
from ...services.live import running
from ...triggers.runs import Run
from ...triggers.steps import STEPS
from ...triggers.steps.base import State
from ..access import current_workspace, in_workspace
from ..htmx import htmx
from ..moments import moment
from .query import Query

blueprint = in_workspace(Blueprint("runs", __name__, url_prefix="/w/<canonical>/triggers"))

PAGE = 50
TICKS_A_SECOND = 10_000_000
SHOWN = {
    State.PASSED: "allowed",
    State.CHANGED: "changed",
    State.SKIPPED: "silent",
    State.STOPPED: "silent",
    State.BLOCKED: "denied",
    State.FAILED: "denied",
}
"""The colour and shape of what a step, or a whole trigger, came to."""
CAME_TO = (State.PASSED, State.CHANGED, State.BLOCKED, State.FAILED)
"""What a whole trigger can come to."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A run as the page shows it. ``key`` tells runs apart that one event set off.

    ``rule`` is the one in force whose trigger this was, None if that is gone.
    """

    run: Run
    at: datetime | None
    key: str
    rule: Rule | None


@blueprint.get("")
def page() -> str:
    """Show the runs that the address asks for, newest first."""
    workspace = current_workspace()
    query = Query.of(request.args)
    realtime = running()
    kept = realtime.triggers.log.of(workspace.canonical) if realtime is not None else []
    found = [run for run in kept if query.asks_for(run)]
    pages = max(1, -(-len(found) // PAGE))
    number = min(query.page, pages)
    shown = found[(number - 1) * PAGE : number * PAGE]
    in_force = _in_force()
    rule_of = {(rule.target.text, trigger.name): rule for rule, trigger in in_force}
    return render_template(
        "runs/_runs.html" if htmx.partial and htmx.target == "runs" else "runs/page.html",
        query=query,
        entries=[_entry(run, rule_of.get((run.target, run.trigger))) for run in shown],
        number=number,
        pages=pages,
        found=len(found),
        kept=len(kept),
        is_running=realtime is not None,
        counted=realtime.triggers.log.counts(workspace.canonical) if realtime is not None else {},
        states=CAME_TO,
        events=list(TriggerEvent),
        shown_as=SHOWN,
        labels={kind: step.label for kind, step in STEPS.items()},
        triggers=in_force,
    )


def _entry(run: Run, rule: Rule | None) -> Entry:
    return Entry(run, moment(run.id / TICKS_A_SECOND), f"{run.id}-{run.trigger}", rule)


def _in_force() -> list[tuple[Rule, Trigger]]:
    active = rules.active_rules(current_workspace())
    return [(rule, trigger) for rule in active.rules for trigger in rule.triggers]
