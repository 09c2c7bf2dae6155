"""Encryption at rest of stored secrets, with keys derived from the secret key."""

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

from .errors import SecretKeyMismatch


def encrypt(text: str) -> str:
    """Encrypt a secret for the database."""
    return _fernet(_secret_key()).encrypt(text.encode()).decode()


def decrypt(stored: str) -> str:
    """Decrypt what :func:`encrypt` made.

    Raises:
        SecretKeyMismatch: it was made with another secret key, or is damaged.
    """
    try:
        return _fernet(_secret_key()).decrypt(stored.encode()).decode()
    except InvalidToken:
        raise SecretKeyMismatch(
            "Stored secrets can't be read: they were encrypted with another secret key (TIDEGATE_SECRET_KEY)."
        ) from None


def _secret_key() -> str:
    return str(current_app.config["SECRET_KEY"])


@lru_cache(maxsize=4)
def _fernet(secret_key: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"tidegate stored secrets").derive(secret_key.encode())
    return Fernet(urlsafe_b64encode(derived))
