"""Rules, documents and names that several tests use."""

from typing import Any

from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import parse_target

BY: dict[str, Any] = {"author": "ada", "source": "web"}


def rule(text: str, *permissions: Permission, nested: bool = False, **fields: Any) -> Rule:
    return Rule(parse_target(text, nested), frozenset(permissions), **fields)


def rules(*targets: str) -> RuleSet:
    return RuleSet(tuple(rule(target) for target in targets))


def document(*patterns: str) -> dict[str, Any]:
    return {"enabled": True, "hash": "", "channels": [{"pattern": pattern} for pattern in patterns]}
