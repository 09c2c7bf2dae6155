"""The page that one lands on."""

import json

from flask import Blueprint, Response, jsonify, render_template, request

from ...core.ruleset import RuleSet
from ...services import first_steps, readiness, rules
from ...services.live import running
from ..access import current_workspace, in_workspace
from ..htmx import htmx
from .lately import busy_channels, denials
from .numbers import numbers, samples_of, series_document

blueprint = in_workspace(Blueprint("overview", __name__, url_prefix="/w/<canonical>"))

VERSIONS_SHOWN = 4
SNIPPET = """\
import { XanoClient } from "@xano/js-sdk";

const xano = new XanoClient({
  instanceBaseUrl: %s,
  realtimeConnectionCanonical: %s,
  // realtimeAuthToken: "a token from this server",
});
const channel = xano.channel(%s, { presence: true, history: true, queueOfflineActions: true });
channel.on((action) => console.log(action), (error) => console.error(error));
channel.message({ text: "Hello" });
"""


@blueprint.get("")
def page() -> str:
    """Show what goes on now, and what a new workspace needs first."""
    workspace = current_workspace()
    if htmx.partial and htmx.target == "numbers":
        return render_template("overview/_numbers.html", numbers=numbers(workspace))
    if htmx.partial and htmx.target == "lately":
        return render_template("overview/_lately.html", **_lately())
    active = rules.active_rules(workspace)
    steps = first_steps.look(workspace)
    return render_template(
        "overview/page.html",
        numbers=numbers(workspace),
        active=active,
        steps=steps,
        snippet=_snippet(active) if not steps.done else "",
        **_lately(),
    )


@blueprint.get("/series")
def series() -> Response:
    """Answer the last quarter of an hour as columns of JSON, for the charts."""
    answer = jsonify(series_document(samples_of(current_workspace()) or []))
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _lately() -> dict[str, object]:
    workspace, realtime = current_workspace(), running()
    return {
        "denials": denials(workspace),
        "busy": busy_channels(workspace),
        "versions": rules.versions(workspace, limit=VERSIONS_SHOWN),
        "health": readiness.look(),
        "is_running": realtime is not None,
        "running_for": _duration(realtime.overview()["uptime_seconds"]) if realtime is not None else "",
    }


def _snippet(active: RuleSet) -> str:
    given = (request.host_url, current_workspace().canonical, example_channel(active))
    return SNIPPET % tuple(map(json.dumps, given))


def example_channel(active: RuleSet) -> str:
    """A channel that some active rule decides for, for snippets to copy."""
    for rule in active.rules:
        if rule.enabled:
            return rule.target.text.replace("*", "lobby") if rule.target.nested else rule.target.text
    return "chat/lobby"


def _duration(seconds: float) -> str:
    minutes = int(seconds // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
