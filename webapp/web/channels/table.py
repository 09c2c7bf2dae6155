"""The table of rules: what the draft changes, search, filters, order, pages, and what an inactive rule means."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from itertools import islice
from typing import Self, TypeVar

from ...core.permissions import Permission
from ...core.ruleset import Rule, RuleSet, shadowed_by_inactive
from ...core.targets import Target
from ...services.changes import field_changes
from ..wording import field_name
from .live import Live

E = TypeVar("E", bound=StrEnum)

ROWS = 50
"""Rules on one page."""
HEIRS_NAMED = 3
"""Rules named of those that decide where an inactive one does not."""


class Mark(StrEnum):
    """What the draft does to a rule."""

    SAME = "same"
    NEW = "new"
    CHANGED = "changed"
    DELETED = "deleted"


class Status(StrEnum):
    """Which rules the table shows."""

    ALL = ""
    ACTIVE = "active"
    INACTIVE = "inactive"
    DRAFT = "draft"


class Sort(StrEnum):
    """In which order: as they were arranged, or by what a column says."""

    ARRANGED = ""
    TARGET = "target"
    HISTORY = "history"
    CLIENTS = "clients"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Row:
    """A rule with what the draft does to it. ``was`` is the rule before the draft, None for a new one."""

    rule: Rule
    mark: Mark = Mark.SAME
    was: Rule | None = None

    @property
    def says(self) -> str:
        """What the draft does, in words."""
        if self.mark is not Mark.CHANGED:
            return f"{self.mark} in the draft"
        if self.only_switched:
            return f"switched {'on' if self.rule.enabled else 'off'} in the draft"
        names = (field_name(change.name).lower() for change in field_changes(self.was, self.rule))
        return f"changed in the draft: {', '.join(names)}"

    @property
    def is_switched(self) -> bool:
        """Whether the draft switches a rule on or off that is there already."""
        return self.mark is Mark.CHANGED and self.was is not None and self.was.enabled != self.rule.enabled

    @property
    def only_switched(self) -> bool:
        return self.is_switched and self.was is not None and replace(self.was, enabled=self.rule.enabled) == self.rule


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks of the table. Unknown values are as if they were not there."""

    q: str = ""
    status: Status = Status.ALL
    permission: Permission | None = None
    sort: Sort = Sort.ARRANGED
    down: bool = False
    page: int = 1

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Self:
        sort = arguments.get("sort", "")
        page = arguments.get("page", "")
        return cls(
            q=arguments.get("q", "").strip()[:400],
            status=_member(Status, arguments.get("status", "")) or Status.ALL,
            permission=_member(Permission, arguments.get("permission", "")),
            sort=_member(Sort, sort.removeprefix("-")) or Sort.ARRANGED,
            down=sort.startswith("-"),
            page=min(int(page), 1_000_000) if page.isascii() and page.isdecimal() and len(page) < 8 else 1,
        )

    def arguments(self, **changed: object) -> dict[str, str]:
        """Write the query for an address, without what it leaves open; any change but of the page begins at page 1."""
        asked = replace(self, **({} if "page" in changed else {"page": 1}), **changed)  # type: ignore[arg-type]
        sort = f"-{asked.sort}" if asked.sort and asked.down else str(asked.sort)
        values = {"q": asked.q, "status": asked.status, "permission": asked.permission or "", "sort": sort}
        return {name: str(value) for name, value in values.items() if value} | (
            {"page": str(asked.page)} if asked.page > 1 else {}
        )

    def sorted_by(self, sort: Sort) -> dict[str, str]:
        """The address of a column's heading: numbers the largest first, and the other way round the second time."""
        down = not self.down if self.sort is sort else sort is not Sort.TARGET
        return self.arguments(sort=sort, down=down)

    @property
    def narrows(self) -> bool:
        return bool(self.q or self.status or self.permission)


@dataclass(frozen=True, slots=True)
class Table:
    """One page of the rules that a query asks for."""

    query: Query
    rows: list[Row]
    matching: int
    total: int
    pages: int
    heirs: dict[Target, list[Target]] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return (self.query.page - 1) * ROWS + 1


