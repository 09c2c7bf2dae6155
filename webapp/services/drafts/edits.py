"""Changes of a draft. The first one begins it; when everything in it has been taken back, it ends."""

import secrets
from collections.abc import Mapping
from typing import Any

from ...core.ruleset import Rule, RuleSet, Switches
from ...core.targets import Target
from ...models import Action, Draft, DraftChange, Source, Workspace
from .. import audit, rules
from ..changes import Choice, Merged, merge
from ..compiled import rule_set
from ..errors import Conflict
from ..rules import Edit, RuleEdit
from ..transactions import locked, writing
from .state import (
    active_number,
    busy,
    current,
    draft_row,
    fingerprint,
    keep,
    no_draft,
    remove,
    rule_set_of,
    written,
)

REVISION_FIRST = 1 << 30
"""Below which a draft's first revision lies, at random: a form that was made for one draft must fit no other."""
ATTEMPTS = 5
"""How often a change is made anew when somebody else has changed the draft in between."""


class RuleConflict(Conflict):
    """Somebody else changed the rule since it was looked at. ``theirs`` is what it is now, None if it is gone."""

    def __init__(self, target: Target | None, theirs: Rule | None, actor: str | None) -> None:
        who = f"`{actor}`" if actor else "Someone else"
        what = "changed this rule" if theirs is not None else "deleted this rule"
        super().__init__({"": f"{who} {what} while you were looking at it."})
        self.target = target
        self.theirs = theirs
        self.actor = actor


def save_rule(
    workspace: Workspace,
    rule: Rule,
    *,
    author: str,
    replaces: Target | None = None,
    seen: str | None = None,
    **_where: Any,
) -> RuleSet:
    """Add a rule, or put one in the place of that which ``replaces`` names. Returns what the draft then holds.

    Args:
        workspace: whose draft.
        rule: what it is to be.
        author: who changes it.
        replaces: the rule that it takes the place of; None for a new one.
        seen: the fingerprint of the rule when the author began; None: whatever it is now.

    Raises:
        InvalidInput: another rule has the same target.
        NotFound: there is no rule to replace, and there was none when the author began.
        RuleConflict: somebody else changed or deleted it meanwhile.
    """
    return _edit(workspace, author, rules.saving(rule, replaces), replaces, seen)


def delete_rule(
    workspace: Workspace, target: Target, *, author: str, seen: str | None = None, **_where: Any
) -> RuleSet:
    """Take a rule out.

    Raises:
        NotFound: there is no such rule.
        RuleConflict: somebody else changed or deleted it meanwhile.
    """
    return _edit(workspace, author, rules.deleting(target), target, seen)


def set_enabled(workspace: Workspace, target: Target, enabled: bool, *, author: str, **_where: Any) -> RuleSet:
    """Switch a rule on or off.

    Raises:
        NotFound: there is no such rule.
    """
    return _edit(workspace, author, rules.switching(target, enabled))


def set_switches(workspace: Workspace, switches: Switches, *, author: str, **_where: Any) -> RuleSet:
    """Set the workspace's switches."""
    return _edit(workspace, author, rules.setting_switches(switches))


def replace_all(workspace: Workspace, new: RuleSet, *, author: str, **_where: Any) -> RuleSet:
    """Put another set of rules and switches in the place of all that the draft holds (an import, a roll-back).

    Raises:
        InvalidInput: too many rules.
    """

    def edit(_working: RuleSet) -> tuple[RuleSet, RuleEdit]:
        return RuleSet(new.rules, new.switches), RuleEdit(Action.DRAFT_CHANGE, after={"rules": len(new.rules)})

    return _edit(workspace, author, edit)


def take_back(workspace: Workspace, target: Target, *, author: str, **_where: Any) -> RuleSet:
    """Put one rule back to what it was in the version that the draft was begun from."""

    def edit(working: RuleSet) -> tuple[RuleSet, RuleEdit]:
        draft = current(workspace)
        base = draft.base if draft is not None else working
        was = {rule.target: rule for rule in base.rules}.get(target)
        now_is = {rule.target: rule for rule in working.rules}.get(target)
        if was == now_is:
            raise Conflict({"": f"Nothing of `{target}` is changed in the draft."})
        if was is None:
            return rules.deleting(target)(working)
        return rules.saving(was, target if now_is is not None else None)(working)

    return _edit(workspace, author, edit)


