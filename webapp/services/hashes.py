"""What is kept in place of a one-time secret that has enough randomness of its own."""

from hashlib import sha256


def hash_of(secret: str) -> str:
    """Hash a link's token, a session's secret or a recovery code. People's passwords need more (`passwords`)."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
