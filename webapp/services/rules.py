"""Rule sets: what is in force, publishing, rolling back, and changes of one rule."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ..core.documents import DocumentError, Parsed, parse_document, rule_row, write_document
from ..core.problems import Problem
from ..core.ruleset import DuplicateTargetError, Rule, RuleSet, Switches
from ..core.targets import Target
from ..core.triggers import read_triggers
from ..models import Action, RuleSetVersion, Source, Workspace
from ..triggers.steps import trigger_problems
from ..triggers.turns import Turns
from . import audit, webhooks
from .compiled import rule_set
from .errors import Conflict, InvalidInput, NotFound
from .live import refresh
from .texts import checked_text
from .transactions import locked, reading, writing

if TYPE_CHECKING:
    from ..realtime.server import ApplyReport

_log = logging.getLogger("tidegate.rules")

RULES_MOST = 10_000
ATTEMPTS = 5
"""How often a change is made anew when somebody else has published in between."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A version that is now in force. ``report`` is None where no server runs in this process."""

    version: int
    report: "ApplyReport | None"
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """What a change of rules did, as audit entries and the log of a draft say it."""

    action: Action = Action.RULES_PUBLISH
    before: Any = None
    after: Any = None


PUBLISHED = RuleEdit()
Edit = Callable[[RuleSet], tuple[RuleSet, RuleEdit]]
"""A change of a rule set: makes the new one, and says what it did."""


def active_rules(workspace: Workspace) -> RuleSet:
    """Return the rules in force; version 0 without rules where nothing was published yet."""
    with reading() as session:
        version = session.scalar(
            select(RuleSetVersion)
            .join(Workspace, Workspace.active_version_id == RuleSetVersion.id)
            .where(Workspace.id == workspace.id)
        )
    return rule_set(version)


def versions(workspace: Workspace, *, limit: int = 100, before: int | None = None) -> list[RuleSetVersion]:
    """List published versions, newest first; ``before`` is a number, for paging."""
    query = select(RuleSetVersion).where(RuleSetVersion.workspace_id == workspace.id)
    if before is not None:
        query = query.where(RuleSetVersion.number < before)
    with reading() as session:
        return list(session.scalars(query.order_by(RuleSetVersion.number.desc()).limit(limit)))


def version(workspace: Workspace, number: int) -> RuleSetVersion:
    """Return one published version.

    Raises:
        NotFound: there is none with this number.
    """
    with reading() as session:
        found = session.scalar(
            select(RuleSetVersion).where(RuleSetVersion.workspace_id == workspace.id, RuleSetVersion.number == number)
        )
    if found is None:
        raise NotFound({"version": f"There is no version {number}."})
    return found


def rules_of(workspace: Workspace, number: int) -> RuleSet | None:
    """Return the rules of a version, 0 for those before the first; None if there is no such version."""
    try:
        return rule_set(version(workspace, number) if number else None)
    except NotFound:
        return None


def check_document(document: object, *, strict: bool) -> Parsed:
    """Read a settings document; with ``strict``, a field that nobody knows is an error and not a warning.

    Raises:
        InvalidInput: with every problem by its place, such as ``channels[2].pattern``.
    """
    rows = document.get("channels") if isinstance(document, dict) else None
    if isinstance(rows, list) and len(rows) > RULES_MOST:
        raise InvalidInput({"channels": f"At most {RULES_MOST} rules."})
    try:
        parsed = parse_document(document)
    except DocumentError as error:
        raise InvalidInput.of(_in_order(error.problems, document)) from None
    if strict and parsed.warnings:
        raise InvalidInput.of(Problem(w.path, "There is no such field.") for w in parsed.warnings)
    problems: list[Problem] = []
    turns = Turns()
    for index, rule in enumerate(parsed.rules.rules):
        problems += trigger_problems(rule, f"channels[{index}].")
        turns.pause()
    if problems:
        raise InvalidInput.of(problems)
    return parsed


def unknown_fields(document: object) -> tuple[Problem, ...]:
    """Name the fields of a settings document that nobody knows, also of one that has errors."""
    if not isinstance(document, dict):
        return ()
    # The same document with every value left out has the same unknown fields, and nothing in it can be wrong.
    rows = document.get("channels")
    named = [dict.fromkeys(row) if isinstance(row, dict) else {} for row in (rows if isinstance(rows, list) else [])]
    emptied = [{**row, "pattern": str(index)} for index, row in enumerate(named[:RULES_MOST])]
    found = list(parse_document(dict.fromkeys(document) | {"channels": emptied}).warnings)
    for index, row in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(row, dict):
            read_triggers(row.get("triggers"), f"channels[{index}].triggers", [], found)
    return tuple(found)


