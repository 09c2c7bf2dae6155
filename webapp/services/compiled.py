"""From stored rows to the objects that decide: rule sets and the keys that verify tokens."""

import json
from collections.abc import Iterable
from functools import lru_cache

from ..core.documents import parse_document
from ..core.ruleset import RuleSet
from ..core.targets import parse_authorized_channel
from ..core.webhooks import WebhookEvent, read_alerts
from ..models import KeyKind, RuleSetVersion, SigningKey, Webhook
from ..realtime.hooks import Hook, Hooks
from ..realtime.tokens import VerifyKey
from . import vault
from .key_material import verify_keys


def rule_set(version: RuleSetVersion | None) -> RuleSet:
    """Compile a stored version; None is the empty set with which a workspace begins."""
    return RuleSet() if version is None else _rule_set(version.document, version.number)


@lru_cache(maxsize=64)
def _rule_set(document: str, number: int) -> RuleSet:
    return parse_document(json.loads(document), number).rules


def verifying(keys: Iterable[SigningKey]) -> tuple[VerifyKey, ...]:
    """Decrypt and compile stored keys.

    Raises:
        SecretKeyMismatch: they were encrypted with another secret key.
    """
    compiled: list[VerifyKey] = []
    for key in keys:
        fetched = vault.decrypt(key.fetched) if key.fetched is not None else None
        compiled += verify_keys(KeyKind(key.algorithm), key.kid, vault.decrypt(key.material), fetched)
    return tuple(compiled)


def hooks(rows: Iterable[Webhook]) -> Hooks:
    """Decrypt and compile stored webhooks.

    Raises:
        SecretKeyMismatch: their secrets were encrypted with another secret key.
    """
    return Hooks(tuple(hook(row) for row in rows))


def hook(row: Webhook) -> Hook:
    """Decrypt and compile one stored webhook.

    Raises:
        SecretKeyMismatch: its secret was encrypted with another secret key.
    """
    return Hook(
        id=row.id,
        url=row.url,
        secret=vault.decrypt(row.secret),
        events=frozenset(WebhookEvent(event) for event in row.events),
        channels=tuple(parse_authorized_channel(pattern) for pattern in row.channels),
        condition=row.condition,
        alerts=read_alerts(row.alerts),
        is_active=row.is_active,
        off_because=row.off_reason,
        old_secret=vault.decrypt(row.old_secret) if row.old_secret is not None else None,
        old_until=row.old_secret_until.timestamp() if row.old_secret_until is not None else 0.0,
    )
