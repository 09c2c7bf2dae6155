"""Webhooks by Standard Webhooks: what is posted, how it is signed, and where it may go."""

import os
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from standardwebhooks import Webhook

from ..core.triggers import TriggerEvent
from ..core.version import VERSION
from .moment import Answer, Json, Moment, Occasion, StepFailed
from .reaching import ReachProblem, exchange

URL_MOST = 1000
ANSWER_MOST = 64 * 1024
"""Bytes of an answer that are read; one with more is a problem."""
SECRET_PREFIX = "whsec_"


class DeliveryProblem(Exception):
    """Why there was no HTTP answer that can be used, in a sentence."""


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


def new_secret() -> str:
    """Make a secret as Standard Webhooks write it: ``whsec_`` and 32 random bytes in base64."""
    return SECRET_PREFIX + b64encode(os.urandom(32)).decode()


def new_id() -> str:
    """Make a ``webhook-id``, the same on every attempt."""
    return f"msg_{os.urandom(12).hex()}"


def headers_of(body: Json, webhook_id: str, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Make the headers of a post at a moment, signed with every one of the secrets."""
    signatures = [Webhook(secret).sign(webhook_id, at.astimezone(UTC), body.decode()) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": f"Tidegate/{VERSION}",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def post(
    url: str,
    body: Json,
    *,
    webhook_id: str,
    secrets: Sequence[str],
    allow_private: bool,
    seconds: float,
    most: int = ANSWER_MOST,
    at: datetime | None = None,
) -> Answer:
    """Post a signed webhook and return the answer, whatever its status, within ``seconds`` altogether.

    Raises:
        DeliveryProblem: there was none that can be used, or it has more than ``most`` bytes.
    """
    headers = headers_of(body, webhook_id, secrets, at or datetime.now(UTC))
    try:
        reply = exchange("POST", url, headers, body, allow_private=allow_private, seconds=seconds, most=most)
    except ReachProblem as error:
        raise DeliveryProblem(str(error)) from None
    return Answer(reply.status, reply.body, _seconds(reply.headers.get("retry-after")))


def _seconds(retry_after: str | None) -> float | None:
    """Read ``Retry-After``, which is in seconds or a date; None for none, or what is neither."""
    if retry_after is None:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def moment_of(body: Json) -> Moment:
    """Return the event that a body tells of, for its webhook's condition.

    Raises:
        StepFailed: the body tells of none.
    """
    try:
        data = msgspec.json.decode(body, type=_Told)
        known = data.data
        named = msgspec.json.decode(known, type=_Data)
    except (msgspec.MsgspecError, RecursionError):
        raise StepFailed("This is no event that a condition can look at.") from None
    on = TriggerEvent(named.action) if named.action in list(TriggerEvent) else TriggerEvent.EVENT
    occasion = Occasion(on, named.channel, named.params, int(named.id), authenticated=named.options.authenticated)
    return _ToldMoment(occasion, bytes(named.payload), bytes(known))


class _Told(msgspec.Struct):
    data: msgspec.Raw


class _Options(msgspec.Struct):
    authenticated: bool = False


class _Data(msgspec.Struct):
    action: str
    channel: str
    id: str
    options: _Options
    params: tuple[str, ...] = ()
    payload: msgspec.Raw = msgspec.Raw(b"null")


class _ToldMoment(Moment):
    """An event as it was written down when it happened."""

    __slots__ = ("_told",)

    def __init__(self, occasion: Occasion, payload: Json, told: Json) -> None:
        host: Any = None
        super().__init__(occasion, payload, "", host)
        self._told = told.decode()

    @property
    def text(self) -> str:
        return self._told
