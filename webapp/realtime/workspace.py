"""A workspace as it runs: its rules, its channels, its connections."""

from collections import Counter
from dataclasses import dataclass, field

from ..core.actors import Kind as ActorKind
from ..core.policy import Rights, rights
from ..core.ruleset import RuleSet
from ..core.targets import channel_problem
from .channel import Channel, Group
from .connection import Connection
from .tokens import TokenVerifier


@dataclass(frozen=True, slots=True)
class WorkspaceConfig:
    """What the database says of a workspace. ``generation`` grows with every change of it."""

    id: int
    canonical: str
    rules: RuleSet = field(default_factory=RuleSet)
    verifier: TokenVerifier = field(default_factory=TokenVerifier)
    origins: tuple[str, ...] = ()
    generation: int = 0


class Workspace:
    """The live side of a workspace."""

    __slots__ = (
        "_rights",
        "admitted",
        "by_user",
        "canonical",
        "channels",
        "config",
        "connections",
        "deliveries",
        "messages",
        "refusals",
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
        self.removals: Counter[str] = Counter()
        """Memberships that the last change of rules ended, by channel."""
        self.admitted = self.messages = self.deliveries = self.refusals = 0  # counted since the process began
        self._rights: dict[tuple[int, ActorKind], Rights] = {}

    def configure(self, config: WorkspaceConfig) -> None:
        """Put another configuration in force. Channels follow when :meth:`refresh` is called on them."""
        self.config = config
        self.rules = config.rules
        self._rights = {}

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
        user = connection.actor.user_id
        if user is not None:
            self.by_user.setdefault(user, set()).add(connection)

    def discard(self, connection: Connection) -> None:
        self.connections.pop(connection.id, None)
        user = connection.actor.user_id
        if user is not None and user in self.by_user:
            self.by_user[user].discard(connection)
            if not self.by_user[user]:
                del self.by_user[user]
