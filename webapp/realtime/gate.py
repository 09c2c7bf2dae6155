"""What stands between the rules and what they allow: the triggers of a message, and of a join.

Triggers may take time, so the rules are asked again behind them: nothing slow slips through under old ones.
"""

from dataclasses import replace

import msgspec

from ..core.permissions import Operation
from ..core.policy import Facts, Peer, Rights, decide
from ..core.targets import channel_problem
from ..core.triggers import TriggerEvent
from .channel import Membership
from .connection import Connection
from .events import Join, Send
from .hub import Hub
from .refusing import Asked, Refuser
from .triggering import NOT_RUN, Ran, Triggering


class Gate:
    """Runs the triggers of what the engine is about to do, and says whether it may."""

    def __init__(self, hub: Hub, refuser: Refuser, triggering: Triggering) -> None:
        self._hub = hub
        self._refuser = refuser
        self._triggering = triggering

    def message(
        self,
        connection: Connection,
        membership: Membership,
        command: Send,
        authenticated: bool,
        asked: Asked,
        target: Connection | None = None,
    ) -> tuple[Membership, Ran] | None:
        """Run the triggers of a message that the rules allow; None if it goes no further, and its sender was told.

        ``target`` is the recipient of a private message.
        """
        workspace, rule, triggers = connection.workspace, membership.rights.rule, membership.rights.triggers
        assert rule is not None
        version = workspace.rules.version
        occasion = self._triggering.occasion(
            connection,
            rule,
            TriggerEvent.MESSAGE,
            command.channel,
            target=target,
            authenticated=authenticated,
            event=command.event,
            to_user=command.user,
        )
        ran = self._triggering.run(workspace, rule, triggers, occasion, command.payload)
        now_in = self._hub.membership(connection, command.channel)
        if (
            ran.objection is None
            and not command.private
            and now_in is membership
            and workspace.rules.version == version
        ):
            return membership, ran
        # Who is going is asked as who was in: what a client said last, before it closed, is heard as anything else.
        joined = connection.standing.joined if connection.closing_since or now_in is not None else False
        facts = Facts(joined=joined, objection=ran.objection)
        operation = Operation.SEND_AUTHENTICATED if authenticated else Operation.SEND_PUBLIC
        if command.private:
            peer = None
            if target is not None:
                peer = Peer(target.id in membership.channel.members, target.actor.kind)
            facts = replace(facts, marked_authenticated=command.authenticated, peer=peer)
            operation = Operation.SEND_PRIVATE
        decision = decide(workspace.rules, connection.actor, operation, command.channel, facts)
        if not decision.allowed:
            self._refuser.decided(connection, decision, facts, replace(asked, runs=ran.runs))
            return None
        return now_in or membership, ran

    def join(self, connection: Connection, command: Join, rights: Rights) -> Ran:
        """Run the triggers of a join, also of one that the rules refuse (protocols/xano.md, "Triggers")."""
        workspace, name = connection.workspace, command.channel
        rule = workspace.rules.resolve(name)
        if rule is None or not workspace.rules.switches.enabled or channel_problem(name) is not None:
            return NOT_RUN
        triggers = rule.triggers_on(TriggerEvent.JOIN)
        if not triggers:
            return NOT_RUN
        occasion = self._triggering.occasion(connection, rule, TriggerEvent.JOIN, name, authorized=rights.join)
        wants = {"history": command.wants_history, "presence": command.wants_presence}
        return self._triggering.run(workspace, rule, triggers, occasion, msgspec.json.encode(wants))
