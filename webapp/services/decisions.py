"""Asking the judge without a connection: what would be decided for whom, and why."""

import json
import time
from typing import Any

from ..core.actors import ANONYMOUS, Actor, ClaimError, actor_from_claims
from ..core.codes import Code
from ..core.decision import Decision, Step
from ..core.permissions import Operation, Permission
from ..core.policy import Facts, message_operation
from ..core.policy import decide as judge
from ..core.ruleset import RuleSet
from ..models import Workspace
from ..realtime.tokens import TokenProblem
from .errors import InvalidInput
from .live import load_verifier
from .rules import active_rules

ANONYMOUS_WORD = "anonymous"
SEND = "send"
"""A message as a client sends it: the rules say whether it is a public or an authenticated one."""
OPERATIONS = (*(operation.value for operation in Operation), SEND)


def actor_of(workspace: Workspace, text: str) -> Actor:
    """Read who asks: ``anonymous``, a token, or the claims of one as a JSON object.

    Raises:
        InvalidInput: none of these, or a token that would not be accepted.
    """
    text = text.strip()
    if text in ("", ANONYMOUS_WORD):
        return ANONYMOUS
    try:
        if text.startswith("{"):
            return actor_from_claims(_claims(text))
        return load_verifier(workspace).verify(text, time.time())
    except (ClaimError, TokenProblem) as error:
        raise InvalidInput({"as": str(error)}) from None


def decide(
    workspace: Workspace,
    channel: str,
    operation: str,
    actor: Actor,
    rules: RuleSet | None = None,
    *,
    blocked: bool = False,
) -> Decision:
    """Decide for a client that has joined the channel if the rules let it, by the active rules or given ones.

    ``blocked`` says that its user is kept out (`blocks.of_user`); saved tests of rules ask nothing of that.

    Raises:
        InvalidInput: there is no such operation.
    """
    if operation not in OPERATIONS:
        raise InvalidInput({"operation": f"Expected one of {', '.join(OPERATIONS)}."})
    active = active_rules(workspace) if rules is None else rules
    asked = message_operation(active, actor, channel, False) if operation == SEND else Operation(operation)
    return judge(active, actor, asked, channel, Facts(blocked=blocked))


def closed_to_all(rules: RuleSet, channel: str) -> Code | None:
    """Say why nobody at all can be in a channel: no active rule, or the workspace is switched off; else None."""
    code = judge(rules, ANONYMOUS, Operation.JOIN, channel).code
    return code if code in (Code.NO_RULE, Code.WORKSPACE_DISABLED) else None


def deciding_step(decision: Decision) -> Step:
    """Return the step that settled it: where it ended, or the box that allowed it."""
    boxes = [step for step in decision.steps if step.subject in tuple(Permission)]
    return boxes[-1] if decision.allowed and boxes else decision.steps[-1]


def decision_document(decision: Decision) -> dict[str, Any]:
    """Write a decision with its steps as JSON."""
    return {
        "operation": decision.operation.value,
        "channel": decision.channel,
        "allowed": decision.allowed,
        "code": decision.code.value if decision.code is not None else None,
        "message": decision.message,
        "rule": decision.rule.target.text if decision.rule is not None else None,
        "version": decision.version,
        "steps": [
            {"subject": step.subject, "state": step.state.value, "sentence": step.sentence} for step in decision.steps
        ],
    }


def _claims(text: str) -> dict[str, Any]:
    try:
        claims = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidInput({"as": "This is not a JSON object of claims."}) from None
    if not isinstance(claims.get("exp", 0), int | float):
        raise InvalidInput({"as": "exp: expected seconds since 1970."})
    return dict(claims)
