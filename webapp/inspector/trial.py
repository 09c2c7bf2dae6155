"""A recorded request, decided again by two rule sets as the engine would decide it, with what was true at the time.

Every answer is the judge's; nothing is sent, stored or run.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..core.actors import Actor, Kind
from ..core.decision import Decision
from ..core.permissions import Operation
from ..core.policy import JOINED, NOT_JOINED, Facts, decide, message_operation
from ..core.ruleset import RuleSet
from ..realtime.engine import SENDING
from ..realtime.events import Join, ReadHistory, Refusal, Send
from ..realtime.events import Kind as MessageKind
from ..realtime.hub import RECEIVING
from .records import Happening, MessageRecord, Record, What
from .traces import facts_of, words_for

CACHED_MOST = 4096
_HEARD = {sending: RECEIVING[kind] for kind, sending in SENDING.items()}
"""What a recipient does when a message is sent."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One decision, made by both rule sets. ``count`` says for how many clients of this kind."""

    kind: Kind
    count: int
    before: Decision
    after: Decision

    @property
    def flips(self) -> bool:
        """Whether the verdict changes; another reason for the same verdict is no flip."""
        return self.before.allowed != self.after.allowed

    @property
    def operation(self) -> Operation:
        """What is lost or gained. The rules say which kind a message is, so the two may differ."""
        return self.before.operation if self.before.allowed else self.after.operation

    @property
    def receives(self) -> bool:
        return self.operation in RECEIVING.values()

    @property
    def who(self) -> str:
        return words_for(self.kind)

    def who_of(self, count: int) -> str:
        """Name so many clients of this kind."""
        return words_for(self.kind, count)


def try_one(record: Record, before: RuleSet, after: RuleSet) -> list[Tried]:
    """Decide one record once more: its sender first, then each kind of recipient. Empty where no rule is asked."""
    return list(Pair(before, after).tried(record))


class _Judge:
    """One rule set, asked as the engine asks it, with what it has answered lately."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._answers: dict[tuple[Kind, Operation, str, Facts], Decision] = {}

    def sent(self, kind: Kind, command: Send, facts: Facts) -> Decision:
        """Decide about a message; which kind it is, these rules say."""
        operation = Operation.SEND_PRIVATE
        if not command.private:
            operation = message_operation(self._rules, Actor(kind=kind), command.channel, command.authenticated)
        return self.decide(kind, operation, command.channel, facts)

    def decide(self, kind: Kind, operation: Operation, channel: str, facts: Facts = JOINED) -> Decision:
        key = (kind, operation, channel, facts)
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) == CACHED_MOST:
                self._answers.clear()
            answer = self._answers[key] = decide(self._rules, Actor(kind=kind), operation, channel, facts)
        return answer


class Pair:
    """Both rule sets, asked the same."""

    def __init__(self, before: RuleSet, after: RuleSet) -> None:
        self._judges = (_Judge(before), _Judge(after))

    def tried(self, record: Record) -> Iterator[Tried]:
        if type(record) is MessageRecord:
            yield from self._message(record)
        elif type(record) is Refusal:
            yield from self._refusal(record)
        elif type(record) is Happening and record.what is What.JOIN and record.channel is not None:
            yield self._asked(record.actor.kind, Operation.JOIN, record.channel, NOT_JOINED)

    def _message(self, record: MessageRecord) -> Iterator[Tried]:
        message = record.message
        heard = (Operation.RECEIVE_EVENT, Operation.RECEIVE_EVENT)
        if record.actor is not None:
            sender = self._sent(record.actor.kind, command_of(record), facts_of(record))
            yield sender
            if not (sender.before.allowed and sender.after.allowed):
                return  # what follows for the recipients is said by this
            heard = (_HEARD[sender.before.operation], _HEARD[sender.after.operation])
        if record.recipients is None:
            return
        facts = Facts(marked_authenticated=message.authenticated and message.kind is MessageKind.PRIVATE)
        for kind, count in record.members or ():
            answers = (
                judge.decide(kind, operation, message.channel, facts) for judge, operation in zip(self._judges, heard)
            )
            yield Tried(kind, count, *answers)

    def _refusal(self, refusal: Refusal) -> Iterator[Tried]:
        command, facts, kind = refusal.command, refusal.facts, refusal.actor.kind
        if facts is None or command is None:
            return  # a limit refused it, or nobody had asked for it
        if isinstance(command, Send):
            yield self._sent(kind, command, facts)
        elif isinstance(command, Join | ReadHistory):
            operation = Operation.JOIN if isinstance(command, Join) else Operation.READ_HISTORY
            yield self._asked(kind, operation, command.channel, facts)

    def _sent(self, kind: Kind, command: Send, facts: Facts) -> Tried:
        before, after = (judge.sent(kind, command, facts) for judge in self._judges)
        return Tried(kind, 1, before, after)

    def _asked(self, kind: Kind, operation: Operation, channel: str, facts: Facts) -> Tried:
        before, after = (judge.decide(kind, operation, channel, facts) for judge in self._judges)
        return Tried(kind, 1, before, after)


def command_of(record: MessageRecord) -> Send:
    """Write what a client sent, as it sent it."""
    message = record.message
    marked = message.authenticated and not message.unmarked
    return Send(message.channel, message.payload, marked, message.target_id, message.target_user, event=message.event)
