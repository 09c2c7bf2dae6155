"""How a draft ends: published, or thrown away."""

from typing import Any

from sqlalchemy.orm import Session

from ...models import Action, DraftChange, Source, Workspace
from .. import audit, rules, ruletests
from ..errors import Conflict, InvalidInput
from ..rules import Publication, RuleEdit
from ..transactions import locked, writing
from .state import current, expected, moved_on, no_draft, remove


def discard(
    workspace: Workspace,
    *,
    expected_revision: int | None = None,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> None:
    """Throw the draft away.

    Raises:
        Conflict: there is none, or it was changed since it was looked at.
    """
    with writing() as session:
        locked(session, workspace.id)
        draft = expected(session, workspace, expected_revision)
        before = {"base": draft.base_number, "changes": draft.changes}
        remove(session, workspace)
        audit.record(
            session,
            Action.DRAFT_DISCARD,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=before,
            address=address,
        )


def publish(
    workspace: Workspace,
    *,
    expected_revision: int,
    reason: str,
    author: str,
    source: Source | str,
    override: str = "",
    address: str | None = None,
) -> Publication:
    """Publish the draft, and end it, in one transaction.

    Args:
        workspace: whose draft.
        expected_revision: the state of the draft that was looked at.
        reason: why; it can't be empty.
        author: who publishes.
        source: where from.
        override: why it is published although saved tests fail.
        address: the author's network address.

    Raises:
        InvalidInput: no reason, or one that is too long.
        Conflict: there is no draft, it was changed since it was looked at, or it is behind the version in force.
        TestsFail: saved tests fail, and ``override`` is empty.
    """
    if not reason.strip():
        raise InvalidInput({"reason": "Say why, for those who look at the versions later."})
    draft = current(workspace)
    if draft is None:
        raise no_draft()
    if draft.revision != expected_revision:
        raise moved_on(draft.updated_by)
    if draft.behind:
        raise Conflict(
            {"": f"Version {draft.active.version} was published since this draft was begun: bring it up to date first."}
        )
    noted = ruletests.let_pass(workspace, draft.rules, override)

    def end(session: Session) -> None:
        expected(session, workspace, expected_revision)
        remove(session, workspace)

    edit = RuleEdit(
        Action.RULES_PUBLISH,
        after={"draft": [_said(change) for change in draft.log[:100]]} | noted,
    )
    return rules.publish(
        workspace,
        draft.rules,
        author=author,
        source=source,
        reason=reason,
        expected_version=draft.active.version,
        address=address,
        edit=edit,
        in_transaction=end,
    )


def _said(change: DraftChange) -> dict[str, Any]:
    return {"actor": change.actor, "action": change.action, "before": change.before, "after": change.after}
