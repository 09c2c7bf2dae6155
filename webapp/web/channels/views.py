"""The pages of the rules."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ...core.permissions import Permission
from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target, channel_problem
from ...services import drafts, rules
from ...services.errors import Conflict, InvalidInput, NotFound
from ..access import current_workspace, in_workspace
from ..htmx import htmx
from ..wording import full_label
from . import state
from .forms import StatusForm
from .glyphs import glyphs
from .live import live_by_rule
from .presets import PRESETS
from .table import Query, Sort, Status, key_of, table

blueprint = in_workspace(Blueprint("channels", __name__, url_prefix="/w/<canonical>/channels"))
blueprint.record(lambda setup: state.init_app(setup.app))
for _helper in (glyphs, full_label, key_of):
    blueprint.app_template_global()(_helper)

Answer = str | BaseResponse | tuple[str, int]


def find_rule(active: RuleSet, target: Target) -> Rule | None:
    return next((rule for rule in active.rules if rule.target == target), None)


@blueprint.get("")
def page() -> Answer:
    """One page of the rules, and which of them decides for the channel that ``?channel=`` names."""
    if htmx.partial and htmx.target == "deciding":
        return at_its_address(render_template("channels/_deciding.html", **_question()))
    if htmx.partial and htmx.target == "rules":
        return at_its_address(render_table())
    return render_template("channels/page.html", presets=PRESETS, **_table() | _question())


@blueprint.get("/live")
def live() -> Answer:
    """The live numbers of the rules that the table shows, each for its own place."""
    return render_template("channels/_live.html", **_table())


def render_table() -> str:
    """Render the table that the request's address asks for."""
    return render_template("channels/_table.html", **_table())


def at_its_address(body: str) -> BaseResponse:
    """Let the browser show the address under which this part of the page is found again."""
    response = make_response(body)
    response.headers["HX-Replace-Url"] = url_for("channels.page", **asked_for())
    return response


def asked_for() -> dict[str, Any]:
    """What the address of the channels' page asks for, without what it leaves open."""
    query = Query.of(request.values)
    given = {name: request.values.get(name, "")[:400] for name in ("channel", "of")}
    return query.arguments(page=query.page) | {name: value for name, value in given.items() if value}


def _question() -> dict[str, object]:
    """Which rule decides: by the draft's rules where there is a draft, unless ``?of=force`` asks for those in force."""
    draft = drafts.current(current_workspace())
    of_draft = draft is not None and request.args.get("of") != "force"
    asked = draft.rules if draft is not None and of_draft else rules.active_rules(current_workspace())
    channel = request.args.get("channel", "")
    problem = channel_problem(channel) if channel else None
    # Of thousands of rules only those that match are of interest; the others can't change which one decides.
    near = [rule for rule in asked.rules if rule.target.matches(channel)] if channel and not problem else []
    return {
        "question": asked,
        "of_draft": of_draft,
        "has_draft": draft is not None,
        "channel": channel,
        "problem": problem,
        "considered": replace(asked, rules=tuple(near)).consider(channel),
        "others": len(asked.rules) - len(near),
    }


def _table() -> dict[str, object]:
    workspace = current_workspace()
    draft = drafts.current(workspace)
    working = draft.rules if draft is not None else rules.active_rules(workspace)
    here = live_by_rule(workspace)
    return {
        "active": working,
        "draft": draft,
        "table": table(working, draft.base if draft is not None else None, Query.of(request.values), here),
        "live": here,
        "form": StatusForm(formdata=None),
        "statuses": Status,
        "sorts": Sort,
        "labels": {permission: full_label(permission) for permission in Permission},
        "asked_for": asked_for(),
    }


def first(error: Conflict | NotFound | InvalidInput) -> str:
    """The one thing that a refusal says."""
    return next(iter(error.problems.values()))
