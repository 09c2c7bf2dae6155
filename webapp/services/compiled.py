"""From stored rows to the objects that decide: rule sets and the keys that verify tokens."""

import json
from collections.abc import Iterable
from functools import lru_cache

from ..core.documents import parse_document
from ..core.ruleset import RuleSet
from ..models import KeyKind, RuleSetVersion, SigningKey
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
