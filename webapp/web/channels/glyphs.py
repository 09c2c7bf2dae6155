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
    says: str

    @property
    def words(self) -> str:
        return f"{full_label(self.permission)}: {self.says.replace('*', '')}"

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


def hints(rule: Rule, switches: Switches) -> dict[Permission, str]:
    """Say of the boxes whose state alone would mislead what they come to; "" of the others."""
    found = dict.fromkeys(Permission, "")
    for glyph in glyphs(rule, switches):
        if glyph.state in (GlyphState.IMPLIED, GlyphState.IDLE):
            found[glyph.permission] = glyph.says[:1].upper() + glyph.says[1:] + "."
    lets_in = rule.open_public or rule.has(Permission.CLIENT_AUTHENTICATED_MESSAGING)
    if switches.strict_anonymous and lets_in and not rule.has(Permission.ANONYMOUS_CLIENTS):
        found[Permission.ANONYMOUS_CLIENTS] = "Off: the workspace is strict, so no other box lets anonymous clients in."
    if is_silent(rule, switches):
        listed = " Others see them in presence." if rule.has(Permission.PRESENCE) else ""
        found[Permission.CLIENT_AUTHENTICATED_MESSAGING] = (
            f"Anonymous clients may join, but are silent: they hear nothing, send nothing and see nobody.{listed}"
        )
    return found


def is_silent(rule: Rule, switches: Switches) -> bool:
    """Whether anonymous clients get in through authenticated messaging alone, and are silent members."""
    return (
        rule.has(Permission.CLIENT_AUTHENTICATED_MESSAGING)
        and not rule.has(Permission.ANONYMOUS_CLIENTS)
        and not rule.open_public
        and not switches.strict_anonymous
    )


def _glyph(permission: Permission, rule: Rule, switches: Switches) -> Glyph:
    parent = PERMISSIONS[permission].narrows
    state, says = GlyphState.OFF, "off"
    if rule.has(permission):
        state, says = GlyphState.ON, "on"
        if parent is not None and not rule.has(parent):
            state, says = GlyphState.IDLE, f"ticked, but without *{PERMISSIONS[parent].label}* it does nothing"
    elif permission is Permission.ANONYMOUS_CLIENTS and not switches.strict_anonymous:
        if rule.open_public:
            state, says = GlyphState.IMPLIED, "on, implied by public messaging that is open to all"
        elif is_silent(rule, switches):
            says = "off; authenticated messaging lets them connect, but they hear nothing"
    return Glyph(permission, ICONS[permission], state, says)
