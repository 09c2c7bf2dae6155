"""The page of the test clients."""

from typing import TYPE_CHECKING, Any

from flask import render_template, request, url_for

from ...core.codes import CLOSE_MEANINGS
from ...core.targets import channel_problem
from ...inspector.simulate import example_channel
from ...protocols import FACES
from ...services import decisions, identities, rules
from ..access import current_workspace
from ..htmx import htmx
from ..inspector.blueprint import live
from .blueprint import blueprint
from .forms import SendForm
from .snippets import snippets

if TYPE_CHECKING:
    from .sending import Outcome

CHANNEL_SHOWN = 2000
CHANNELS_OFFERED = 100
PHOENIX_VSN = "2.0.0"
"""The version of Phoenix channels that test clients speak."""


@blueprint.get("")
def page() -> str:
    """Show the bench; ``?channel=`` is what its clients join, and what the snippets speak of."""
    asked = request.args.get("channel", "")[:CHANNEL_SHOWN]
    if htmx.partial and htmx.target == "snippets":
        return render_template("bench/_snippets.html", **_of_channel(asked))
    return page_with(asked, SendForm(formdata=None), None)


def page_with(channel: str, form: SendForm, outcome: "Outcome | None") -> str:
    """Render the page with what became of its form."""
    active = rules.active_rules(current_workspace())
    enabled = [rule for rule in active.rules if rule.enabled]
    if not channel and enabled:
        channel = example_channel(active, enabled[0].target)
    form.channel.data = channel
    offered = [*identities.open_channels(current_workspace()), *(example_channel(active, r.target) for r in enabled)]
    return render_template(
        "bench/page.html",
        form=form,
        outcome=outcome,
        is_running=live() is not None,
        endpoints=_endpoints(current_workspace().canonical),
        offered=list(dict.fromkeys(offered))[:CHANNELS_OFFERED],
        has_rules=bool(enabled),
        closes={code.value: meaning.sentence for code, meaning in CLOSE_MEANINGS.items()},
        **_of_channel(channel),
    )


def _of_channel(channel: str) -> dict[str, Any]:
    """What is said of the chosen channel."""
    problem = channel_problem(channel) if channel else None
    active = rules.active_rules(current_workspace())
    return {
        "channel": channel,
        "problem": problem,
        "closed": decisions.closed_to_all(active, channel) if channel and problem is None else None,
        "rule": active.resolve(channel) if channel and problem is None else None,
        "snippets": snippets(request.host_url, current_workspace().canonical, channel)
        if channel and problem is None
        else [],
    }


def _endpoints(canonical: str) -> list[tuple[str, str]]:
    """The protocols, in their order, and where a workspace's clients of each connect."""
    if live() is None:
        return []
    addresses = {
        "xano": url_for("connect", canonical=canonical),
        "phoenix": url_for("connect_phoenix", vsn=PHOENIX_VSN, app=canonical),
        "supabase": url_for("connect_phoenix", vsn=PHOENIX_VSN, apikey=canonical),
    }
    return [(name, addresses[name]) for name in FACES]
