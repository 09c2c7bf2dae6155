"""Rule sets as JSON, in Xano's own field names (protocols/xano.md, "The settings").

``parse_document`` reports every problem at the place it came from; ``write_document`` is its inverse:
``parse_document(write_document(rules)).rules`` equals the rules it was given.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .permissions import HISTORY_DEPTHS, Permission
from .problems import Problem
from .ruleset import DuplicateTargetError, Rule, RuleSet, Switches
from .targets import Target, TargetError, parse_target
from .triggers import read_triggers, trigger_row

_SWITCHES = tuple(f.name for f in fields(Switches))
_TOP_LEVEL = {"channels", "hash", *_SWITCHES}
_RULE_FIELDS = {"pattern", "wildcard", "enabled", "description", "history", "history_events", "triggers"}
_RULE_FIELDS |= set(map(str, Permission))
DESCRIPTION_MAX_LENGTH = 2000
_SURROGATE = re.compile("[\ud800-\udfff]")  # which no page and no frame can carry


class DocumentError(ValueError):
    """A settings document that can't be taken in; nothing of it was."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Parsed:
    """A rule set that was read, and the fields that were passed over because nothing here knows them."""

    rules: RuleSet
    warnings: tuple[Problem, ...] = ()


def parse_document(document: object, version: int = 0) -> Parsed:
    """Read a settings document.

    Raises:
        DocumentError: with every problem found: wrong types, bad or doubled targets, unknown history depths.
    """
    if not isinstance(document, Mapping):
        raise DocumentError([Problem("", "Expected an object with `channels`.")])
    problems: list[Problem] = []
    warnings = [Problem(_shown(name), "Unknown field, passed over.") for name in document if name not in _TOP_LEVEL]
    switches = {name: _boolean(document, name, "", problems, default=name == "enabled") for name in _SWITCHES}
    if document.get("hash") is not None and not isinstance(document["hash"], str):
        problems.append(Problem("hash", "Expected a string."))
    rows = document.get("channels")
    if not isinstance(rows, list):
        problems.append(Problem("channels", "Expected a list of channel settings."))
        rows = []
    read = [_rule(row, f"channels[{index}]", problems, warnings) for index, row in enumerate(rows)]
    seen: set[Target] = set()
    for index, rule in enumerate(read):
        if rule is not None and rule.target in seen:
            problems.append(Problem(f"channels[{index}].pattern", str(DuplicateTargetError(rule.target, index))))
        elif rule is not None:
            seen.add(rule.target)
    if problems:
        raise DocumentError(problems)
    rules = tuple(rule for rule in read if rule is not None)
    return Parsed(RuleSet(rules, Switches(**switches), version), tuple(warnings))


def write_document(rules: RuleSet, canonical: str = "") -> dict[str, Any]:
    """Write a rule set as the document that Xano's settings page would export, with our switches beside it."""
    return {
        "enabled": rules.switches.enabled,
        "hash": canonical,
        **{name: getattr(rules.switches, name) for name in _SWITCHES if name != "enabled"},
        "channels": [rule_row(rule) for rule in rules.rules],
    }


def rule_row(rule: Rule) -> dict[str, Any]:
    """Write one rule as a row of the document's ``channels``."""
    return {
        "pattern": rule.target.text,
        "wildcard": rule.target.nested,
        "enabled": rule.enabled,
        "description": rule.description,
        "history": rule.history,
        "history_events": rule.history_events,
        **{str(permission): rule.has(permission) for permission in Permission},
        "triggers": [trigger_row(trigger) for trigger in rule.triggers],
    }


def _rule(row: object, path: str, problems: list[Problem], warnings: list[Problem]) -> Rule | None:
    if not isinstance(row, Mapping):
        problems.append(Problem(path, "Expected an object."))
        return None
    unknown = [name for name in row if name not in _RULE_FIELDS]
    warnings += [Problem(f"{path}.{_shown(name)}", "Unknown field, passed over.") for name in unknown]
    before = len(problems)
    nested = _boolean(row, "wildcard", path, problems)
    enabled = _boolean(row, "enabled", path, problems, default=True)
    history_events = _boolean(row, "history_events", path, problems)
    permissions = frozenset(p for p in Permission if _boolean(row, str(p), path, problems))
    description = row.get("description")
    if description is None:
        description = ""
    if not isinstance(description, str):
        problems.append(Problem(f"{path}.description", "Expected a string."))
    elif len(description) > DESCRIPTION_MAX_LENGTH:
        problems.append(Problem(f"{path}.description", f"At most {DESCRIPTION_MAX_LENGTH} characters."))
    elif _SURROGATE.search(description):
        problems.append(Problem(f"{path}.description", "Holds half of a surrogate pair."))
    history = row.get("history")
    if history is None:
        history = 0
    if type(history) is not int or history not in HISTORY_DEPTHS:
        depths = ", ".join(map(str, HISTORY_DEPTHS))
        problems.append(Problem(f"{path}.history", f"Expected one of {depths}."))
    triggers = read_triggers(row.get("triggers"), f"{path}.triggers", problems, warnings)
    target = None
    pattern = row.get("pattern")
    if not isinstance(pattern, str):
        problems.append(Problem(f"{path}.pattern", "Expected a channel name or pattern."))
    else:
        try:
            target = parse_target(pattern, nested)
        except TargetError as error:
            problems.append(Problem(f"{path}.pattern", str(error)))
    if target is None or len(problems) > before:
        return None
    return Rule(target, permissions, enabled, description, history, history_events, triggers)


def _shown(name: object) -> str:
    """Write a name that somebody chose so that every page can carry it."""
    return str(name).encode("utf-8", "replace").decode()


def _boolean(row: Mapping[str, Any], name: str, path: str, problems: list[Problem], default: bool = False) -> bool:
    value = row.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        problems.append(Problem(f"{path}.{name}" if path else name, "Expected true or false."))
        return default
    return value
