"""Webhooks by Standard Webhooks: what is posted, how it is signed, and where it may go."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from .moment import Json

URL_MOST = 1000


def body_of(kind: str, at_ms: int, data: Json) -> Json:
    """Make the body of a webhook: ``{"type", "timestamp", "data"}``. ``at_ms`` is in milliseconds since 1970."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return msgspec.json.encode({"type": kind, "timestamp": at, "data": msgspec.Raw(data)})


def url_problem(url: str) -> str | None:
    """Say what is wrong with the address of a webhook, or None. Whether it may be reached is decided on connecting."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is not an address."
    if parts.scheme not in ("https", "http") or not host:
        return "Expected an address that begins with https://."
    if parts.username is not None or parts.password is not None:
        return "An address with a user name or password can't be used."
    if len(url) > URL_MOST or any(ord(c) <= 32 or ord(c) >= 127 for c in url):
        return f"At most {URL_MOST} characters, and none that have to be encoded."
    return None
