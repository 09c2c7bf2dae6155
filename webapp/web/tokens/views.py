"""The pages of realtime tokens and API keys."""

from flask import Blueprint, flash, render_template, request, session, url_for
from werkzeug.wrappers import Response

from ...services import apikeys, tokens, vault
from ...services.errors import Conflict, InvalidInput, NotFound
from ..access import authorship, current_workspace, in_workspace, needs_editor
from ..forms import show_problems
from ..htmx import go_to, htmx
from .forms import ApiKeyForm, InspectForm, MintForm

blueprint = in_workspace(Blueprint("tokens", __name__, url_prefix="/w/<canonical>/tokens"))

MADE_KEY = "made_key"
"""Where a session keeps a new API key until the next page has shown it."""

Answer = str | Response | tuple[str, int]


@blueprint.get("")
def page() -> Answer:
    workspace_id, encrypted = session.pop(MADE_KEY, (None, ""))
    return _page(made_key=vault.decrypt(encrypted) if workspace_id == current_workspace().id else None)


@blueprint.post("/mint")
@needs_editor
def mint() -> Answer:
    """Mint a realtime token and show it this once."""
    form = MintForm()
    minted, code = None, 422
    if form.validate_on_submit():
        try:
            minted = tokens.mint(
                current_workspace(),
                sub=(form.sub.data or "").strip() or None,
                extras=form.extras_object,
                ttl=form.ttl.data,
                authorized_channels=form.channels,
                **authorship(),
            )
            code = 200
        except (InvalidInput, Conflict) as error:
            left = show_problems(form, error)
            form.sub.errors = [*form.sub.errors, *left]
    if htmx.partial:
        listed = tokens.minted(current_workspace())
        return render_template("tokens/_mint_done.html", mint_form=form, minted=minted, live_tokens=listed), code
    return _page(mint_form=form, minted=minted), code


@blueprint.post("/inspect")
def inspect() -> Answer:
    """Say what is in a token and whether it would be accepted."""
    form = InspectForm()
    inspection, code = None, 422
    if form.validate_on_submit():
        inspection, code = tokens.inspect(current_workspace(), form.token.data.strip()), 200
    if htmx.partial:
        return render_template("tokens/_inspect.html", inspect_form=form, inspection=inspection), code
    return _page(inspect_form=form, inspection=inspection), code


@blueprint.post("/revoke")
@needs_editor
def revoke() -> Answer:
    """Revoke a token by its id; open connections that use it end at once."""
    try:
        tokens.revoke(current_workspace(), request.form.get("jti", ""), **authorship())
        flash("The token is revoked, on open connections too.", "ok")
    except (InvalidInput, NotFound) as error:
        flash(str(error), "error")
    return go_to(url_for("tokens.page"))


@blueprint.post("/keys")
@needs_editor
def create_key() -> Answer:
    """Make an API key; the page that is shown next shows it this once, and loading that again makes no other."""
    form = ApiKeyForm()
    if form.validate_on_submit():
        try:
            made = apikeys.create(current_workspace(), form.name.data, form.scopes.data, **authorship())[1]
        except (InvalidInput, Conflict) as error:
            show_problems(form, error)
        else:
            # Encrypted, since a session is a cookie that whoever holds the browser can read.
            session[MADE_KEY] = [current_workspace().id, vault.encrypt(made)]
            return go_to(url_for("tokens.page", _anchor="keys-title"))
    return _page(key_form=form), 422


@blueprint.post("/keys/<int:key_id>/revoke")
@needs_editor
def revoke_key(key_id: int) -> Answer:
    """Revoke an API key for good."""
    try:
        apikeys.revoke(current_workspace(), key_id, **authorship())
        flash("The key is revoked. Requests that use it are refused from now on.", "ok")
    except NotFound as error:
        flash(str(error), "error")
    return go_to(url_for("tokens.page"))


def _page(**shown: object) -> str:
    forms = {
        "mint_form": MintForm(formdata=None),
        "inspect_form": InspectForm(formdata=None),
        "key_form": ApiKeyForm(formdata=None),
        "minted": None,
        "inspection": None,
        "made_key": None,
    }
    keys = apikeys.list_all(current_workspace())
    live_tokens = tokens.minted(current_workspace())
    return render_template("tokens/page.html", keys=keys, live_tokens=live_tokens, **{**forms, **shown})
