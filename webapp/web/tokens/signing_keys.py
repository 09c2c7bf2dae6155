"""The page of the keys that sign and verify realtime tokens. Only owners change them: who has one can be any user."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import abort, flash, render_template, session, url_for

from ...models import KeyKind, SigningKey
from ...services import identities, keys, rules, vault
from ...services.errors import Conflict, InvalidInput, NotFound, SecretKeyMismatch
from ..access import authorship, current_workspace, needs_owner
from ..forms import show_problems
from ..htmx import go_to
from .forms import KeySource, SigningKeyForm
from .views import Answer, blueprint

MADE_SECRET = "made_secret"
"""Where a session keeps a new secret until the next page has shown it."""

KIND_WORDS = {
    KeyKind.HS256: "secret",
    KeyKind.RS256: "public key",
    KeyKind.ES256: "public key",
    KeyKind.EDDSA: "public key",
    KeyKind.JWKS: "set of keys",
    KeyKind.JWKS_URL: "address of a set",
}


@dataclass(frozen=True, slots=True)
class Revealed:
    """A key's material, shown this once."""

    kid: str
    material: str
    is_new: bool = False


@blueprint.get("/signing")
def signing_keys() -> Answer:
    """All signing keys, and a secret that was just made."""
    workspace_id, kid, encrypted = session.pop(MADE_SECRET, (None, "", ""))
    is_ours = workspace_id == current_workspace().id
    return _page(revealed=Revealed(kid, vault.decrypt(encrypted), is_new=True) if is_ours else None)


@blueprint.post("/signing")
@needs_owner
def add_signing_key() -> Answer:
    """Add a key; a random secret is shown once on the page that follows."""
    form = SigningKeyForm()
    if form.validate_on_submit():
        try:
            key = _add(form)
        except (InvalidInput, Conflict) as error:
            # The service names what it was given; here that is one field.
            left = show_problems(form, error)
            form.material.errors = [*form.material.errors, *left]
        else:
            if form.source.data == KeySource.RANDOM:
                # Encrypted as it is stored, since a session is a cookie that whoever holds the browser can read.
                session[MADE_SECRET] = [current_workspace().id, key.kid, key.material]
            flash(f"The key `{key.kid}` is active: tokens that it signs are accepted from now on.", "ok")
            return go_to(url_for("tokens.signing_keys"))
    if form.source.data == KeySource.SECRET:
        form.material.data = ""  # a secret does not travel back
    return _page(key_form=form), 422


def _add(form: SigningKeyForm) -> SigningKey:
    workspace, kid = current_workspace(), (form.kid.data or "").strip() or None
    material = (form.material.data or "").strip()
    match KeySource(form.source.data):
        case KeySource.RANDOM:
            return keys.add_secret(workspace, None, kid=kid, **authorship())
        case KeySource.SECRET:
            return keys.add_secret(workspace, material, kid=kid, **authorship())
        case KeySource.PUBLIC_KEY:
            return keys.add_public_key(workspace, material, kid=kid, **authorship())
        case KeySource.JWKS:
            return keys.add_jwks(workspace, material, kid=kid, **authorship())
        case KeySource.URL:
            return keys.add_jwks_url(workspace, material, kid=kid, **authorship())


@blueprint.post("/signing/<int:key_id>/activate")
@needs_owner
def activate_key(key_id: int) -> Answer:
    """Accept tokens of a key again."""
    return _switch(key_id, True)


@blueprint.post("/signing/<int:key_id>/deactivate")
@needs_owner
def deactivate_key(key_id: int) -> Answer:
    """Accept no more tokens of a key. Who is connected with one stays until it expires or connects again."""
    return _switch(key_id, False)


def _switch(key_id: int, active: bool) -> Answer:
    try:
        key = keys.set_active(current_workspace(), key_id, active, **authorship())
    except NotFound:
        abort(404)
    flash(f"Tokens signed with `{key.kid}` are {'accepted again' if active else 'no longer accepted'}.", "ok")
    return go_to(url_for("tokens.signing_keys"))


@blueprint.post("/signing/<int:key_id>/fetch")
@needs_owner
def fetch_key(key_id: int) -> Answer:
    """Fetch a set of keys from its address now."""
    try:
        changed = keys.fetch_now(current_workspace(), key_id)
    except NotFound:
        abort(404)
    problem = next((k.fetch_problem for k in keys.list_all(current_workspace()) if k.id == key_id), None)
    if problem:
        flash(f"It could not be fetched; the last set stays in use. {problem}", "error")
    else:
        flash("Fetched. The set has changed." if changed else "Fetched. The set is the same as before.", "ok")
    return go_to(url_for("tokens.signing_keys"))


@blueprint.post("/signing/<int:key_id>/reveal")
@needs_owner
def reveal_key(key_id: int) -> Answer:
    """Show a key's material; the audit log notes who looked."""
    try:
        material = keys.reveal(current_workspace(), key_id, **authorship())
    except NotFound:
        abort(404)
    kid = next(key.kid for key in keys.list_all(current_workspace()) if key.id == key_id)
    return _page(revealed=Revealed(kid, material))


def _page(**shown: object) -> str:
    workspace = current_workspace()
    found = keys.list_all(workspace)
    secrets = [key for key in found if key.is_active and key.algorithm == KeyKind.HS256]
    defaults = {"key_form": SigningKeyForm(formdata=None), "revealed": None}
    return render_template(
        "tokens/signing_keys.html",
        keys=found,
        signing=secrets[-1].id if secrets else None,
        is_last={secrets[0].id} if len(secrets) == 1 else set(),
        kind_words={kind.value: words for kind, words in KIND_WORDS.items()},
        addresses={key.id: _address(key) for key in found if key.algorithm == KeyKind.JWKS_URL},
        with_token=identities.connected_with_token(workspace),
        switches=rules.active_rules(workspace).switches,
        **{**defaults, **shown},
    )


def _address(key: SigningKey) -> str:
    """The address of a set without what may be secret in it."""
    try:
        parts = urlsplit(vault.decrypt(key.material))
    except (SecretKeyMismatch, ValueError):
        return "unreadable"
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
