"""The pages of the audit log."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Blueprint, Response, render_template, request, stream_with_context, url_for

from ...models import AuditEntry, RoleName
from ...services import admins, audit, workspaces
from ...services.audit import Reach
from ..access import current_workspace, holds, in_workspace, signed_in
from ..wording import SOURCES
from .differences import differences
from .exports import as_csv, as_json_lines
from .forms import FilterForm, filter_of_address
from .telling import names_told, told

blueprint = in_workspace(Blueprint("audit", __name__, url_prefix="/w/<canonical>/audit"))

PAGE = 50
NUMBER_MOST = 2**31 - 1
FORMATS: dict[str, tuple[str, Callable[[Iterable[AuditEntry]], Iterator[str]]]] = {
    "csv": ("text/csv", as_csv),
    "jsonl": ("application/jsonl", as_json_lines),
}

Answer = str | Response | tuple[str, int]


@blueprint.get("")
def page() -> Answer:
    """Show the entries that the filter in the address leaves, newest first."""
    form = filter_of_address()
    if not form.validate():
        return _page(form, []), 422
    before_id = request.args.get("before", type=int)
    if before_id is not None and not 0 < before_id <= NUMBER_MOST:
        before_id = None
    return _page(form, audit.find(_reach(), form.wanted, limit=PAGE + 1, before_id=before_id), before_id)


@blueprint.get("/export.<any(csv, jsonl):kind>")
def export(kind: str) -> Answer:
    """Download all of them."""
    form = filter_of_address()
    if not form.validate():
        return _page(form, []), 422
    mimetype, write = FORMATS[kind]
    lines = write(audit.every(_reach(), form.wanted))
    response = Response(stream_with_context(lines), mimetype=mimetype)
    name = f"{current_workspace().canonical}-audit.{kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _reach() -> Reach:
    """Say whose entries are shown: sign-ins and the like to owners, of this workspace's people.

    Who owns every workspace runs the server, and sees those of everybody.
    """
    here = current_workspace()
    if not holds(RoleName.OWNER):
        return Reach(here.id)
    owned = {workspace.id for workspace, role in admins.workspaces_of(signed_in()) if role is RoleName.OWNER}
    if owned >= {workspace.id for workspace in workspaces.list_all()}:
        return Reach(here.id, with_global=True)
    people = frozenset(admin.username for admin, _ in admins.members(here))
    return Reach(here.id, with_global=True, people=people)


def _page(form: FilterForm, found: list[AuditEntry], before_id: int | None = None) -> str:
    entries, more = found[:PAGE], len(found) > PAGE
    kept: dict[str, Any] = {name: value for name, value in request.args.items() if name in form.data and value}
    return render_template(
        "audit/page.html",
        form=form,
        entries=[(entry, told(entry), differences(entry, names_told(entry))) for entry in entries],
        sources={source.value: words for source, words in SOURCES.items()},
        older=url_for("audit.page", **kept, before=entries[-1].id) if more else None,
        newest=url_for("audit.page", **kept) if before_id is not None else None,
        exports={kind: url_for("audit.export", kind=kind, **kept) for kind in FORMATS},
        filtered=bool(kept),
    )
