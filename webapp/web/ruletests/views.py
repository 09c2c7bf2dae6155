"""The pages of the saved tests."""

from flask import Blueprint, abort, flash, make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from ...models import RuleTest
from ...services import decisions, notations, ruletests
from ...services.errors import Conflict, InvalidInput, NotFound
from ...services.notations import Notation
from ..access import authorship, current_workspace, in_workspace, needs_editor
from ..forms import show_problems
from ..htmx import go_to, htmx
from .forms import RuleTestForm
from .results import answers, results, shown

blueprint = in_workspace(Blueprint("ruletests", __name__, url_prefix="/w/<canonical>/tests"))
blueprint.app_template_global()(decisions.deciding_step)

Answer = str | Response | tuple[str, int]
ID = "<int:test_id>"


@blueprint.get("")
def page() -> Answer:
    """All tests, run on what is in force and on the draft; those that fail come first."""
    found = results(current_workspace())
    wanted, failing_only = request.args.get("q", "").strip(), request.args.get("show") == "failing"
    chosen = shown(found, wanted, failing_only, request.args.get("page", 1, type=int))
    template = "ruletests/_list.html" if htmx.partial and htmx.target == "tests" else "ruletests/page.html"
    return render_template(template, results=found, shown=chosen, wanted=wanted, failing_only=failing_only)


@blueprint.get("/export")
def export() -> Response:
    """Download the tests as a file that ``tidegate rules check --tests`` reads."""
    workspace = current_workspace()
    rows = [ruletests.row(test) for test in ruletests.list_all(workspace)]
    response: Response = make_response(notations.write(rows, Notation.YAML))
    response.mimetype = "application/yaml"
    response.headers["Content-Disposition"] = f'attachment; filename="{workspace.canonical}-tests.yaml"'
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("/new", methods=["GET", "POST"])
@needs_editor
def new() -> Answer:
    """Write a test. An address can begin it: ``?channel=…&operation=…&identity=<json>&allowed=1``."""
    form = RuleTestForm()
    if not form.is_submitted():
        form.prefill(request.args)
        return _form_page(form, None)
    try:
        if not form.validate():
            return _form_page(form, None), 422
        spec = form.spec()
        test = ruletests.create(
            current_workspace(),
            name=spec.name,
            channel=spec.channel,
            operation=spec.operation,
            identity=spec.identity,
            allowed=spec.allowed,
            **authorship(),
        )
    except InvalidInput as error:
        return _form_page(form, None, left=show_problems(form, error)), 422
    except Conflict as error:
        return _form_page(form, None, left=show_problems(form, error)), 409
    flash(f"Saved: {_plain(test.name)}.", "ok")
    return go_to(url_for("ruletests.page"))


@blueprint.get(f"/{ID}")
def edit(test_id: int) -> Answer:
    """Look at a test with what is decided and why."""
    test = _find(test_id)
    form = RuleTestForm()
    form.fill(test)
    return _form_page(form, test)


@blueprint.post(f"/{ID}")
@needs_editor
def change(test_id: int) -> Answer:
    """Change a test."""
    test = _find(test_id)
    form = RuleTestForm()
    try:
        if not form.validate():
            return _form_page(form, test), 422
        changed = ruletests.update(current_workspace(), test.id, form.spec(), **authorship())
    except InvalidInput as error:
        return _form_page(form, test, left=show_problems(form, error)), 422
    except NotFound:
        return _form_page(form, test, left=["Somebody deleted this test meanwhile. Save it as a new one."]), 409
    flash(f"Saved: {_plain(changed.name)}.", "ok")
    return go_to(url_for("ruletests.page"))


@blueprint.post(f"/{ID}/delete")
@needs_editor
def delete(test_id: int) -> Answer:
    """Delete a test."""
    try:
        test = ruletests.delete(current_workspace(), test_id, **authorship())
    except NotFound:
        abort(404)
    flash(f"Deleted: {_plain(test.name)}.", "ok")
    return go_to(url_for("ruletests.page"))


@blueprint.post("/preview")
@needs_editor
def preview() -> str:
    """Say of a test that is being written how it would be named, and what is decided now."""
    return render_template("ruletests/_preview.html", **_preview(RuleTestForm()))


def _form_page(form: RuleTestForm, test: RuleTest | None, **more: object) -> str:
    return render_template("ruletests/edit.html", form=form, test=test, **_preview(form), **more)


def _preview(form: RuleTestForm) -> dict[str, object]:
    workspace = current_workspace()
    try:
        spec = form.spec()
    except InvalidInput as error:
        return {"spec": None, "missing": error.problems}
    given = spec.channel, spec.operation, spec.identity, spec.allowed
    return {"spec": spec, "proposed": ruletests.proposed_name(*given), "answers": answers(workspace, spec)}


def _find(test_id: int) -> RuleTest:
    try:
        return ruletests.get(current_workspace(), test_id)
    except NotFound:
        abort(404)


def _plain(name: str) -> str:
    """A name at the end of a sentence that sets what stands in backticks as code."""
    return name.rstrip(".")
