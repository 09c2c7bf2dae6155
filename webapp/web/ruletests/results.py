"""How the tests stand: with what is in force, and with the draft."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.ruleset import RuleSet
from ...models import RuleTest
from ...models.workspace import Workspace
from ...services import drafts, rules, ruletests
from ...services.ruletests import Outcome, Spec

PAGE = 50


@dataclass(frozen=True, slots=True)
class Result:
    """A test with what is decided by the rules in force and, where there is one, by the draft."""

    test: RuleTest
    active: Outcome[RuleTest]
    draft: Outcome[RuleTest] | None

    @property
    def passed(self) -> bool:
        """Whether it holds wherever it was run."""
        return self.active.passed and (self.draft is None or self.draft.passed)


@dataclass(frozen=True, slots=True)
class Results:
    """All tests, those that fail first. ``draft_base`` is the version that the draft was begun from, None without."""

    all: tuple[Result, ...]
    version: int
    draft_base: int | None

    @property
    def failing_active(self) -> int:
        return sum(not result.active.passed for result in self.all)

    @property
    def failing_draft(self) -> int:
        return sum(result.draft is not None and not result.draft.passed for result in self.all)

    @property
    def failing(self) -> int:
        return sum(not result.passed for result in self.all)


@dataclass(frozen=True, slots=True)
class Shown:
    """One page of the tests that were looked for."""

    results: tuple[Result, ...]
    found: int
    number: int

    @property
    def pages(self) -> int:
        return max(-(-self.found // PAGE), 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one set of rules decides on a test that is being written."""

    title: str
    outcome: Outcome[Spec]


def results(workspace: Workspace) -> Results:
    """Run all tests of a workspace."""
    tests = ruletests.list_all(workspace)
    active, draft = _rule_sets(workspace)
    now = ruletests.run_given(workspace, active, tests)
    then: Sequence[Outcome[RuleTest] | None] = (
        [None] * len(tests) if draft is None else ruletests.run_given(workspace, draft, tests)
    )
    rows = [Result(test, in_force, drafted) for test, in_force, drafted in zip(tests, now, then)]
    rows.sort(key=lambda result: result.passed)
    return Results(tuple(rows), active.version, draft.version if draft is not None else None)


def shown(found: Results, wanted: str, failing_only: bool, number: int) -> Shown:
    """Choose a page of the tests whose name or channel holds ``wanted``."""
    word = wanted.casefold()
    rows = [
        result
        for result in found.all
        if (word in result.test.name.casefold() or word in result.test.channel.casefold())
        and not (failing_only and result.passed)
    ]
    last = max(-(-len(rows) // PAGE), 1)
    number = min(max(number, 1), last)
    return Shown(tuple(rows[(number - 1) * PAGE : number * PAGE]), len(rows), number)


def answers(workspace: Workspace, spec: Spec) -> list[Answer]:
    """Say what the rules in force, and the draft, decide on a test that is not saved yet."""
    active, draft = _rule_sets(workspace)
    sets = [(f"In force, version {active.version}", active)] + ([("In the draft", draft)] if draft is not None else [])
    return [Answer(title, ruletests.run_given(workspace, rule_set, [spec])[0]) for title, rule_set in sets]


def _rule_sets(workspace: Workspace) -> tuple[RuleSet, RuleSet | None]:
    draft = drafts.current(workspace)
    return rules.active_rules(workspace), draft.rules if draft is not None else None