def publish(
    workspace: Workspace,
    rules: RuleSet,
    *,
    author: str,
    source: Source | str,
    reason: str = "",
    expected_version: int | None = None,
    address: str | None = None,
    edit: RuleEdit = PUBLISHED,
    in_transaction: Callable[[Session], None] = lambda _session: None,
) -> Publication:
    """Publish a rule set: it is in force, on open connections too, when this returns.

    Args:
        workspace: whose rules.
        rules: the new set; its version number is ignored.
        author: who publishes, for the version and the audit log.
        source: where from.
        reason: why, in the author's words.
        expected_version: publish only if this is the version in force (0: none yet).
        address: the author's network address.
        edit: what was done, for the audit log.
        in_transaction: what else happens exactly if this does; a refusal that it raises ends both.

    Raises:
        InvalidInput: too many rules, or a reason that is too long.
        Conflict: another version than the expected one is in force.
    """
    reason = checked_text(reason, "reason")
    # All that takes time happens before the transaction begins. What is stored is read again first: a version that
    # can't be read would keep every later start of the server from reading its workspace.
    document = json.dumps(write_document(rules), separators=(",", ":"))
    check_document(json.loads(document), strict=True)
    with writing() as session:
        row = locked(session, workspace.id)
        active = session.get(RuleSetVersion, row.active_version_id) if row.active_version_id else None
        in_force = active.number if active is not None else 0
        if expected_version is not None and expected_version != in_force:
            raise _conflict(expected_version, in_force)
        in_transaction(session)
        latest = session.scalar(select(func.max(RuleSetVersion.number)).where(RuleSetVersion.workspace_id == row.id))
        new = RuleSetVersion(
            workspace_id=row.id,
            number=(latest or 0) + 1,
            document=document,
            author=author[:200],
            source=Source(source).value,
            reason=reason,
        )
        session.add(new)
        session.flush()
        row.active_version_id = new.id
        row.generation += 1
        webhooks.add_those_of_triggers(session, row.id, rules, author=author, source=source, address=address)
        audit.record(
            session,
            edit.action,
            actor=author,
            source=source,
            workspace_id=row.id,
            before={"version": in_force, **({"was": edit.before} if edit.before is not None else {})},
            after={"version": new.number, **({"is": edit.after} if edit.after is not None else {})},
            reason=reason,
            address=address,
        )
    report = refresh(row.id)
    if report is not None:
        _note_effect(new.id, report)
    return Publication(new.number, report)


def _note_effect(version_id: int, report: "ApplyReport") -> None:
    """Keep what a publication did beside its version, for those who look at it later."""
    query = update(RuleSetVersion).where(RuleSetVersion.id == version_id)
    try:
        with writing() as session:
            session.execute(query.values(removed=report.removed, removed_channels=report.channels))
    except DBAPIError:  # the version is in force: that the note is missing must not look as if it were not
        _log.exception("what version %s did could not be noted", version_id)


def publish_document(workspace: Workspace, document: object, *, strict: bool, **how: Any) -> Publication:
    """Publish a settings document (protocols/xano.md, "The settings"); its ``hash`` changes nothing.

    ``how`` are the arguments of :func:`publish`.

    Raises:
        InvalidInput: with every problem by its place; with ``strict`` unknown fields too.
        Conflict: another version than the expected one is in force.
    """
    parsed = check_document(document, strict=strict)
    return replace(publish(workspace, parsed.rules, **how), warnings=parsed.warnings)


def roll_back(workspace: Workspace, number: int, *, noted: Mapping[str, Any] | None = None, **how: Any) -> Publication:
    """Publish what an earlier version held, as a new version. ``how`` are the arguments of :func:`publish`.

    ``noted`` is what the audit log says besides.

    Raises:
        NotFound: there is no such version.
        Conflict: another version than the expected one is in force.
    """
    rules = rule_set(version(workspace, number))
    return publish(
        workspace, rules, edit=RuleEdit(Action.RULES_ROLLBACK, after={"restored": number, **(noted or {})}), **how
    )


