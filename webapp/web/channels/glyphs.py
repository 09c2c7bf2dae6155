"""Permissions as glyphs: one each, with a state that is a colour, a shape and words."""

from dataclasses import dataclass
from enum import StrEnum

from ...core.permissions import PERMISSIONS, Permission
from ...core.ruleset import Rule, Switches
from ..wording import full_label


class GlyphState(StrEnum):
    ON = "on"
    IMPLIED = "implied"
    IDLE = "idle"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Glyph:
    permission: Permission
    icon: str
    state: GlyphState
    words: str

    @property
    def narrows(self) -> bool:
        return PERMISSIONS[self.permission].narrows is not None


ICONS = {
    Permission.ANONYMOUS_CLIENTS: "ghost",
    Permission.PRESENCE: "users-round",
    Permission.CLIENT_PUBLIC_MESSAGING: "megaphone",
    Permission.CLIENT_PUBLIC_MESSAGING_AUTHENTICATED_ONLY: "lock",
    Permission.CLIENT_AUTHENTICATED_MESSAGING: "badge-check",
    Permission.CLIENT_PRIVATE_MESSAGING: "message-square-lock",
    Permission.CLIENT_PRIVATE_MESSAGING_AUTHENTICATED_ONLY: "lock",
}


def glyphs(rule: Rule, switches: Switches) -> list[Glyph]:
    """Say of each permission whether it is on, off, on by another one, or without effect."""
    return [_glyph(permission, rule, switches) for permission in Permission]


def _glyph(permission: Permission, rule: Rule, switches: Switches) -> Glyph:
    label = full_label(permission)
    parent = PERMISSIONS[permission].narrows
    state, words = GlyphState.OFF, "off"
    if rule.has(permission):
        state, words = GlyphState.ON, "on"
        if parent is not None and not rule.has(parent):
            state, words = GlyphState.IDLE, f"ticked, but without *{PERMISSIONS[parent].label}* it does nothing"
    elif permission is Permission.ANONYMOUS_CLIENTS and not switches.strict_anonymous:
        if rule.open_public:
            state, words = GlyphState.IMPLIED, "on, implied by public messaging that is open to all"
        elif rule.has(Permission.CLIENT_AUTHENTICATED_MESSAGING):
            words = "off; authenticated messaging lets them connect, but they hear nothing"
    return Glyph(permission, ICONS[permission], state, f"{label}: {words.replace('*', '')}")
