"""Saved tests of rules: who may, or may not, do what; drafts are held against all of them."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any, Generic, TypeVar

import gevent
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ..core.actors import ANONYMOUS, Actor, ClaimError, actor_from_claims
from ..core.decision import Decision
from ..core.ruleset import RuleSet
from ..core.targets import channel_problem
from ..models import Action, RuleTest, Source, Workspace
from ..triggers.turns import PAUSE
from . import audit, decisions
from .errors import Conflict, InvalidInput, NotFound
from .texts import checked_name
from .transactions import locked, reading, writing

TESTS_MOST = 1000
SLICE = 0.004
"""Seconds of deciding before others get a turn of the loop."""
NAME_MOST = 200
IDENTITY_MOST = 16 * 1024
"""Bytes of claims that a test may hold."""
WHO_MOST = 80
AUDITED_MOST = 100
"""Names of tests that an audit entry lists."""
REQUIRED = ("channel", "operation", "allowed")
FIELDS = ("name", "channel", "operation", "identity", "allowed")
WORDS = {
    "join": "join",
    "send": "send to",
    "send_public": "send public in",
    "receive_public": "receive public in",
    "send_authenticated": "send authenticated in",
    "receive_authenticated": "receive authenticated in",
    "send_private": "send private in",
    "receive_private": "receive private in",
    "receive_event": "receive events in",
    "in_presence": "be seen in",
    "sees_presence": "see presence in",
    "read_history": "read the history of",
}
"""What is asked for, as it stands between "may" and the channel."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


class TestsFail(Conflict):
    """Rules fail saved tests, and no reason was given to publish them all the same."""

    def __init__(self, failed: int) -> None:
        tests = "1 saved test fails" if failed == 1 else f"{failed} saved tests fail"
        super().__init__({"override": f"{tests}. Say why it is published all the same, or change the rules."})
        self.failed = failed


@dataclass(frozen=True, slots=True)
class Spec:
    """A test as somebody writes it, checked. ``identity`` holds the claims of a token, None for an anonymous client."""

    name: str
    channel: str
    operation: str
    identity: dict[str, Any] | None
    allowed: bool


T = TypeVar("T", RuleTest, Spec)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of a test: it passes if the decision is the one that it expects."""

    test: T
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


def proposed_name(channel: str, operation: str, identity: Any, allowed: bool) -> str:
    """Say in a sentence what a test holds: "bob (role=guest) may not send public in `moderated-chat/x`"."""
    words = f"{named(identity)} {'may' if allowed else 'may not'} {WORDS.get(operation, operation)}"
    left = max(NAME_MOST - len(words) - len(" ``"), 20)
    shown = channel if len(channel) <= left else channel[: left - 1] + "…"
    return checked_name(f"{words[: NAME_MOST - len(shown) - 3]} `{shown}`", most=NAME_MOST)


def named(identity: Any) -> str:
    """Name who asks, as a test's sentence begins."""
    if identity is None:
        return "anonymous"
    actor = actor_of(identity)
    user = actor.user_id if actor.user_id is not None else "someone with a token"
    extras = ", ".join(f"{name}={value}" for name, value in actor.extras.items() if not isinstance(value, dict | list))
    narrowed = ["a narrowed token"] if actor.kind.narrowed else []
    about = "; ".join([*([extras] if extras else []), *narrowed])
    words = _CONTROL.sub(" ", f"{user} ({about})" if about else user)
    return words if len(words) <= WHO_MOST else words[: WHO_MOST - 1] + "…"


def checked(*, name: str, channel: object, operation: object, identity: object, allowed: object) -> Spec:
    """Check what somebody wrote; without a name the test is named for what it holds.

    Raises:
        InvalidInput: with every field that can't be taken.
    """
    problems: dict[str, str] = {}
    problem = channel_problem(channel) if isinstance(channel, str) else "Expected a text."
    if problem is not None:
        problems["channel"] = problem
    if operation not in decisions.OPERATIONS:
        problems["operation"] = f"Expected one of {', '.join(decisions.OPERATIONS)}."
    if not isinstance(allowed, bool):
        problems["allowed"] = "Expected true or false."
    problems |= _identity_problem(identity)
    if name or problems:
        try:
            name = checked_name(name, most=NAME_MOST) if name else ""
        except InvalidInput as error:
            problems |= error.problems
    if problems:
        raise InvalidInput(problems)
    assert isinstance(channel, str)
    assert isinstance(operation, str)
    assert isinstance(allowed, bool)
    assert identity is None or isinstance(identity, dict)
    return Spec(name or proposed_name(channel, operation, identity, allowed), channel, operation, identity, allowed)


def read_specs(document: object) -> list[Spec]:
    """Read a list of tests, as a file holds them: ``name, channel, operation, identity, allowed``.

    Raises:
        InvalidInput: with every problem by its place, such as ``[2].operation``.
    """
    if not isinstance(document, list):
        raise InvalidInput({"": "Expected a list of tests."})
    if len(document) > TESTS_MOST:
        raise InvalidInput({"": f"At most {TESTS_MOST} tests."})
    specs: list[Spec] = []
    problems: dict[str, str] = {}
    for index, entry in enumerate(document):
        try:
            specs.append(_spec(entry))
        except InvalidInput as error:
            problems |= {f"[{index}].{path}" if path else f"[{index}]": text for path, text in error.problems.items()}
    if problems:
        raise InvalidInput(problems)
    return specs


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
        name: a sentence that says what must hold; without one it is named for what it holds.
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
    spec = checked(name=name, channel=channel, operation=operation, identity=identity, allowed=allowed)
    test = _made(workspace, spec, author)
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


