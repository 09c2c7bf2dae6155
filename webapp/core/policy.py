"""The only judge. Every verdict, live or simulated, is made here (PERMISSIONS.md is its specification)."""

from dataclasses import dataclass

from .actors import ANONYMOUS_KIND, Actor, Kind
from .codes import Code
from .decision import Decision, State, Step
from .permissions import GRANT_NEEDED, PERMISSIONS, SENDING, Operation, Permission
from .ruleset import Rule, RuleSet
from .targets import channel_problem
from .triggers import Trigger, TriggerEvent


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a private message, as far as the decision asks."""

    present: bool
    kind: Kind = ANONYMOUS_KIND


@dataclass(frozen=True, slots=True)
class Objection:
    """What a trigger of the rule has against it: ``why`` is for the dashboard, ``told`` for the client (empty: the
    sentence of the code)."""

    code: Code
    trigger: str
    why: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true at the moment of asking.

    ``joined`` is None for a request without a connection: then the rule and ``authorized_channels`` would
    have to let the client join, and no grant for joining is asked for.
    ``marked_authenticated`` is the mark on a private message; ``peer`` is its other end, None for "anyone".
    ``objection`` is what the rule's triggers said when they ran, None where they let it pass.
    """

    joined: bool | None = True
    asked_for_presence: bool = True
    marked_authenticated: bool = False
    peer: Peer | None = None
    blocked: bool = False
    banned: bool = False
    muted: bool = False
    objection: Objection | None = None


JOINED = Facts()
NOT_JOINED = Facts(joined=False)
WITHOUT_CONNECTION = Facts(joined=None)


@dataclass(frozen=True, slots=True)
class Rights:
    """The verdicts on everything a member may do, compiled once per join for all members of its kind.

    ``plain_is_authenticated``: a message that its sender does not mark goes to authenticated clients only.
    ``history`` is the number of messages that the rule keeps. ``triggers`` run on its messages.
    """

    rule: Rule | None
    version: int
    plain_is_authenticated: bool
    history: int
    triggers: tuple[Trigger, ...]
    join: bool
    send_public: bool
    receive_public: bool
    send_authenticated: bool
    receive_authenticated: bool
    send_private: bool
    receive_private: bool
    receive_event: bool
    in_presence: bool
    sees_presence: bool
    read_history: bool


class _Blocked(Exception):
    def __init__(self, code: Code) -> None:
        self.code = code


