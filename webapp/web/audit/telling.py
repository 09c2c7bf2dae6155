"""Entries of the audit log in words."""

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from ...models import Action, AuditEntry

WORDS: dict[Action, str] = {
    Action.WORKSPACE_CREATE: "made the workspace {canonical}",
    Action.WORKSPACE_UPDATE: "changed the settings of the workspace",
    Action.RULES_PUBLISH: "published version {version} of the rules",
    Action.RULES_ROLLBACK: "went back to version {restored} of the rules, as version {version}",
    Action.RULE_CREATE: "made the rule {pattern}",
    Action.RULE_UPDATE: "changed the rule {pattern}",
    Action.RULE_DELETE: "deleted the rule {pattern}",
    Action.RULE_ENABLE: "switched the rule {pattern} on",
    Action.RULE_DISABLE: "switched the rule {pattern} off",
    Action.DRAFT_CHANGE: "changed the draft",
    Action.DRAFT_UPDATE: "brought the draft up to date with version {base}",
    Action.DRAFT_DISCARD: "threw the draft away",
    Action.TEST_CREATE: "saved the rule test {name}",
    Action.TEST_UPDATE: "changed the rule test {name}",
    Action.TEST_APPLY: "replaced the rule tests with those of a file",
    Action.TEST_DELETE: "deleted the rule test {name}",
    Action.TOKEN_MINT: "made a token for {sub}",
    Action.TOKEN_REVOKE: "revoked the token {jti}",
    Action.KEY_ADD: "added the signing key {kid}",
    Action.KEY_REVEAL: "looked at the signing key {kid}",
    Action.KEY_ACTIVATE: "switched the signing key {kid} on",
    Action.KEY_DEACTIVATE: "switched the signing key {kid} off",
    Action.APIKEY_CREATE: "made the API key {name}",
    Action.APIKEY_REVOKE: "revoked the API key {name}",
    Action.ADMIN_CREATE: "made the account {username}",
    Action.ADMIN_PASSWORD: "set the password of {username}",
    Action.ADMIN_DELETE: "deleted the account {username}",
    Action.ADMIN_SIGN_IN: "signed in with {with}",
    Action.ADMIN_SIGN_IN_FAILED: "could not sign in as {username}: {why}",
    Action.ADMIN_SIGN_OUT: "signed out",
    Action.ADMIN_REFUSED: "was refused {tried}: {why}",
    Action.TOTP_ENABLE: "switched two-step sign-in on",
    Action.TOTP_DISABLE: "switched two-step sign-in off for {username}",
    Action.RECOVERY_CODE_USE: "used a recovery code; {left} left",
    Action.RECOVERY_CODES_CREATE: "made new recovery codes",
    Action.SESSION_END: "ended sessions of {username}",
    Action.INVITATION_CREATE: "made an invitation for the role {role}",
    Action.INVITATION_REVOKE: "took back an invitation for the role {role}",
    Action.INVITATION_USE: "joined as {role}, invited by {invited_by}",
    Action.ROLE_SET: "gave {username} the role {role}",
    Action.ROLE_REMOVE: "removed {username} from the workspace",
    Action.SETUP_LINK_CREATE: "made a set-up link",
    Action.CLIENT_CLOSE: "disconnected the client {socket_id}",
    Action.CHANNEL_PUT_IN: "put clients of {user} into {channel}",
    Action.CHANNEL_TAKE_OUT: "took clients of {user} out of {channel}",
    Action.MESSAGE_DELETE: "deleted a message of {channel}",
    Action.MESSAGE_RESEND: "sent a message of {socket_id} in {channel} again",
    Action.EVENT_SEND: "sent an event to {channel}",
    Action.BLOCK_CREATE: "blocked the {subject} {value}",
    Action.BLOCK_END: "let the {subject} {value} in again",
    Action.CAPTURE_SET: "changed what the inspector captures to {mode}",
    Action.RECORDING_START: "began the recording {name}",
    Action.RECORDING_STOP: "ended the recording {name}",
    Action.RECORDING_DELETE: "deleted the recording {name}",
    Action.WEBHOOK_CREATE: "made the webhook {name}",
    Action.WEBHOOK_UPDATE: "changed the webhook {name}",
    Action.WEBHOOK_ENABLE: "switched the webhook {name} on",
    Action.WEBHOOK_DISABLE: "switched the webhook {name} off",
    Action.WEBHOOK_ROTATE: "made a new secret for the webhook {name}",
    Action.WEBHOOK_DELETE: "deleted the webhook {name}",
    Action.WEBHOOK_TEST: "sent a test to the webhook {name}",
    Action.WEBHOOK_RESEND: "sent {key} to the webhook {name} again",
    Action.TRIGGER_LOG: "logged in {channel}: {text}",
}
"""What each action says after its author's name; what stands in braces is looked up in the entry."""

OWN: dict[Action, str] = {
    Action.ADMIN_CREATE: "made an account",
    Action.ADMIN_PASSWORD: "changed their own password",
    Action.TOTP_DISABLE: "switched two-step sign-in off",
    Action.SESSION_END: "ended sessions of their own",
    Action.ROLE_SET: "gave themselves the role {role}",
    Action.ROLE_REMOVE: "left the workspace",
}
"""What is said instead where the author is the one who is named."""

UNNAMED = {"sub": "nobody in particular", "username": "a name that nobody has"}
"""What stands where an entry has no value."""

_PLACE = re.compile(r"\{(\w+)\}")


def told(entry: AuditEntry) -> Markup:
    """Say what an entry's author did, as HTML in which the names are escaped."""
    sentence = Markup("")
    parts = _PLACE.split(_words(entry))
    for i, part in enumerate(parts):
        sentence += _shown(entry, part) if i % 2 else Markup(part)
    return sentence


def in_short(action: Action) -> str:
    """Say an action without what was acted on."""
    return _PLACE.sub("…", WORDS[action])


def told_plainly(entry: AuditEntry) -> str:
    """Say the same as text."""
    return str(told(entry).striptags())


def names_told(entry: AuditEntry) -> frozenset[str]:
    """Name the fields whose values stand in the sentence, or are its author."""
    own = {"username"} if _value(entry, "username") == entry.actor else set()
    return frozenset(_PLACE.findall(_words(entry))) | own


def _words(entry: AuditEntry) -> str:
    action = Action(entry.action)
    if action in OWN and _value(entry, "username") == entry.actor:
        return OWN[action]
    return WORDS[action]


def _shown(entry: AuditEntry, name: str) -> Markup:
    value = _value(entry, name)
    if value is None:
        return Markup("{}").format(UNNAMED.get(name, "something"))
    return Markup('<bdi class="named">{}</bdi>').format(value)


def _value(entry: AuditEntry, name: str) -> Any:
    """Look a name up in what is there afterwards, then in what was there before."""
    for side, inner in ((entry.after, "is"), (entry.before, "was")):
        if not isinstance(side, Mapping):
            continue
        for values in (side, side.get(inner)):
            if isinstance(values, Mapping) and values.get(name) is not None:
                return values[name]
    return None
