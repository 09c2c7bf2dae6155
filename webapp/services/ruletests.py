"""Saved tests of rules: who may, or may not, do what; drafts are held against all of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from ..core.actors import ANONYMOUS, Actor, ClaimError, actor_from_claims
from ..core.decision import Decision
from ..core.ruleset import RuleSet
from ..core.targets import channel_problem
from ..models import Action, RuleTest, Source, Workspace
from . import audit, decisions
from .errors import Conflict, InvalidInput, NotFound
from .texts import checked_name
from .transactions import locked, reading, writing

TESTS_MOST = 1000
IDENTITY_MOST = 16 * 1024
"""Bytes of claims that a test may hold."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test: it passes if the decision is the one that it expects."""

    test: RuleTest
    decision: Decision

    @property
    def passed(self) -> bool:
        return self.decision.allowed == self.test.allowed


def list_all(workspace: Workspace) -> list[RuleTest]:
    """List a workspace's tests, oldest first."""
    with reading() as session:
        return list(
            session.scalars(select(RuleTest).where(RuleTest.workspace_id == workspace.id).order_by(RuleTest.id))
        )


def actor_of(identity: Any) -> Actor:
    """Make the actor that a test speaks of: the claims of a token, or None for an anonymous client.

    Raises:
        InvalidInput: claims that no client could have.
    """
    if identity is None:
        return ANONYMOUS
    if not isinstance(identity, dict):
        raise InvalidInput({"identity": "Expected a JSON object of claims."})
    try:
        return actor_from_claims(identity)
    except ClaimError as error:
        raise InvalidInput({"identity": str(error)}) from None


def create(
    workspace: Workspace,
    *,
    name: str,
    channel: str,
    operation: str,
    identity: dict[str, Any] | None,
    allowed: bool,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> RuleTest:
    """Save a test.

    Args:
        workspace: whose rules it tests.
        name: a sentence that says what must hold.
        channel: where.
        operation: what is asked for, one of ``decisions.OPERATIONS``.
        identity: who asks: the claims of a token, None for an anonymous client.
        allowed: what must be decided.
        author: who saves it.
        source: where from.
        address: the author's network address.

    Raises:
        InvalidInput: a field that can't be taken.
        Conflict: there are too many.
    """
    name = checked_name(name, most=200)
    problem = channel_problem(channel)
    if problem is not None:
        raise InvalidInput({"channel": problem})
    if operation not in decisions.OPERATIONS:
        raise InvalidInput({"operation": f"Expected one of {', '.join(decisions.OPERATIONS)}."})
    if len(json.dumps(identity)) > IDENTITY_MOST:
        raise InvalidInput({"identity": f"At most {IDENTITY_MOST} bytes of claims."})
    actor_of(identity)
    test = RuleTest(
        workspace_id=workspace.id,
        name=name,
        channel=channel,
        operation=operation,
        identity=identity,
        allowed=allowed,
        created_by=author[:200],
    )
    with writing() as session:
        locked(session, workspace.id)
        count = session.scalar(select(func.count()).where(RuleTest.workspace_id == workspace.id)) or 0
        if count >= TESTS_MOST:
            raise Conflict({"name": f"At most {TESTS_MOST} tests."})
        session.add(test)
        session.flush()
        audit.record(
            session,
            Action.TEST_CREATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            after=row(test),
            address=address,
        )
    return test


def delete(
    workspace: Workspace, test_id: int, *, author: str, source: Source | str, address: str | None = None
) -> RuleTest:
    """Delete a test.

    Raises:
        NotFound: the workspace has no such test.
    """
    with writing() as session:
        test: RuleTest | None = session.get(RuleTest, test_id)
        if test is None or test.workspace_id != workspace.id:
            raise NotFound({"test": "There is no such test."})
        session.delete(test)
        audit.record(
            session,
            Action.TEST_DELETE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=row(test),
            address=address,
        )
    return test


def run(workspace: Workspace, rules: RuleSet, tests: Sequence[RuleTest] | None = None) -> list[Outcome]:
    """Hold a rule set against the workspace's tests, or against given ones; the judge is that of live traffic."""
    return [
        Outcome(test, decisions.decide(workspace, test.channel, test.operation, actor_of(test.identity), rules))
        for test in (list_all(workspace) if tests is None else tests)
    ]


def row(test: RuleTest) -> dict[str, Any]:
    """Write a test as JSON."""
    return {
        "name": test.name,
        "channel": test.channel,
        "operation": test.operation,
        "identity": test.identity,
        "allowed": test.allowed,
    }
