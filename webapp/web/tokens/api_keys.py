"""The page of API keys, with which back ends call the JSON API."""

from flask import abort, flash, render_template, session, url_for

from ...services import apikeys, vault
from ...services.errors import Conflict, InvalidInput, NotFound
from ..access import authorship, current_workspace, needs_editor
from ..forms import show_problems
from ..htmx import go_to
from .forms import SCOPES, ApiKeyForm
from .views import Answer, blueprint

MADE_KEY = "made_key"
"""Where a session keeps a new API key until the next page has shown it."""


@blueprint.get("/keys")
def api_keys() -> Answer:
    """All API keys that are valid, and one that was just made."""
    workspace_id, encrypted = session.pop(MADE_KEY, (None, ""))
    return _page(made_key=vault.decrypt(encrypted) if workspace_id == current_workspace().id else None)


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
            return go_to(url_for("tokens.api_keys"))
    return _page(key_form=form), 422


@blueprint.post("/keys/<int:key_id>/revoke")
@needs_editor
def revoke_key(key_id: int) -> Answer:
    """Revoke an API key for good."""
    try:
        apikeys.revoke(current_workspace(), key_id, **authorship())
    except NotFound:
        abort(404)
    flash("The key is revoked. Requests that use it are refused from now on.", "ok")
    return go_to(url_for("tokens.api_keys"))


def _page(**shown: object) -> str:
    words = {scope.value: text.partition(": ")[2] for scope, text in SCOPES.items()}
    defaults = {"key_form": ApiKeyForm(formdata=None), "made_key": None}
    keys = apikeys.list_all(current_workspace())
    return render_template("tokens/api_keys.html", keys=keys, scope_words=words, **{**defaults, **shown})