def saving(rule: Rule, replaces: Target | None) -> Edit:
    """Add a rule, or put it in the place of the one that ``replaces`` names.

    The change raises InvalidInput if another rule has the target, and NotFound if there is no rule to replace.
    """

    def edit(before: RuleSet) -> tuple[RuleSet, RuleEdit]:
        rows = list(before.rules)
        if replaces is None:
            rows.append(rule)
            said = RuleEdit(Action.RULE_CREATE, after=rule_row(rule))
        else:
            index = _index(before, replaces)
            said = RuleEdit(Action.RULE_UPDATE, rule_row(rows[index]), rule_row(rule))
            rows[index] = rule
        return _with_rules(before, rows), said

    return edit


def deleting(target: Target) -> Edit:
    """Take a rule out. The change raises NotFound if it is not there."""

    def edit(before: RuleSet) -> tuple[RuleSet, RuleEdit]:
        rows = list(before.rules)
        removed = rows.pop(_index(before, target))
        return _with_rules(before, rows), RuleEdit(Action.RULE_DELETE, before=rule_row(removed))

    return edit


def switching(target: Target, enabled: bool) -> Edit:
    """Switch a rule on or off. The change raises NotFound if it is not there."""

    def edit(before: RuleSet) -> tuple[RuleSet, RuleEdit]:
        rows = list(before.rules)
        index = _index(before, target)
        said = RuleEdit(
            Action.RULE_ENABLE if enabled else Action.RULE_DISABLE,
            {"pattern": target.text, "wildcard": target.nested, "enabled": rows[index].enabled},
            {"pattern": target.text, "wildcard": target.nested, "enabled": enabled},
        )
        rows[index] = replace(rows[index], enabled=enabled)
        return _with_rules(before, rows), said

    return edit


def setting_switches(switches: Switches) -> Edit:
    """Set the workspace's switches."""

    def edit(before: RuleSet) -> tuple[RuleSet, RuleEdit]:
        names = list(Switches.__dataclass_fields__)
        was, will_be = ({name: getattr(s, name) for name in names} for s in (before.switches, switches))
        return RuleSet(before.rules, switches), RuleEdit(Action.RULES_PUBLISH, was, will_be)

    return edit


def check_size(rules: RuleSet) -> None:
    """Refuse more rules than a set may hold.

    Raises:
        InvalidInput: there are more.
    """
    if len(rules.rules) > RULES_MOST:
        raise InvalidInput({"channels": f"At most {RULES_MOST} rules."})


def change(workspace: Workspace, edit: Edit, *, expected_version: int | None = None, **how: Any) -> Publication:
    """Change the rules in force and publish what comes of it, without a draft.

    ``how`` are the further arguments of :func:`publish`.

    Raises:
        InvalidInput: the change can't be made.
        NotFound: the rule that it concerns is not there.
        Conflict: another version than the expected one is in force.
    """
    for attempt in range(ATTEMPTS):
        active = active_rules(workspace)
        expected = active.version if expected_version is None else expected_version
        if expected != active.version:
            raise _conflict(expected, active.version)
        rules, said = edit(active)
        try:
            return publish(workspace, rules, expected_version=expected, edit=said, **how)
        except Conflict:
            if expected_version is not None or attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _in_order(problems: list[Problem], document: object) -> list[Problem]:
    """Sort problems as their fields stand in the document; what is missing there comes last."""
    places: dict[str, int] = {}
    for name, value in document.items() if isinstance(document, dict) else ():
        places[str(name)] = len(places)
        for index, row in enumerate(value if name == "channels" and isinstance(value, list) else ()):
            path = f"channels[{index}]"
            places[path] = len(places)
            for field in row if isinstance(row, dict) else ():
                places[f"{path}.{field}"] = len(places)
            places[f"{path}.pattern"] = places.get(f"{path}.pattern", len(places))
    return sorted(problems, key=lambda problem: places.get(problem.path, len(places)))


def _conflict(expected: int, in_force: int) -> Conflict:
    return Conflict(
        {"version": f"Version {in_force} is in force, not {expected}: someone else has published in the meantime."}
    )


def _index(rules: RuleSet, target: Target) -> int:
    for index, rule in enumerate(rules.rules):
        if rule.target == target:
            return index
    raise NotFound({"pattern": f"There is no rule for `{target}`."})


def _with_rules(active: RuleSet, rows: list[Rule]) -> RuleSet:
    try:
        return RuleSet(tuple(rows), active.switches)
    except DuplicateTargetError as error:
        raise InvalidInput({"pattern": str(error)}) from None