class _Trail:
    """Collects the steps of one decision; the first that blocks ends it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def note(self, subject: str, state: State, sentence: str) -> None:
        self.steps.append(Step(subject, state, sentence))

    def require(self, holds: bool, subject: str, code: Code, yes: str, no: str, state: State = State.BLOCKED) -> None:
        self.note(subject, State.GRANTED if holds else state, yes if holds else no)
        if not holds:
            raise _Blocked(code)


def decide(rules: RuleSet, actor: Actor, operation: Operation, channel: str, facts: Facts = JOINED) -> Decision:
    """Decide whether ``actor`` may do ``operation`` on ``channel``, with every step that led there.

    Args:
        rules: the version of the rules that is in force.
        actor: who asks.
        operation: what is asked for. For a plain message, :func:`message_operation` says which it is.
        channel: the channel's name.
        facts: what is true just now: joined or not, the other end of a private message, blocks.
    """
    trail = _Trail()
    rule = rules.resolve(channel)
    code: Code | None = None
    try:
        _check_workspace(trail, rules, channel, facts)
        _check_authorized(trail, actor.kind, channel)
        _check_rule(trail, rules, rule, channel)
        assert rule is not None
        if operation is Operation.JOIN:
            _check_join(trail, rules, rule, actor.kind)
        else:
            _check_joined(trail, rules, rule, actor.kind, facts)
            _CHECKS[operation](trail, rule, actor.kind, facts)
        _check_grant(trail, rules, actor.kind, operation, channel)
        if operation in SENDING:
            trail.require(not facts.muted, "mute", Code.MUTED, "Not muted.", "The user is muted on this channel.")
        if operation is Operation.SEND_PRIVATE and facts.peer is not None:
            _check_peer(trail, rules, rule, facts, channel)
        if facts.objection is not None:
            trail.require(False, "trigger", facts.objection.code, "", facts.objection.why)
    except _Blocked as blocked:
        code = blocked.code
    told = facts.objection.told if facts.objection is not None and code is facts.objection.code else ""
    return Decision(operation, channel, code is None, code, rule, rules.version, tuple(trail.steps), told)


def message_operation(rules: RuleSet, actor: Actor, channel: str, marked_authenticated: bool) -> Operation:
    """Say whether a message to a whole channel is a public or an authenticated one.

    The sender's mark decides, but for this: if public messaging is off and authenticated messaging on, a
    plain message of an authenticated client is an authenticated one.
    """
    if marked_authenticated:
        return Operation.SEND_AUTHENTICATED
    rule = rules.resolve(channel)
    if (
        rule is not None
        and actor.authenticated
        and not rule.has(Permission.CLIENT_PUBLIC_MESSAGING)
        and rule.has(Permission.CLIENT_AUTHENTICATED_MESSAGING)
    ):
        return Operation.SEND_AUTHENTICATED
    return Operation.SEND_PUBLIC


def rights(rules: RuleSet, kind: Kind, channel: str) -> Rights:
    """Compile what a member of this kind may do on a channel. Presence is compiled as if it was asked for."""
    actor = Actor(kind=kind)
    verdicts = {operation.value: decide(rules, actor, operation, channel, JOINED).allowed for operation in Operation}
    plain = message_operation(rules, actor, channel, marked_authenticated=False)
    rule = rules.resolve(channel)
    return Rights(
        rule=rule,
        history=rule.history if rule is not None else 0,
        triggers=rule.triggers_on(TriggerEvent.MESSAGE) if rule is not None else (),
        version=rules.version,
        plain_is_authenticated=plain is Operation.SEND_AUTHENTICATED,
        **verdicts,
    )


def _check_workspace(trail: _Trail, rules: RuleSet, channel: str, facts: Facts) -> None:
    trail.require(
        rules.switches.enabled,
        "workspace",
        Code.WORKSPACE_DISABLED,
        "Realtime is switched on.",
        "Realtime is switched off in this workspace.",
        State.OFF,
    )
    problem = channel_problem(channel)
    trail.require(problem is None, "channel name", Code.INVALID_CHANNEL, "A valid name.", problem or "")
    if facts.blocked:
        trail.require(False, "block", Code.BLOCKED, "", "The client, its user or its address is blocked.")
    if facts.banned:
        trail.require(False, "ban", Code.BANNED, "", "The user is banned from this channel.")


def _check_authorized(trail: _Trail, kind: Kind, channel: str) -> None:
    if kind.authorized_channels is None:
        return
    trail.require(
        kind.is_authorized(channel),
        "authorized channels",
        Code.CHANNEL_NOT_AUTHORIZED,
        f"The token authorizes `{channel}`.",
        f"The token's `authorized_channels` do not name `{channel}`.",
    )


def _check_rule(trail: _Trail, rules: RuleSet, rule: Rule | None, channel: str) -> None:
    trail.require(
        rule is not None,
        "rule",
        Code.NO_RULE,
        f"Rule `{rule.target if rule else ''}` of version {rules.version} decides.",
        f"No active rule of version {rules.version} matches `{channel}`.",
        State.NO_MATCH,
    )


def _check_join(trail: _Trail, rules: RuleSet, rule: Rule, kind: Kind) -> None:
    if kind.authenticated:
        trail.note("identity", State.GRANTED, "Authenticated clients may join wherever a rule is active.")
        return
    trail.note("identity", State.SKIPPED, "The client is anonymous, so the boxes decide.")
    anonymous = rule.has(Permission.ANONYMOUS_CLIENTS)
    if rules.switches.strict_anonymous:
        trail.require(
            anonymous,
            "anonymous clients",
            Code.ANONYMOUS_NOT_ALLOWED,
            "*Anonymous clients* is on.",
            "*Anonymous clients* is off, and in strict mode nothing else lets anonymous clients in.",
            State.OFF,
        )
        return
    if anonymous:
        trail.note("anonymous clients", State.GRANTED, "*Anonymous clients* is on.")
    elif rule.open_public:
        trail.note("anonymous clients", State.GRANTED, "On, implied by public messaging that is open to all.")
    elif rule.has(Permission.CLIENT_AUTHENTICATED_MESSAGING):
        trail.note(
            "anonymous clients",
            State.GRANTED,
            "*Client authenticated messaging* lets anyone connect; an anonymous client is silent here.",
        )
    else:
        trail.require(
            False,
            "anonymous clients",
            Code.ANONYMOUS_NOT_ALLOWED,
            "",
            "*Anonymous clients* is off, and neither open public messaging nor authenticated messaging lets them in.",
            State.OFF,
        )


def _check_joined(trail: _Trail, rules: RuleSet, rule: Rule, kind: Kind, facts: Facts) -> None:
    if facts.joined is None:
        _check_join(trail, rules, rule, kind)
        return
    trail.require(facts.joined, "membership", Code.NOT_JOINED, "The client has joined.", "The client has not joined.")
    # Whoever is in although the rules no longer let it in is on its way out: it must not count as joined.
    _check_join(trail, rules, rule, kind)


def _check_heard(trail: _Trail, rule: Rule, kind: Kind) -> None:
    heard = kind.authenticated or rule.has(Permission.ANONYMOUS_CLIENTS) or rule.open_public
    trail.require(
        heard,
        "heard",
        Code.ANONYMOUS_NOT_ALLOWED,
        "Not a silent member.",
        "An anonymous client that got in through *authenticated messaging* alone is silent.",
    )


def _require_box(trail: _Trail, rule: Rule, permission: Permission, code: Code) -> None:
    label = PERMISSIONS[permission].label
    trail.require(rule.has(permission), permission.value, code, f"*{label}* is on.", f"*{label}* is off.", State.OFF)


def _require_authenticated(trail: _Trail, kind: Kind, why: str) -> None:
    trail.require(
        kind.authenticated,
        "identity",
        Code.AUTHENTICATION_REQUIRED,
        "The client is authenticated.",
        f"The client is anonymous, and {why}.",
    )


def _check_send_public(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _check_receive_public(trail, rule, kind, facts)
    if rule.has(Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY):
        _require_authenticated(
            trail,
            kind,
            "*Client public messaging, authenticated only* is on: public messages are for authenticated senders only",
        )


def _check_receive_public(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _check_heard(trail, rule, kind)
    _require_box(trail, rule, Permission.CLIENT_PUBLIC_MESSAGING, Code.PUBLIC_MESSAGING_OFF)


def _check_authenticated_messaging(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _require_box(trail, rule, Permission.CLIENT_AUTHENTICATED_MESSAGING, Code.AUTHENTICATED_MESSAGING_OFF)
    _require_authenticated(trail, kind, "authenticated messages need a token on both ends")


def _check_private(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _check_heard(trail, rule, kind)
    _require_box(trail, rule, Permission.CLIENT_PRIVATE_MESSAGING, Code.PRIVATE_MESSAGING_OFF)
    if rule.has(Permission.CLIENT_PRIVATE_MESSAGING_AUTHENTICATED_ONLY):
        _require_authenticated(trail, kind, "private messages need a token on both ends")
    if facts.marked_authenticated:
        _require_authenticated(trail, kind, "the message is marked authenticated")


def _check_event(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _check_heard(trail, rule, kind)


def _check_in_presence(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _require_box(trail, rule, Permission.PRESENCE, Code.PRESENCE_OFF)


def _check_sees_presence(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _check_heard(trail, rule, kind)
    _require_box(trail, rule, Permission.PRESENCE, Code.PRESENCE_OFF)
    trail.require(
        facts.asked_for_presence,
        "asked for presence",
        Code.PRESENCE_NOT_REQUESTED,
        "The client asked for presence when joining.",
        "The client did not ask for presence when joining.",
    )


def _check_history(trail: _Trail, rule: Rule, kind: Kind, facts: Facts) -> None:
    _check_heard(trail, rule, kind)
    trail.require(
        rule.history > 0,
        "history",
        Code.HISTORY_OFF,
        f"The rule keeps {rule.history} messages.",
        "The rule keeps no history.",
        State.OFF,
    )


_CHECKS = {
    Operation.SEND_PUBLIC: _check_send_public,
    Operation.RECEIVE_PUBLIC: _check_receive_public,
    Operation.SEND_AUTHENTICATED: _check_authenticated_messaging,
    Operation.RECEIVE_AUTHENTICATED: _check_authenticated_messaging,
    Operation.SEND_PRIVATE: _check_private,
    Operation.RECEIVE_PRIVATE: _check_private,
    Operation.RECEIVE_EVENT: _check_event,
    Operation.IN_PRESENCE: _check_in_presence,
    Operation.SEES_PRESENCE: _check_sees_presence,
    Operation.READ_HISTORY: _check_history,
}


def _check_grant(trail: _Trail, rules: RuleSet, kind: Kind, operation: Operation, channel: str) -> None:
    needed = GRANT_NEEDED[operation]
    if needed is None or not (rules.switches.access_manager or kind.grants is not None):
        return
    if kind.grants is None:
        trail.require(
            False, "grant", Code.GRANT_MISSING, "", f"Access Manager is on, and no token grants *{needed}* here."
        )
        return
    answer = kind.grants.ask("channels", channel, needed)
    entry = f"{'pattern' if answer.is_pattern else 'entry'} `{answer.entry}`" if answer.entry is not None else None
    trail.require(
        answer.allowed,
        "grant",
        Code.GRANT_MISSING,
        f"The token's {entry} grants *{needed}*.",
        f"The token's {entry} does not grant *{needed}*." if entry else f"No entry of the token speaks of `{channel}`.",
    )


def _check_peer(trail: _Trail, rules: RuleSet, rule: Rule, facts: Facts, channel: str) -> None:
    """The recipient must be there and allowed to receive; the sender learns only that it can't."""
    peer = facts.peer
    assert peer is not None
    trail.require(
        peer.present,
        "recipient",
        Code.TARGET_NOT_PRESENT,
        "The recipient has joined this channel.",
        "No member of this channel has that socketId.",
    )
    receiving = Facts(marked_authenticated=facts.marked_authenticated)
    theirs = decide(rules, Actor(kind=peer.kind), Operation.RECEIVE_PRIVATE, channel, receiving)
    why = theirs.steps[-1].sentence if theirs.steps else ""
    trail.require(
        theirs.allowed,
        "recipient",
        Code.TARGET_NOT_PRESENT,
        "The recipient may receive private messages here.",
        f"The recipient may not receive this: {why}",
    )
