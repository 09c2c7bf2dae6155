"""The five documented examples of a rule, as first steps (PERMISSIONS.md, "The seven permissions")."""

from dataclasses import dataclass

from ...core.permissions import Permission
from ...core.ruleset import Rule
from ...core.targets import parse_target

_CHAT = frozenset({Permission.CLIENT_PUBLIC_MESSAGING, Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY})
_PRIVATE = frozenset({Permission.CLIENT_PRIVATE_MESSAGING, Permission.CLIENT_PRIVATE_MESSAGING_AUTHENTICATED_ONLY})


@dataclass(frozen=True, slots=True)
class Preset:
    """An example that the form can be filled with."""

    key: str
    title: str
    says: str
    target: str
    permissions: frozenset[Permission]

    @property
    def rule(self) -> Rule:
        return Rule(parse_target(self.target, nested=True), self.permissions, description=self.title)


PRESETS = (
    Preset(
        "open-chat",
        "Open chat",
        "Anyone connects and sends.",
        "chat",
        frozenset({Permission.ANONYMOUS_CLIENTS, Permission.CLIENT_PUBLIC_MESSAGING}),
    ),
    Preset(
        "read-then-sign-in",
        "Read freely, sign in to send",
        "Anyone listens; a token is needed to send.",
        "chat",
        _CHAT | {Permission.ANONYMOUS_CLIENTS},
    ),
    Preset(
        "notifications",
        "Notifications",
        "Anyone listens; only the server sends.",
        "notifications",
        frozenset({Permission.ANONYMOUS_CLIENTS}),
    ),
    Preset("members-chat", "Chat for signed-in users", "A token is needed to join and to send.", "chat", _CHAT),
    Preset(
        "members-chat-private",
        "The same, with direct messages",
        "Signed-in users see who is there and write to one another.",
        "chat",
        _CHAT | _PRIVATE | {Permission.PRESENCE},
    ),
)


def preset(key: str | None) -> Preset | None:
    return next((p for p in PRESETS if p.key == key), None)
