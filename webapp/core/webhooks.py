"""What webhooks tell of: the events that one can subscribe to, and the alerts, each with a sentence."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class WebhookEvent(StrEnum):
    """What a webhook subscribes to, by the name that its bodies carry as ``type``."""

    MESSAGE = "message"
    JOIN = "join"
    LEAVE = "leave"
    OCCUPIED = "channel.occupied"
    VACATED = "channel.vacated"
    ALERT = "alert"

    @property
    def sentence(self) -> str:
        return _EVENTS[self]


_EVENTS = {
    WebhookEvent.MESSAGE: "A message of a client or an event of the server was accepted.",
    WebhookEvent.JOIN: "A client joined a channel.",
    WebhookEvent.LEAVE: "A client is no longer in a channel: it left, was taken out, or its connection ended.",
    WebhookEvent.OCCUPIED: "The first client joined a channel.",
    WebhookEvent.VACATED: "The last client left a channel.",
    WebhookEvent.ALERT: "A number of the workspace is above its threshold or far from usual, or no longer is.",
}


class AlertKind(StrEnum):
    """What an alert is about."""

    DENIALS = "denials"
    TOKENS = "tokens"
    RATE_LIMITED = "rate_limited"
    CONNECTIONS = "connections"
    SLOW_CLIENTS = "slow_clients"
    DATABASE = "database"

    @property
    def words(self) -> str:
        """What is counted, as in "120 denials in the last minute"."""
        return _ALERTS[self]


_ALERTS = {
    AlertKind.DENIALS: "denials in the last minute",
    AlertKind.TOKENS: "refused tokens in the last minute",
    AlertKind.RATE_LIMITED: "refusals by the rate limit in the last minute",
    AlertKind.CONNECTIONS: "connections",
    AlertKind.SLOW_CLIENTS: "clients that were closed for reading too slowly in the last minute",
    AlertKind.DATABASE: "database",
}
THRESHOLDS = tuple(kind for kind in AlertKind if kind is not AlertKind.DATABASE)
"""The alerts that have a threshold."""
THRESHOLD_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What a webhook watches: numbers above which it is told (None: not watched), and whether it is told of what is
    far from usual, and of the database being away."""

    denials: int | None = None
    tokens: int | None = None
    rate_limited: int | None = None
    connections: int | None = None
    slow_clients: int | None = None
    unusual: bool = False
    database: bool = False

    def threshold(self, kind: AlertKind) -> int | None:
        found: int | None = getattr(self, kind.value)
        return found

    @property
    def document(self) -> dict[str, Any]:
        """What is set, as JSON; :func:`read_alerts` is the inverse."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in values.items() if value not in (None, False)}


def read_alerts(document: dict[str, Any]) -> AlertSettings:
    """Read what :attr:`AlertSettings.document` wrote."""
    return AlertSettings(**document)


def alerts_problem(document: object) -> tuple[str, str] | None:
    """Say what is wrong with a document of alerts: the field and a sentence, or None."""
    if not isinstance(document, dict):
        return "", "Expected an object."
    numbers = {kind.value for kind in THRESHOLDS}
    for name, value in document.items():
        if name in numbers:
            if value is not None and (type(value) is not int or not 0 <= value <= THRESHOLD_MOST):
                return name, f"Expected a whole number from 0 to {THRESHOLD_MOST:,}."
        elif name not in ("unusual", "database"):
            return str(name), "There is no such alert."
        elif type(value) is not bool:
            return name, "Expected true or false."
    return None
