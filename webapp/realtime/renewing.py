"""Tokens that come on the way: a client that goes on under another one is asked anew what it may do."""

import time
from dataclasses import replace

from ..core.actors import ANONYMOUS
from ..core.codes import Code
from ..core.policy import NOT_JOINED
from .broker import Broker
from .connection import Connection
from .events import Join, Renew
from .gate import Gate
from .hub import RULES, Hub
from .limits import Limits
from .refusing import Asked, Refuser
from .tokens import TokenProblem
from .webhooks import Webhooks

NOT_ACCEPTED = "The token was not accepted."
"""What is told of one that changes nothing."""


class Renewing:
    """Gives connections another identity, and decides their memberships again."""

    def __init__(
        self, hub: Hub, broker: Broker, refuser: Refuser, gate: Gate, limits: Limits, webhooks: Webhooks
    ) -> None:
        self._hub = hub
        self._broker = broker
        self._refuser = refuser
        self._gate = gate
        self._limits = limits
        self._webhooks = webhooks

    def goes_on_as(self, connection: Connection, command: Join | Renew, token: str | None, frame: bytes) -> bool:
        """Give a client the identity of another token; if it is not accepted, it is told and stays who it was."""
        workspace = connection.workspace
        if token == workspace.canonical:
            token = None  # Supabase's clients send their mandatory key, which names the workspace, where they have none
        if token is None and type(command) is Join:
            return True
        self._broker.settle()  # what it said before, it said as the one it was
        if connection.closing_since:
            return False
        try:
            actor = workspace.config.verifier.verify(token, time.time()) if token is not None else ANONYMOUS
        except TokenProblem as problem:
            text = NOT_ACCEPTED if problem.code is Code.TOKEN_INVALID else None
            asked = Asked(command, frame)
            self._refuser.refuse(
                connection, problem.code, command.channel, text=text, detail=problem.detail, asked=asked
            )
            return False
        if actor == connection.actor:
            return True
        block = workspace.block(actor.user_id, connection.address, time.time())
        before = connection.actor
        is_another = actor.user_id != before.user_id
        code = Code.BLOCKED if block is not None else None
        if is_another and 0 < self._limits.clients_per_user <= len(workspace.by_user.get(actor.user_id or "", ())):
            code = code or Code.TOO_MANY_CONNECTIONS
        if code is not None:
            detail = block.detail if block is not None else ""
            self._refuser.refuse(connection, code, command.channel, detail=detail, asked=Asked(command, frame))
            return False
        self._hub.regroup(connection, lambda: connection.become(actor))
        is_another |= (actor.kind, actor.extras, actor.row_id) != (before.kind, before.extras, before.row_id)
        if is_another and workspace.has_triggers:
            self._join_as_another(connection)
        return not connection.closing_since

    def _join_as_another(self, connection: Connection) -> None:
        """Ask the triggers of joins again about a client that goes on as another, or with other claims."""
        for membership in list(connection.memberships.values()):
            name = membership.channel.name
            ran = self._gate.join(connection, membership.terms, membership.rights)
            if connection.closing_since:
                return
            if ran.objection is not None and connection.memberships.get(name) is membership:
                self._hub.leave(connection.workspace, membership, RULES)
                facts = replace(NOT_JOINED, objection=ran.objection)
                self._refuser.removed(membership, facts, Asked(runs=ran.runs))
            elif ran.notices:
                self._webhooks.enqueue(connection.workspace, ran.notices)