def table(working: RuleSet, before: RuleSet | None, query: Query, live: Mapping[Target, Live] | None) -> Table:
    """Make the page of the table that ``query`` asks for.

    Args:
        working: the rules to show.
        before: what a draft was begun from; None where there is no draft.
        query: what is asked for.
        live: what is going on, by rule in force.
    """
    all_rows = _rows(before if before is not None else working, working)
    found = [row for row in all_rows if _asked_for(row, query)]
    if query.sort is not Sort.ARRANGED:
        found.sort(key=lambda row: _place(row, query.sort, live or {}), reverse=query.down)
    pages = max(1, -(-len(found) // ROWS))
    query = replace(query, page=min(max(query.page, 1), pages))
    shown = found[(query.page - 1) * ROWS : query.page * ROWS]
    heirs = {row.rule.target: _heirs(working, row.rule) for row in shown if row.mark is not Mark.DELETED}
    return Table(query, shown, len(found), len(working.rules), pages, {t: h for t, h in heirs.items() if h})


def key_of(target: Target) -> str:
    """A short name of a target that an element's id can hold."""
    return sha256(f"{target.nested} {target.text}".encode()).hexdigest()[:12]


@lru_cache(maxsize=16)
def _rows(before: RuleSet, working: RuleSet) -> tuple[Row, ...]:
    """All rules with what became of them; a deleted one stands where it stood."""
    if before is working:
        return tuple(Row(rule, was=rule) for rule in working.rules)
    old = {rule.target: rule for rule in before.rules}
    rows = [_row(rule, old.get(rule.target)) for rule in working.rules]
    kept = {rule.target for rule in working.rules}
    for index, rule in enumerate(before.rules):
        if rule.target not in kept:
            rows.insert(min(index, len(rows)), Row(rule, Mark.DELETED, rule))
    return tuple(rows)


def _row(rule: Rule, was: Rule | None) -> Row:
    if was is None:
        return Row(rule, Mark.NEW)
    return Row(rule, Mark.SAME if was == rule else Mark.CHANGED, was)


def _asked_for(row: Row, query: Query) -> bool:
    rule = row.rule
    if query.q and query.q.lower() not in rule.target.text.lower() and query.q.lower() not in rule.description.lower():
        return False
    if query.permission is not None and query.permission not in rule.permissions:
        return False
    if query.status is Status.DRAFT:
        return row.mark is not Mark.SAME
    if query.status in (Status.ACTIVE, Status.INACTIVE):
        return rule.enabled == (query.status is Status.ACTIVE) and row.mark is not Mark.DELETED
    return True


def _place(row: Row, sort: Sort, live: Mapping[Target, Live]) -> tuple[float, str]:
    rule = row.rule
    if sort is Sort.TARGET:
        return 0, rule.target.text
    if sort is Sort.HISTORY:
        return rule.history, ""
    here = live.get(rule.target)
    if here is None:
        return 0, ""
    return (here.members if sort is Sort.CLIENTS else here.rate or 0), ""


@lru_cache(maxsize=4096)
def _heirs(rules: RuleSet, rule: Rule) -> list[Target]:
    """The first of the broader active rules that decide where ``rule``, being inactive, does not."""
    if rule.enabled:
        return []
    found = (heir for broader in _near(rules, rule.target) for heir in shadowed_by_inactive((broader,), rule))
    return [heir.target for heir in islice(found, HEIRS_NAMED + 1)]


def _near(rules: RuleSet, target: Target) -> Iterator[Rule]:
    """The active patterns that may overlap: those with the same two first segments, as far as these are names."""
    first, second = (*target.segments, "*")[:2]
    for beginning, group in _by_beginning(rules).items():
        if first == "*" or beginning in (first, "*"):
            for following in group if second == "*" else (second, "*"):
                yield from group.get(following, ())


@lru_cache(maxsize=16)
def _by_beginning(rules: RuleSet) -> dict[str, dict[str, list[Rule]]]:
    """The active patterns by their first two segments; where there is one only, it stands for all that follows."""
    found: dict[str, dict[str, list[Rule]]] = {}
    for rule in rules.rules:
        if rule.enabled and rule.target.nested:
            first, second = (*rule.target.segments, "*")[:2]
            found.setdefault(first, {}).setdefault(second, []).append(rule)
    return found


def _member(kind: type[E], value: str) -> E | None:
    return kind(value) if value in list(kind) else None
