"""The page of realtime tokens: make one, look into one, revoke."""

from datetime import datetime
from typing import Any

from flask import Blueprint, flash, render_template, request, url_for
from werkzeug.wrappers import Response

from ...core.actors import Actor, ClaimError, actor_from_claims
from ...inspector.explanation import on_channel
from ...services import blocks, rules, tokens
from ...services.errors import Conflict, InvalidInput
from ...services.tokens import Inspection
from ..access import authorship, current_workspace, in_workspace, needs_editor
from ..explain.columns import GROUPS
from ..forms import show_problems
from ..htmx import go_to, htmx
from ..identity import Fact, facts
from ..moments import from_now, moment
from .forms import InspectForm, MintForm, RevokeForm
from .snippets import USE, mint_call

blueprint = in_workspace(Blueprint("tokens", __name__, url_prefix="/w/<canonical>/tokens"))

Answer = str | Response | tuple[str, int]


@blueprint.get("")
def page() -> Answer:
    """All tokens made here that have not expired; ``?q=`` and ``?page=`` choose among them."""
    if htmx.partial and htmx.target == "minted":
        return render_template("tokens/_minted.html", **_listed())
    return _page()


@blueprint.post("/mint")
@needs_editor
def mint() -> Answer:
    """Mint a realtime token and show it this once, with the code that makes the same."""
    form = MintForm()
    shown: dict[str, Any] = {"mint_form": form, "minted": None}
    code = 422
    if form.validate_on_submit():
        wanted = {
            "sub": (form.sub.data or "").strip() or None,
            "extras": form.extras.value,
            "dbo_id": form.dbo_id.data,
            "row_id": form.row_id.data,
            "ttl": form.seconds,
            "authorized_channels": form.channels,
            "grants": form.grants.value,
            "claims": form.claims.value,
        }
        try:
            shown["minted"] = tokens.mint(current_workspace(), **wanted, **authorship())
        except (InvalidInput, Conflict) as error:
            left = show_problems(form, _beside_fields(error, form))
            form.sub.errors = [*form.sub.errors, *left]
        else:
            call = mint_call(request.host_url, current_workspace().canonical, wanted)
            shown |= {"call": call, "use": USE, "remaining": from_now(shown["minted"].expires_at)}
            code = 200
    if htmx.partial:
        return render_template("tokens/_mint_done.html", **shown, **_listed()), code
    return _page(**shown), code


def _beside_fields(error: InvalidInput | Conflict, form: MintForm) -> InvalidInput | Conflict:
    """Let a lifetime that was written be complained of where it was written."""
    if "ttl" in error.problems and form.lifetime.data:
        return InvalidInput({"lifetime": error.problems["ttl"]})
    return error


@blueprint.post("/inspect")
def inspect() -> Answer:
    """Say what is in a token, whether it would be accepted, and what it may do on a channel."""
    form = InspectForm()
    shown: dict[str, Any] = {"inspect_form": form}
    code = 422
    if form.validate_on_submit():
        code = 200
        inspection = tokens.inspect(current_workspace(), form.token.data.strip())
        actor = inspection.actor or _claimed(inspection)
        shown |= {"inspection": inspection, "said": _said(inspection, actor), "groups": GROUPS}
        if form.channel.data and inspection.actor is not None:
            active = rules.active_rules(current_workspace())
            blocked = blocks.of_user(current_workspace(), inspection.actor.user_id) is not None
            shown["answer"] = on_channel(active, inspection.actor, form.channel.data, blocked=blocked)
    if htmx.partial:
        return render_template("tokens/_inspect.html", **_NOTHING_SEEN | shown), code
    return _page(**shown), code


def _claimed(inspection: Inspection) -> Actor | None:
    """Read who a token that is not accepted says that it is."""
    try:
        return actor_from_claims(inspection.claims) if inspection.claims else None
    except (ClaimError, RecursionError):
        return None


def _said(inspection: Inspection, actor: Actor | None) -> list[Fact]:
    found = facts(actor) if actor is not None else []
    audience = inspection.claims.get("aud")
    if isinstance(audience, str):
        found.append(Fact("Workspace", f"`{audience}`"))
    if actor is not None and actor.token_id is not None:
        found.append(Fact("Id", f"`{actor.token_id}`"))
    if inspection.kid is not None or inspection.algorithm is not None:
        found.append(Fact("Signed with", f"The key `{inspection.kid}`, {inspection.algorithm}."))
    return found


@blueprint.post("/revoke")
@needs_editor
def revoke() -> Answer:
    """Revoke a token by its id, or one that was pasted; open connections that use it end at once."""
    form = RevokeForm()
    if not form.validate_on_submit():
        return _page(revoke_form=form), 422
    try:
        jti, expires_at = _named(form)
        fresh = tokens.revoke(
            current_workspace(), jti, reason=form.reason.data or "", expires_at=expires_at, **authorship()
        )
    except InvalidInput as error:
        left = show_problems(form, error)
        form.jti.errors = [*form.jti.errors, *left]
        return _page(revoke_form=form), 422
    flash("The token is revoked, on open connections too." if fresh else "It was revoked before.", "ok")
    return go_to(url_for("tokens.page"))


def _named(form: RevokeForm) -> tuple[str, datetime | None]:
    """Return the id of the token that is to be revoked, and when it ends anyway if that is known."""
    if not form.token.data:
        return form.jti.data or "", None
    actor = tokens.inspect(current_workspace(), form.token.data).actor
    if actor is None or actor.token_id is None:
        raise InvalidInput(
            {"jti": "What was pasted is not accepted anyway, or has no id by which it could be revoked."}
        )
    return actor.token_id, moment(actor.expires_at)


_NOTHING_SEEN: dict[str, Any] = {"inspection": None, "said": [], "answer": None}


def _listed() -> dict[str, Any]:
    wanted = request.args.get("q", "")[:255]
    listed = tokens.minted_page(current_workspace(), wanted=wanted, page=request.args.get("page", 1, type=int))
    return {"listed": listed, "wanted": wanted}


def _page(**shown: object) -> str:
    forms = {"mint_form": MintForm(formdata=None), "inspect_form": InspectForm(formdata=None)}
    forms["revoke_form"] = RevokeForm(formdata=None)
    return render_template("tokens/page.html", **{**forms, "minted": None, **_NOTHING_SEEN, **_listed(), **shown})