def get(workspace: Workspace, test_id: int) -> RuleTest:
    """Return a test.

    Raises:
        NotFound: the workspace has no such test.
    """
    with reading() as session:
        return _found(session, workspace, test_id)


def update(
    workspace: Workspace,
    test_id: int,
    spec: Spec,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> RuleTest:
    """Make a test hold something else.

    Raises:
        NotFound: the workspace has no such test.
    """
    with writing() as session:
        locked(session, workspace.id)
        test = _found(session, workspace, test_id)
        before = row(test)
        if before == asdict(spec):
            return test
        for field, value in asdict(spec).items():
            setattr(test, field, value)
        audit.record(
            session,
            Action.TEST_UPDATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=before,
            after=row(test),
            address=address,
        )
    return test


def replace_all(
    workspace: Workspace, specs: Sequence[Spec], *, author: str, source: Source | str, address: str | None = None
) -> tuple[int, int]:
    """Make a workspace's tests those that are given; returns how many are new and how many are gone."""
    with writing() as session:
        locked(session, workspace.id)
        mine = select(RuleTest).where(RuleTest.workspace_id == workspace.id).order_by(RuleTest.id)
        wanted = [asdict(spec) for spec in specs]
        gone = []
        for test in session.scalars(mine):
            if row(test) in wanted:
                wanted.remove(row(test))
            else:
                gone.append(test)
        if not wanted and not gone:
            return 0, 0
        for test in gone:
            session.delete(test)
        session.add_all(_made(workspace, Spec(**fields), author) for fields in wanted)
        audit.record(
            session,
            Action.TEST_APPLY,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before={"removed": [test.name for test in gone[:AUDITED_MOST]], "count": len(gone)},
            after={"added": [fields["name"] for fields in wanted[:AUDITED_MOST]], "count": len(wanted)},
            address=address,
        )
    return len(wanted), len(gone)


def delete(
    workspace: Workspace, test_id: int, *, author: str, source: Source | str, address: str | None = None
) -> RuleTest:
    """Delete a test.

    Raises:
        NotFound: the workspace has no such test.
    """
    with writing() as session:
        test = _found(session, workspace, test_id)
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


def run(workspace: Workspace, rules: RuleSet) -> list[Outcome[RuleTest]]:
    """Hold a rule set against the workspace's tests; the judge is that of live traffic."""
    return run_given(workspace, rules, list_all(workspace))


def let_pass(workspace: Workspace, rules: RuleSet, override: str) -> dict[str, Any]:
    """Hold rules that are about to be published against the workspace's tests; returns what the audit log says of it.

    Raises:
        TestsFail: some fail, and ``override`` does not say why they are published all the same.
    """
    failed = [outcome.test.name for outcome in run(workspace, rules) if not outcome.passed]
    if failed and not override.strip():
        raise TestsFail(len(failed))
    return {"failed_tests": failed[:AUDITED_MOST], "override": override.strip()} if failed else {}


def run_given(workspace: Workspace, rules: RuleSet, tests: Iterable[T]) -> list[Outcome[T]]:
    """Hold a rule set against given tests. Others get their turn of the loop in between."""
    outcomes = []
    slice_ends = monotonic() + SLICE
    for test in tests:
        actor = actor_of(test.identity)
        outcomes.append(Outcome(test, decisions.decide(workspace, test.channel, test.operation, actor, rules)))
        if monotonic() > slice_ends:
            gevent.sleep(PAUSE)
            slice_ends = monotonic() + SLICE
    return outcomes


def row(test: RuleTest) -> dict[str, Any]:
    """Write a test as JSON."""
    return {
        "name": test.name,
        "channel": test.channel,
        "operation": test.operation,
        "identity": test.identity,
        "allowed": test.allowed,
    }


def _found(session: Session, workspace: Workspace, test_id: int) -> RuleTest:
    test: RuleTest | None = session.get(RuleTest, test_id) if test_id < 2**31 else None
    if test is None or test.workspace_id != workspace.id:
        raise NotFound({"test": "There is no such test."})
    return test


def _made(workspace: Workspace, spec: Spec, author: str) -> RuleTest:
    return RuleTest(workspace_id=workspace.id, **asdict(spec), created_by=author[:200])


def _identity_problem(identity: object) -> dict[str, str]:
    try:
        if len(json.dumps(identity, allow_nan=False)) > IDENTITY_MOST:
            return {"identity": f"At most {IDENTITY_MOST} bytes of claims."}
        actor_of(identity)
    except InvalidInput as error:
        return error.problems
    except (TypeError, ValueError, RecursionError):
        return {"identity": "These claims are no JSON."}
    return {}


def _spec(entry: object) -> Spec:
    if not isinstance(entry, dict):
        raise InvalidInput({"": "Expected an object."})
    unknown = {str(name): "There is no such field." for name in entry if name not in FIELDS}
    missing = {name: "This is missing." for name in REQUIRED if name not in entry}
    name = entry.get("name", "")
    if not isinstance(name, str):
        unknown["name"] = "Expected a text."
    if unknown or missing:
        raise InvalidInput(unknown | missing)
    fields = {field: entry.get(field) for field in FIELDS if field != "name"}
    return checked(name=name, **fields)
