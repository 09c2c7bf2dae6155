"""Taking rules in from a file, into the draft, and giving them out."""

from flask import Blueprint, Response, abort, flash, make_response, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from ...core.documents import Parsed, write_document
from ...core.ruleset import RuleSet
from ...models.workspace import Workspace
from ...services import drafts, notations, rules
from ...services.changes import Comparison, compare, rule_changes, switch_changes
from ...services.compiled import rule_set
from ...services.errors import Conflict, InvalidInput, NotFound
from ...services.notations import Notation
from ..access import authorship, current_workspace, in_workspace, needs_editor
from ..htmx import go_to
from ..wording import count
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
        if not (number.isascii() and number.isdigit() and len(number) <= 10 and int(number) < VERSION_MOST):
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
    comparison = compare(working, parsed.rules)
    state = _state(workspace)
    if not form.confirmed.data or form.seen.data != state:
        moved = bool(form.confirmed.data)
        conflict = "The rules were changed in the meantime. This is what the import would change now." if moved else ""
        _show_seen(form, state)
        page = _difference_page(form, working, parsed, conflict)
        return (page, 409) if moved else page
    try:
        if not comparison.nothing:
            drafts.replace_all(workspace, parsed.rules, **authorship())
    except Conflict as error:
        _show_seen(form, state)
        text = next(iter(error.problems.values()))
        return _difference_page(form, working, parsed, text), 409
    flash(_done(comparison), "ok")
    return go_to(url_for("channels.page" if comparison.nothing else "drafts.page"))


def _page(form: ImportForm, **more: object) -> str:
    workspace = current_workspace()
    summary = drafts.summary(workspace)
    return render_template("transfer/import.html", form=form, draft=summary, in_force=_active_number(workspace), **more)


def _difference_page(form: ImportForm, working: RuleSet, parsed: Parsed, conflict: str) -> str:
    return _page(
        form,
        comparison=compare(working, parsed.rules),
        changes=rule_changes(working, parsed.rules),
        switches=switch_changes(working, parsed.rules),
        own=parsed.rules,
        warnings=parsed.warnings,
        conflict=conflict,
    )


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


def _done(comparison: Comparison) -> str:
    if comparison.nothing:
        return "Nothing changed: these are the rules and switches that were there."
    return f"The draft holds what you imported: {said_in_short(comparison)}. It decides nothing until it is published."


@blueprint.app_template_global()
def said_in_short(comparison: Comparison) -> str:
    """Count what differs: "2 new, 1 changed, 1 switch"."""
    counted = (("new", comparison.added), ("changed", comparison.changed), ("deleted", comparison.removed))
    parts = [f"{len(rules):,} {word}" for word, rules in counted if rules]
    parts += [count(len(comparison.switches), "switch", "switches")] if comparison.switches else []
    return ", ".join(parts)
