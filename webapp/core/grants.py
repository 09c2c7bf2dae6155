"""Token grants: what Access Manager tokens allow on channels, groups and users.

The shape is PubNub's: ``{"resources": {"channels": {name: [permission, …]}, "groups": …, "uuids": …},
"patterns": {…}}``. A resource entry for a name decides alone; patterns are asked only where there is none.
Patterns are RE2 (linear time), searched unanchored, without capturing groups (protocols/pubnub.md §3.4).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import re2

from .permissions import GrantPermission

KINDS = ("channels", "groups", "uuids")
PATTERNS_MOST = 100
PATTERN_MOST = 500
"""Characters of a pattern."""
PATTERN_MEMORY = 64 * 1024
"""Bytes that a compiled pattern may take. Whoever sends a token chooses its patterns, and the loop compiles them."""

PermissionSet = frozenset[GrantPermission]


class GrantError(ValueError):
    """A ``grants`` claim that can't be read; the message names the place."""


@dataclass(frozen=True, slots=True)
class GrantAnswer:
    """Whether a grant allows something, and the entry that decided (None: no entry speaks of the name)."""

    allowed: bool
    entry: str | None
    is_pattern: bool = False


@dataclass(frozen=True, slots=True)
class Grants:
    """An access list. Hashable, so that all clients with the same list share their compiled rights."""

    resources: tuple[tuple[str, str, PermissionSet], ...] = ()
    patterns: tuple[tuple[str, str, PermissionSet], ...] = ()
    _exact: dict[tuple[str, str], PermissionSet] = field(init=False, repr=False, compare=False)
    _compiled: tuple[tuple[str, str, Any, PermissionSet], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_exact", {(kind, name): held for kind, name, held in self.resources})
        object.__setattr__(
            self, "_compiled", tuple((kind, text, _compile(text), held) for kind, text, held in self.patterns)
        )

    def ask(self, kind: str, name: str, permission: GrantPermission) -> GrantAnswer:
        """Say whether ``permission`` is granted on ``name`` of ``kind`` (channels, groups, uuids)."""
        held = self._exact.get((kind, name))
        if held is not None:
            return GrantAnswer(permission in held, name)
        matched: str | None = None
        for pattern_kind, text, pattern, held in self._compiled:
            if pattern_kind == kind and pattern.search(name):
                if permission in held:
                    return GrantAnswer(True, text, is_pattern=True)
                matched = matched or text
        return GrantAnswer(False, matched, is_pattern=matched is not None)


def _compile(text: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY
    try:
        pattern = re2.compile(text, options)
    except UnicodeEncodeError:
        raise GrantError("grants.patterns: a pattern holds half of a surrogate pair.") from None
    except re2.error as error:
        detail = error.args[0] if error.args else "not a regular expression"
        if isinstance(detail, bytes):
            detail = detail.decode("utf-8", "replace")
        raise GrantError(f"grants.patterns: `{text}` is not an RE2 pattern: {detail}") from None
    if pattern.groups:
        raise GrantError(f"grants.patterns: `{text}` has a capturing group; write `(?:` instead of `(`.")
    return pattern


def parse_grants(claim: object) -> Grants:
    """Read the ``grants`` claim of a token.

    Each entry maps a name to a list of permission names, or to an object of name → bool.

    Raises:
        GrantError: wrong types, unknown kinds or permissions, patterns that are not RE2.
    """
    if not isinstance(claim, Mapping):
        raise GrantError("grants: expected an object with `resources` and `patterns`.")
    unknown = set(claim) - {"resources", "patterns"}
    if unknown:
        raise GrantError(f"grants: unknown field `{min(map(str, unknown))}`; known are `resources` and `patterns`.")
    patterns = tuple(_entries(claim.get("patterns"), "grants.patterns"))
    if len(patterns) > PATTERNS_MOST:
        raise GrantError(f"grants.patterns: {len(patterns)} patterns; at most {PATTERNS_MOST}.")
    for kind, text, _ in patterns:
        if len(text) > PATTERN_MOST:
            raise GrantError(f"grants.patterns.{kind}: a pattern of {len(text)} characters; at most {PATTERN_MOST}.")
    return Grants(tuple(_entries(claim.get("resources"), "grants.resources")), patterns)


def _entries(section: object, place: str) -> Iterable[tuple[str, str, PermissionSet]]:
    if section is None:
        return
    if not isinstance(section, Mapping):
        raise GrantError(f"{place}: expected an object.")
    for kind, names in section.items():
        if kind not in KINDS:
            raise GrantError(f"{place}: unknown kind `{kind}`; known are {', '.join(KINDS)}.")
        if not isinstance(names, Mapping):
            raise GrantError(f"{place}.{kind}: expected an object of name → permissions.")
        for name, held in names.items():
            yield kind, str(name), _permission_set(held, f"{place}.{kind}.{name}")


def _permission_set(held: object, place: str) -> PermissionSet:
    if isinstance(held, Mapping):
        if not all(isinstance(value, bool) for value in held.values()):
            raise GrantError(f"{place}: each permission is true or false.")
        held = [name for name, value in held.items() if value]
    if not isinstance(held, list | tuple):
        raise GrantError(f"{place}: expected a list of permissions.")
    try:
        return frozenset(GrantPermission(name) for name in held)
    except ValueError:
        known = ", ".join(GrantPermission)
        raise GrantError(f"{place}: unknown permission; known are {known}.") from None


def grants_document(grants: Grants) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Write grants as the claim that :func:`parse_grants` reads."""
    document: dict[str, dict[str, dict[str, list[str]]]] = {}
    for section, entries in (("resources", grants.resources), ("patterns", grants.patterns)):
        for kind, name, held in entries:
            document.setdefault(section, {}).setdefault(kind, {})[name] = sorted(held)
    return document
