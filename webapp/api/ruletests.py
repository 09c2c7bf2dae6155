"""Saved tests of rules: listing, writing, deleting, and running them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from flask import Response
from msgspec import UNSET, Meta, UnsetType

from ..core.decision import Decision
from ..core.ruleset import RuleSet
from ..models import RuleTest, Scope
from ..services import decisions, drafts, rules, ruletests
from .decide import OPERATIONS
from .errors import ErrorCode, answer
from .routes import Call, Nothing, route
from .rules import BODY_MOST, RulesDocument

TestName = Annotated[str, Meta(description="A sentence that says what must hold; without one it is made.")]
TestIdentity = Annotated[
    dict[str, Any] | None, Meta(description="Who asks: the claims of a token; `null`: an anonymous client.")
]
TestOperation = Annotated[str, Meta(description="What is asked for.", extra_json_schema={"enum": list(OPERATIONS)})]
TestAllowed = Annotated[bool, Meta(description="What must be decided.")]


class RuleTestIn(msgspec.Struct, forbid_unknown_fields=True):
    """Who may, or may not, do what, and where."""

    channel: str
    operation: TestOperation
    allowed: TestAllowed
    identity: TestIdentity = None
    name: TestName = ""


class RuleTestOut(msgspec.Struct):
    """A saved test."""

    id: int
    name: str
    channel: str
    operation: str
    identity: dict[str, Any] | None
    allowed: bool
    created_by: str
    created_at: datetime


class RuleTestsOut(msgspec.Struct):
    tests: list[RuleTestOut]


class RuleTestDeletedOut(msgspec.Struct):
    """The test that is gone."""

    id: int
    name: str


class Against(StrEnum):
    """Which rules tests are run against."""

    ACTIVE = "active"
    DRAFT = "draft"


class RunIn(msgspec.Struct, forbid_unknown_fields=True):
    """What the tests are held against, and which."""

    against: Annotated[Against, Meta(description="The rules in force, or those of the draft.")] = Against.ACTIVE
    rules: Annotated[RulesDocument, Meta(description="These rules instead, which are not published.")] | UnsetType = (
        UNSET
    )
    tests: Annotated[list[RuleTestIn], Meta(description="These tests instead of the saved ones.")] | UnsetType = UNSET


class RunOutcomeOut(msgspec.Struct):
    """What became of a test, and the step that decided."""

    name: str
    passed: bool
    expected: bool
    allowed: bool
    code: str | None
    rule: Annotated[str | None, Meta(description="The target of the rule that decided.")]
    sentence: str


class RunOut(msgspec.Struct):
    """How the tests stand; those that fail come first."""

    passed: Annotated[bool, Meta(description="Whether all hold.")]
    failed: int
    outcomes: list[RunOutcomeOut]


@route("GET", "/tests", Scope.READ, Scope.RULES, summary="List the saved rule tests", answer=RuleTestsOut)
def list_rule_tests(call: Call[Nothing, Nothing]) -> RuleTestsOut:
    """Oldest first."""
    return RuleTestsOut([_test(test) for test in ruletests.list_all(call.workspace)])


@route(
    "POST",
    "/tests",
    Scope.RULES,
    summary="Save a rule test",
    answer=RuleTestOut,
    status=201,
    body=RuleTestIn,
    errors=(ErrorCode.CONFLICT,),
)
def save_rule_test(call: Call[RuleTestIn, Nothing]) -> RuleTestOut:
    """Every draft is held against it from then on. 409 where there are 1,000 already."""
    return _test(ruletests.create(call.workspace, **msgspec.structs.asdict(call.body), **call.authorship))


@route("DELETE", "/tests/{test_id}", Scope.RULES, summary="Delete a rule test", answer=RuleTestDeletedOut)
def delete_rule_test(call: Call[Nothing, Nothing]) -> RuleTestDeletedOut:
    """404 if the workspace has no such test."""
    test = ruletests.delete(call.workspace, int(call.names["test_id"]), **call.authorship)
    return RuleTestDeletedOut(test.id, test.name)


@route(
    "POST",
    "/tests/run",
    Scope.READ,
    Scope.RULES,
    summary="Run rule tests",
    answer=RunOut,
    body=RunIn,
    body_most=lambda: BODY_MOST,
)
def run_rule_tests(call: Call[RunIn, Nothing]) -> Response:
    """The same function decides for real traffic. Neither rules nor tests are changed. With an empty object, the
    saved tests are run on the rules in force. The status is 200 also if a test fails."""
    body = call.body
    against = _rules(call, body)
    if body.tests is not UNSET:
        specs = ruletests.read_specs([msgspec.structs.asdict(test) for test in body.tests])
        outcomes = [
            (o.test.name, o.test.allowed, o.decision) for o in ruletests.run_given(call.workspace, against, specs)
        ]
    else:
        outcomes = [(o.test.name, o.test.allowed, o.decision) for o in ruletests.run(call.workspace, against)]
    told = sorted((_outcome(*outcome) for outcome in outcomes), key=lambda outcome: outcome.passed)
    failed = sum(not outcome.passed for outcome in told)
    return answer(RunOut(not failed, failed, told))


def _rules(call: Call[RunIn, Nothing], body: RunIn) -> RuleSet:
    if body.rules is not UNSET:
        return rules.check_document(msgspec.to_builtins(body.rules), strict=True).rules
    return drafts.working_rules(call.workspace) if body.against is Against.DRAFT else rules.active_rules(call.workspace)


def _outcome(name: str, expected: bool, decision: Decision) -> RunOutcomeOut:
    return RunOutcomeOut(
        name=name,
        passed=decision.allowed == expected,
        expected=expected,
        allowed=decision.allowed,
        code=decision.code.value if decision.code is not None else None,
        rule=decision.rule.target.text if decision.rule is not None else None,
        sentence=decisions.deciding_step(decision).sentence,
    )


def _test(test: RuleTest) -> RuleTestOut:
    return RuleTestOut(test.id, **ruletests.row(test), created_by=test.created_by, created_at=test.created_at)
