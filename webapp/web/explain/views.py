"""The page that explains what one client may do."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from wtforms import Field

from ...core.ruleset import Considered, Outcome, RuleSet
from ...inspector.explanation import Answer, Explanation, on_channel, on_rules
from ...services import blocks, drafts, identities, rules
from ...services.errors import InvalidInput, NotFound
from ...services.identities import Identity
from ..access import current_workspace, in_workspace
from ..csp import csp_nonce
from ..htmx import htmx
from ..identity import facts
from .columns import GROUPS
from .forms import ExplainForm, RulesAsked, Who

blueprint = in_workspace(Blueprint("explain", __name__, url_prefix="/w/<canonical>/explain"))

RULES_A_PAGE = 25
CONSIDERED_MOST = 20

Answered = str | tuple[str, int]


@dataclass(frozen=True, slots=True)
class OnChannel:
    """One channel in full: the verdicts, and which rules were considered; ``others`` do not match at all."""

    answer: Answer
    considered: tuple[Considered, ...]
    others: int
    more: int


@blueprint.get("")
def page() -> Answered:
    """Explain an anonymous client, a user or a connected client."""
    # What is pasted is read from bodies alone: an address ends up in logs and in the browser's history.
    asked = request.args.copy()
    asked.poplist("identity")
    return _explain(ExplainForm(asked, meta={"csrf": False}))


@blueprint.post("")
def pasted() -> Answered:
    """Explain a token or claims, which come in the body so that no address and no log holds them."""
    return _explain(ExplainForm())


@blueprint.get("/clients")
def clients() -> str:
    """Find connected clients while their name is typed."""
    wanted = request.args.get("q", "")[:255]
    found = identities.clients(current_workspace(), wanted)
    return render_template("explain/_clients.html", clients=found, wanted=wanted, chosen=request.args.get("client"))


def _explain(form: ExplainForm) -> Answered:
    workspace = current_workspace()
    if form.on.data:
        form.channel.data = form.on.data
    is_valid = form.validate()
    identity = _identity(form) if is_valid or not _field(form).errors else None
    code = 422 if any(field.errors for field in form) else 200
    active, draft = rules.active_rules(workspace), drafts.current(workspace)
    by_draft = draft is not None and form.rules.data == RulesAsked.DRAFT
    asked = draft.rules if draft is not None and by_draft else active
    block = blocks.of_user(workspace, identity.actor.user_id) if identity is not None else None
    shown: dict[str, Any] = {
        "form": form,
        "who": form.asks,
        "identity": identity,
        "facts": facts(identity.actor) if identity is not None else [],
        "asked": asked,
        "by_draft": by_draft,
        "has_draft": draft is not None,
        "active": active,
        "groups": GROUPS,
        "block": block,
        "explanation": None,
        "on": None,
    }
    if identity is not None:
        opened = identities.open_channels(workspace)
        if form.channel.data and not form.channel.errors:
            shown["on"] = _on_channel(asked, identity, form.channel.data, opened, block is not None)
        shown["explanation"] = _by_rules(asked, identity, opened, form.page_number, block is not None)
        pages = max(1, -(-sum(rule.enabled for rule in asked.rules) // RULES_A_PAGE))
        shown |= {"pages": pages, "page": min(form.page_number, pages)}
    if htmx.partial and htmx.target == "explanation":
        return render_template("explain/_explanation.html", **shown), code
    if form.asks is Who.CLIENT:
        shown |= {"clients": identities.clients(workspace), "wanted": "", "chosen": form.client.data}
    return render_template("explain/page.html", whos=list(Who), following=_following(form), **shown), code


def _following(form: ExplainForm) -> dict[str, str]:
    """The attributes with which the answer follows the channel while it is typed."""
    posts = form.asks is Who.TOKEN
    address = {"hx-post" if posts else "hx-get": url_for("explain.page")}
    return (
        address
        | ({} if posts else {"hx-replace-url": "true"})
        | {
            "class": "mono",
            "hx-nonce": csp_nonce(),
            "hx-include": "closest form",
            "hx-trigger": "input changed delay:200ms",
            "hx-target": "#explanation",
            "hx-swap": "outerMorph",
            "hx-sync": "this:replace",
        }
    )


def _field(form: ExplainForm) -> Field:
    """The field that names the identity."""
    names = {Who.USER: "user", Who.CLIENT: "client", Who.TOKEN: "identity"}
    return form[names.get(form.asks, "who")]


def _identity(form: ExplainForm) -> Identity | None:
    """Return who is asked about; None while nobody is named, or with an error beside the field."""
    workspace, field = current_workspace(), _field(form)
    if form.asks is Who.ANONYMOUS:
        return identities.anonymous()
    if not (field.data or "").strip() and request.method == "GET":
        return None
    try:
        if form.asks is Who.USER:
            return identities.of_user(workspace, field.data)
        if form.asks is Who.CLIENT:
            return identities.of_client(workspace, field.data)
        return identities.of_text(workspace, field.data or "")
    except (InvalidInput, NotFound) as error:
        field.errors = [*field.errors, *error.problems.values()]
        return None


def _on_channel(asked: RuleSet, identity: Identity, channel: str, opened: list[str], blocked: bool) -> OnChannel:
    considered = asked.consider(channel)
    matching = [c for c in considered if c.outcome is not Outcome.NO_MATCH]
    return OnChannel(
        on_channel(asked, identity.actor, channel, channel in opened, blocked=blocked),
        tuple(matching[:CONSIDERED_MOST]),
        len(considered) - len(matching),
        max(0, len(matching) - CONSIDERED_MOST),
    )


def _by_rules(asked: RuleSet, identity: Identity, opened: list[str], number: int, blocked: bool) -> Explanation:
    last = max(0, sum(rule.enabled for rule in asked.rules) - 1) // RULES_A_PAGE
    start = min(number - 1, last) * RULES_A_PAGE
    return on_rules(
        asked,
        identity.actor,
        own=identity.channels,
        opened=opened,
        start=start,
        most=RULES_A_PAGE,
        blocked=blocked,
    )
