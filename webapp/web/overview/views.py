"""The page that one lands on."""

import json
from dataclasses import dataclass

from flask import Blueprint, render_template, request

from ...core.ruleset import RuleSet
from ...services import rules, tokens
from ...services.live import running
from ..access import current_workspace, in_workspace
from ..htmx import htmx

blueprint = in_workspace(Blueprint("overview", __name__, url_prefix="/w/<canonical>"))


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


@dataclass(frozen=True, slots=True)
class Number:
    label: str
    value: str
    hint: str = ""


@blueprint.get("")
def page() -> str:
    """Show what goes on now, and what a new workspace needs first."""
    workspace = current_workspace()
    shown = numbers()
    if htmx.partial and htmx.target == "numbers":
        return render_template("overview/_numbers.html", numbers=shown)
    active = rules.active_rules(workspace)
    return render_template(
        "overview/page.html",
        numbers=shown,
        active=active,
        has_tokens=bool(tokens.minted(workspace, limit=1)),
        versions=rules.versions(workspace, limit=5),
        snippet=SNIPPET % tuple(map(json.dumps, (request.host_url, workspace.canonical, example_channel(active)))),
    )


def numbers() -> list[Number]:
    """The running server's numbers; none where no server runs in this process."""
    realtime = running()
    if realtime is None:
        return []
    now = realtime.overview()
    return [
        Number("Clients", f"{now['clients']:,}", "connected now"),
        Number("Channels", f"{now['channels']:,}", "with members"),
        Number("Messages", f"{now['messages']:,}", "accepted since start"),
        Number("Deliveries", f"{now['deliveries']:,}", "since start"),
        Number("Denials", f"{now['refusals']:,}", "since start"),
        Number("Up", _duration(now["uptime_seconds"]), "this server"),
    ]


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
