"""The page that one lands on."""

from dataclasses import dataclass

from flask import Blueprint, render_template, request, url_for

from ...services import rules, tokens, workspaces
from ..access import current_workspace, in_workspace
from ..channels.presets import PRESETS
from ..htmx import htmx

blueprint = in_workspace(Blueprint("overview", __name__, url_prefix="/w/<canonical>"))


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
        has_tokens=tokens.any_minted(workspace),
        versions=rules.versions(workspace, limit=5),
        presets=PRESETS,
        instance_url=request.host_url,
        example=example_channel(active),
        import_url=url_for("channels.take_in"),
    )


def numbers() -> list[Number]:
    """The running server's numbers; none where no server runs in this process."""
    realtime = workspaces.running()
    if realtime is None:
        return []
    now = realtime.overview()
    shown = [
        Number("Clients", f"{now['clients']:,}", "connected now"),
        Number("Channels", f"{now['channels']:,}", "with members"),
        Number("Messages", f"{now['messages']:,}", "accepted since start"),
        Number("Deliveries", f"{now['deliveries']:,}", "since start"),
        Number("Denials", f"{now['refusals']:,}", "since start"),
        Number("Up", _duration(now["uptime_seconds"]), "since start"),
    ]
    return shown


def example_channel(active: "rules.RuleSet") -> str:
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