def merged(workspace: Workspace, choices: Mapping[Target, Choice] | None = None) -> Merged | None:
    """Say what bringing the draft up to date would make of it; None where there is no draft."""
    draft = current(workspace)
    return merge(draft.base, draft.rules, draft.active, choices or {}) if draft is not None else None


def bring_up_to_date(
    workspace: Workspace,
    choices: Mapping[Target, Choice] | None = None,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> RuleSet:
    """Put the draft's changes on top of the version in force.

    Args:
        workspace: whose draft.
        choices: for each rule that both changed, which of the two stays.
        author: who does it.
        source: where from.
        address: the author's network address.

    Raises:
        Conflict: there is no draft, or a rule that both changed has no choice.
    """
    for _ in range(ATTEMPTS):
        draft = current(workspace)
        if draft is None:
            raise no_draft()
        result = merge(draft.base, draft.rules, draft.active, choices or {})
        if result.conflicts:
            names = ", ".join(f"`{conflict.target}`" for conflict in result.conflicts)
            raise Conflict({"choices": f"Changed both in the draft and in what is in force: {names}. Choose for each."})
        content = written(result.rules, draft.active)
        with writing() as session:
            locked(session, workspace.id)
            row = session.get(Draft, workspace.id)
            if row is None or row.revision != draft.revision:
                continue
            if active_number(session, workspace) != draft.active.version:
                continue
            if content is None:
                remove(session, workspace)
            else:
                keep(row, content, author)
                row.base_number = draft.active.version
            audit.record(
                session,
                Action.DRAFT_UPDATE,
                actor=author,
                source=source,
                workspace_id=workspace.id,
                before={"base": draft.base.version},
                after={"base": draft.active.version},
                address=address,
            )
        return result.rules
    raise busy()


def _edit(
    workspace: Workspace,
    author: str,
    edit: Edit,
    target: Target | None = None,
    seen: str | None = None,
) -> RuleSet:
    """Change the draft, beginning one where there is none; again if somebody else changed it in between."""
    for _ in range(ATTEMPTS):
        draft, active = draft_row(workspace), rules.active_rules(workspace)
        working = rule_set_of(draft) if draft is not None else active
        if seen is not None and target is not None:
            _check_seen(workspace, working, target, seen)
        changed, said = edit(working)
        rules.check_size(changed)
        base = active if draft is None else _base(workspace, draft, active)
        content = written(changed, base)
        with writing() as session:
            locked(session, workspace.id)
            row = session.get(Draft, workspace.id)
            if (row.revision if row is not None else None) != (draft.revision if draft is not None else None):
                continue
            if row is None and active_number(session, workspace) != active.version:
                continue
            if content is None:
                remove(session, workspace)
                return changed
            if row is None:
                row = Draft(
                    workspace_id=workspace.id,
                    base_number=active.version,
                    revision=secrets.randbelow(REVISION_FIRST),
                    created_by=author[:200],
                )
                session.add(row)
            keep(row, content, author)
            session.add(
                DraftChange(
                    workspace_id=workspace.id,
                    actor=author[:200],
                    action=said.action.value,
                    before=said.before,
                    after=said.after,
                )
            )
        return changed
    raise busy()


def _base(workspace: Workspace, draft: Draft, active: RuleSet) -> RuleSet:
    if draft.base_number in (0, active.version):
        return active if draft.base_number else RuleSet()
    return rule_set(rules.version(workspace, draft.base_number))


def _check_seen(workspace: Workspace, working: RuleSet, target: Target, seen: str) -> None:
    theirs = next((rule for rule in working.rules if rule.target == target), None)
    if fingerprint(theirs) != seen:
        draft = current(workspace)
        raise RuleConflict(target, theirs, draft.changed_by(target) if draft is not None else None)
