"""A workspace as it runs: its rules, its channels, its connections."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ..core.actors import Kind as ActorKind
from ..core.codes import Code
from ..core.policy import Rights, rights
from ..core.ruleset import RuleSet
from ..core.targets import channel_problem
from ..inspector.capture import TICKS_A_SECOND, Capture, Captured, Mode
from .channel import Channel, Group
from .connection import Connection
from .hooks import Hooks
from .tokens import TokenVerifier

VERSIONS_KEPT = 8
"""Rule sets that were in force before, kept to explain what they decided."""


@dataclass(frozen=True, slots=True)
class Block:
    """Keeps the clients of a user (by ``user_id``) or of a network address out until a moment (seconds since 1970)."""

    until: float
    user_id: str | None = None
    address: str | None = None

    def holds(self, user_id: str | None, address: str, now: float) -> bool:
        if self.until <= now:
            return False
        return address == self.address if self.user_id is None else user_id == self.user_id

    @property
    def detail(self) -> str:
        """Whom it keeps out until when, for the inspector; clients are not told."""
        whom = f"The user `{self.user_id}`" if self.user_id is not None else f"The address `{self.address}`"
        return f"{whom} is blocked until {datetime.fromtimestamp(self.until, UTC):%Y-%m-%d %H:%M:%S} UTC."


@dataclass(frozen=True, slots=True)
class WorkspaceConfig:
    """What the database says of a workspace. ``generation`` grows with every change of it."""

    id: int
    canonical: str
    rules: RuleSet = field(default_factory=RuleSet)
    verifier: TokenVerifier = field(default_factory=TokenVerifier)
    origins: tuple[str, ...] = ()
    generation: int = 0
    capture: Capture = field(default_factory=Capture)
    blocks: tuple[Block, ...] = ()
    hooks: Hooks = field(default_factory=Hooks)


class Workspace:
    """The live side of a workspace."""

    __slots__ = (
        "_blocks",
        "_rights",
        "_rules_before",
        "admitted",
        "by_user",
        "canonical",
        "captured",
        "channels",
        "config",
        "connections",
        "deliveries",
        "has_triggers",
        "hooks",
        "is_recorded",
        "keeps_frames",
        "messages",
        "refusals",
        "refused",
        "removals",
        "rules",
    )

    def __init__(self, config: WorkspaceConfig) -> None:
        self.config = config
        self.rules = config.rules
        self.canonical = config.canonical
        self.channels: dict[str, Channel] = {}
        self.connections: dict[str, Connection] = {}
        self.by_user: dict[str, set[Connection]] = {}
        self.has_triggers = _has_triggers(config.rules)
        """Whether any active rule has an active trigger."""
        self.removals: Counter[str] = Counter()
        """Memberships that the last change of rules ended, by channel."""
        self.admitted = self.messages = self.deliveries = self.refusals = 0  # counted since the process began
        self._rights: dict[tuple[int, ActorKind], Rights] = {}
        self._rules_before: dict[int, RuleSet] = {}
        self.refused: Counter[Code] = Counter()
        self._blocks = _by_subject(config.blocks)
        self.hooks: Hooks | None = config.hooks if config.hooks.listens else None
        """The webhooks, if any of them is told of what passes here."""
        self.captured = Captured()
        self.is_recorded = True
        """Whether the tap notes what passes here."""
        self.keeps_frames = False
        """Whether it keeps what clients send, too."""
        self.set_capture(time.time())

    def configure(self, config: WorkspaceConfig) -> None:
        """Put another configuration in force. Channels follow when :meth:`refresh` is called on them."""
        if config.rules.version != self.rules.version:
            self._rules_before[self.rules.version] = self.rules
            while len(self._rules_before) > VERSIONS_KEPT:
                del self._rules_before[next(iter(self._rules_before))]
        self.config = config
        self.rules = config.rules
        self.has_triggers = _has_triggers(config.rules)
        self._rights = {}
        self._blocks = _by_subject(config.blocks)
        self.hooks = config.hooks if config.hooks.listens else None
        self.set_capture(time.time())

    def set_capture(self, now: float) -> None:
        """Follow what is set of capturing, which may end with time; ``now`` is in seconds since 1970."""
        capture = self.config.capture
        if self.captured.capture is not capture:
            self.captured.set(capture, int(now * TICKS_A_SECOND))
        self.keeps_frames = capture.until > now
        self.is_recorded = self.keeps_frames or capture.mode is not Mode.OFF

    def rules_of(self, version: int) -> RuleSet | None:
        """Return the rules of a version that is or was in force lately."""
        return self.rules if version == self.rules.version else self._rules_before.get(version)

    def block(self, user_id: str | None, address: str, now: float) -> Block | None:
        """Return what keeps a client of this user or address out; ``now`` is in seconds since 1970."""
        for key in ((user_id, None), (None, address)):
            block = self._blocks.get(key)
            if block is not None and block.holds(user_id, address, now):
                return block
        return None

    def rights(self, kind: ActorKind, channel: str) -> Rights:
        """Return what members of a kind may do on a channel, compiled once a rule and kind."""
        rules = self.rules
        if kind.narrowed or channel_problem(channel) is not None:
            return rights(rules, kind, channel)  # what depends on the name is not for all channels of the rule
        key = (id(rules.resolve(channel)), kind)  # the rules stay alive as long as these rights
        compiled = self._rights.get(key)
        if compiled is None:
            compiled = self._rights[key] = rights(rules, kind, channel)
        return compiled

    def open_channel(self, name: str) -> Channel:
        channel = self.channels.get(name)
        if channel is None:
            channel = self.channels[name] = Channel(name, self.rules.version)
        return channel

    def group(self, channel: Channel, kind: ActorKind) -> Group:
        group = channel.groups.get(kind)
        if group is None:
            group = channel.groups[kind] = Group(kind, self.rights(kind, channel.name))
        return group

    def is_current(self, channel: Channel) -> bool:
        return channel.version == self.rules.version

    def refresh(self, channel: Channel) -> list[Group]:
        """Compile a channel's rights from the rules in force and return the groups that may no longer be there."""
        channel.version = self.rules.version
        for group in channel.groups.values():
            group.rights = self.rights(group.kind, channel.name)
        channel.audience_changed()
        return [group for group in channel.groups.values() if not group.rights.join]

    def add(self, connection: Connection) -> None:
        self.connections[connection.id] = connection
        self.admitted += 1
        self.note_user(connection)

    def discard(self, connection: Connection) -> None:
        self.connections.pop(connection.id, None)
        self.forget_user(connection)

    def note_user(self, connection: Connection) -> None:
        """Let a client be found by its user."""
        user = connection.actor.user_id
        if user is not None:
            self.by_user.setdefault(user, set()).add(connection)

    def forget_user(self, connection: Connection) -> None:
        """Let it be found no more."""
        user = connection.actor.user_id
        if user is not None and user in self.by_user:
            self.by_user[user].discard(connection)
            if not self.by_user[user]:
                del self.by_user[user]


def _has_triggers(rules: RuleSet) -> bool:
    return any(trigger.enabled for rule in rules.rules if rule.enabled for trigger in rule.triggers)


def _by_subject(blocks: tuple[Block, ...]) -> dict[tuple[str | None, str | None], Block]:
    """Find blocks by whom they keep out, the one that lasts longest: every client that connects is looked up."""
    return {(block.user_id, block.address): block for block in sorted(blocks, key=lambda block: block.until)}
