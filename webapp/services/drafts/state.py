"""A draft as it is: what it holds, what it was begun from, who changed what."""

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from ...core.documents import rule_row, write_document
from ...core.ruleset import Rule, RuleSet
from ...core.targets import Target
from ...models import Action, Draft, DraftChange, RuleSetVersion, Workspace, now
from .. import rules
from ..changes import Comparison, compare
from ..compiled import rule_set
from ..errors import Conflict
from ..transactions import reading


@dataclass(frozen=True, slots=True)
class DraftSummary:
    """What every page says of a draft: how much changed in it, who changed it last, and whether it is behind.

    ``behind``: a version was published since the draft was begun, so that it has to be brought up to date.
    """

    revision: int
    base: int
    active: int
    updated_by: str
    updated_at: datetime
    changes: int

    @property
    def behind(self) -> bool:
        return self.base != self.active


LOG_MOST = 1000
"""Changes of a draft that are looked at: the last ones."""


@dataclass(frozen=True, slots=True)
class DraftState:
    """A draft as it is now: ``rules`` is what it holds, ``base`` what it was begun from, ``log`` who did what."""

    rules: RuleSet
    base: RuleSet
    active: RuleSet
    revision: int
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    log: tuple[DraftChange, ...]

    @property
    def behind(self) -> bool:
        return self.base.version != self.active.version

    def changed_by(self, target: Target) -> str:
        """Say who last changed a rule: whoever changed it by itself, or all at once (an import)."""
        for change in reversed(self.log):
            sides = [side for side in (change.before, change.after) if isinstance(side, dict)]
            places = [(side["pattern"], side.get("wildcard")) for side in sides if "pattern" in side]
            if (target.text, target.nested) in places or change.action == Action.DRAFT_CHANGE:
                return change.actor
        return self.created_by

    @property
    def comparison(self) -> Comparison:
        """What the draft changes against the version that it was begun from."""
        return compare(self.base, self.rules)


def fingerprint(rule: Rule | None) -> str:
    """Name what a rule holds, so that a form can say which state of it was looked at; "" for no rule."""
    if rule is None:
        return ""
    return sha256(json.dumps(rule_row(rule), sort_keys=True).encode()).hexdigest()[:20]


def summary(workspace: Workspace) -> DraftSummary | None:
    """Return what every page says of the draft, without reading all of it; None where there is none."""
    with reading() as session:
        row = session.execute(
            select(Draft.revision, Draft.base_number, Draft.updated_by, Draft.updated_at, Draft.changes).where(
                Draft.workspace_id == workspace.id
            )
        ).one_or_none()
        if row is None:
            return None
        active = active_number(session, workspace)
    return DraftSummary(row.revision, row.base_number, active, row.updated_by, row.updated_at, row.changes)


def current(workspace: Workspace) -> DraftState | None:
    """Return the draft; None where there is none."""
    with reading() as session:
        return _state(session, workspace)


def working_rules(workspace: Workspace) -> RuleSet:
    """Return what editors look at: the draft's rules, or those in force where there is no draft."""
    with reading() as session:
        draft = session.get(Draft, workspace.id)
        if draft is not None:
            return rule_set_of(draft)
    return rules.active_rules(workspace)


def rule_set_of(draft: Draft) -> RuleSet:
    """Compile what a draft holds; its version is the one that it was begun from."""
    return rule_set(RuleSetVersion(document=draft.document, number=draft.base_number))


def _state(session: Session, workspace: Workspace) -> DraftState | None:
    row = session.get(Draft, workspace.id)
    if row is None:
        return None
    changes = select(DraftChange).where(DraftChange.workspace_id == workspace.id).order_by(DraftChange.id.desc())
    log = session.scalars(changes.limit(LOG_MOST)).all()
    base = session.scalar(
        select(RuleSetVersion).where(
            RuleSetVersion.workspace_id == workspace.id, RuleSetVersion.number == row.base_number
        )
    )
    active = session.scalar(
        select(RuleSetVersion)
        .join(Workspace, Workspace.active_version_id == RuleSetVersion.id)
        .where(Workspace.id == workspace.id)
    )
    return DraftState(
        rules=rule_set_of(row),
        base=rule_set(base),
        active=rule_set(active),
        revision=row.revision,
        created_by=row.created_by,
        created_at=row.created_at,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
        log=tuple(reversed(log)),
    )


def draft_row(workspace: Workspace) -> Draft | None:
    with reading() as session:
        found: Draft | None = session.get(Draft, workspace.id)
    return found


def active_number(session: Session, workspace: Workspace) -> int:
    number = session.scalar(
        select(RuleSetVersion.number)
        .join(Workspace, Workspace.active_version_id == RuleSetVersion.id)
        .where(Workspace.id == workspace.id)
    )
    return number or 0


def expected(session: Session, workspace: Workspace, revision: int | None) -> Draft:
    draft: Draft | None = session.get(Draft, workspace.id)
    if draft is None:
        raise no_draft()
    if revision is not None and draft.revision != revision:
        raise moved_on(draft.updated_by)
    return draft


def remove(session: Session, workspace: Workspace) -> None:
    session.execute(delete(DraftChange).where(DraftChange.workspace_id == workspace.id))
    session.execute(delete(Draft).where(Draft.workspace_id == workspace.id))


@dataclass(frozen=True, slots=True)
class Written:
    """What a draft is to hold, ready to be stored: made before the transaction begins, for it takes time."""

    document: str
    changes: int


def written(changed: RuleSet, base: RuleSet) -> Written | None:
    """Write what a draft holds; None if it is what ``base`` holds, so that there is no draft any more."""
    comparison = compare(base, changed)
    if comparison.nothing:
        return None
    return Written(json.dumps(write_document(changed), separators=(",", ":")), comparison.count)


def keep(row: Draft, content: Written, author: str) -> None:
    """Store what a draft now holds."""
    row.document, row.changes = content.document, content.changes
    row.revision += 1
    row.updated_by, row.updated_at = author[:200], now()


def no_draft() -> Conflict:
    return Conflict({"": "There is no draft: it was published or discarded in the meantime."})


def moved_on(actor: str) -> Conflict:
    return Conflict({"": f"`{actor}` changed the draft since you looked at it. Look again before you go on."})


def busy() -> Conflict:
    return Conflict({"": "Others are changing the draft just now. Try again."})
