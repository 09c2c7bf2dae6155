"""Taking rules in from a file, into the draft, and giving them out."""

from flask import Blueprint, Response, abort, current_app, flash, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ...core.documents import write_document
from ...core.ruleset import RuleSet
from ...models.workspace import Workspace
from ...services import drafts, notations, rules
from ...services.compiled import rule_set
from ...services.errors import Conflict, InvalidInput, NotFound
from ...services.notations import Notation
from ..access import authorship, current_workspace, in_workspace, needs_editor
from ..htmx import go_to
from ..wording import count
from .differences import Differences, differences
from .forms import ImportForm

blueprint = in_workspace(Blueprint("transfer", __name__, url_prefix="/w/<canonical>/rules"))

Answer = str | BaseResponse | tuple[str, int]
MIME = {Notation.JSON: "application/json", Notation.YAML: "application/yaml"}
VERSION_MOST = 10**9


@blueprint.get("/export")
def export() -> Response:
    """Download the rules in force, those of the draft (``?of=draft``) or of a version (``?version=3``)."""
    workspace = current_workspace()
    try:
        notation = Notation(request.args.get("format", Notation.JSON))
    except ValueError:
        abort(404)
    found, name = _wanted(workspace)
    text = notations.write(write_document(found, workspace.canonical), notation)
    response = make_response(text)
    response.mimetype = MIME[notation]
    filename = f"{workspace.canonical}-rules-{name}.{notation.value}"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _wanted(workspace: Workspace) -> tuple[RuleSet, str]:
    """Find the rules that an address asks for, and what their file is called."""
    number, of = request.args.get("version"), request.args.get("of", "active")
    if number is not None:
        if not (number.isascii() and number.isdigit() and int(number[:12]) < VERSION_MOST):
            abort(404)
        try:
            return rule_set(rules.version(workspace, int(number))), f"v{int(number)}"
        except NotFound:
            abort(404)
    if of == "draft":
        draft = drafts.current(workspace)
        if draft is None:
            abort(404)
        return draft.rules, "draft"
    if of != "active":
        abort(404)
    active = rules.active_rules(workspace)
    return active, f"v{active.version}"


@blueprint.route("/import", methods=["GET", "POST"])
@needs_editor
def take_in() -> Answer:
    """Take a settings document into the draft: first shown what it would change, then all of it or nothing."""
    workspace = current_workspace()
    form = ImportForm()
    if not form.is_submitted():
        return _page(form)
    if not form.validate():
        return _page(form), 422
    try:
        parsed = rules.check_document(form.parsed, strict=False)
    except InvalidInput as error:
        return _page(form, problems=error.problems, warnings=rules.unknown_fields(form.parsed)), 422
    working = drafts.working_rules(workspace)
    change = differences(working, parsed.rules)
    state = _state(workspace)
    if not form.confirmed.data or form.seen.data != state:
        moved = bool(form.confirmed.data)
        conflict = "The rules were changed in the meantime. This is what the import would change now." if moved else ""
        _show_seen(form, state)
        page = _page(form, differences=change, warnings=parsed.warnings, conflict=conflict)
        return (page, 409) if moved else page
    try:
        if not change.nothing:
            drafts.replace_all(workspace, parsed.rules, **authorship())
    except Conflict as error:
        _show_seen(form, state)
        text = next(iter(error.problems.values()))
        return _page(form, differences=change, warnings=parsed.warnings, conflict=text), 409
    flash(_done(change), "ok")
    return go_to(url_for(draft_page()))


def _page(form: ImportForm, **more: object) -> str:
    workspace = current_workspace()
    summary = drafts.summary(workspace)
    return render_template("transfer/import.html", form=form, draft=summary, in_force=_active_number(workspace), **more)


def _active_number(workspace: Workspace) -> int:
    return rules.active_rules(workspace).version


def _state(workspace: Workspace) -> str:
    """Name what an import is compared with: the state of the draft, or the version in force."""
    summary = drafts.summary(workspace)
    if summary is None:
        return f"version {_active_number(workspace)}"
    return f"draft {summary.base}.{summary.revision} of {summary.updated_at.isoformat()}"


def _show_seen(form: ImportForm, state: str) -> None:
    form.seen.data = state
    form.seen.raw_data = [state]


def _done(change: Differences) -> str:
    if change.nothing:
        return "Nothing changed: these are the rules and switches that were there."
    parts = [f"{change.count(word):,} {word}" for word in ("new", "changed", "removed") if change.count(word)]
    parts += [count(len(change.switches), "switch", "switches")] if change.switches else []
    return f"The draft holds what you imported: {', '.join(parts)}. It decides nothing until it is published."


def draft_page() -> str:
    """Name the page that shows the draft."""
    return "drafts.page" if "drafts.page" in current_app.view_functions else "channels.page"
