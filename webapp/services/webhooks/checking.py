"""What can be set of a webhook, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import current_app

from ...config import Settings
from ...core.targets import TargetError, parse_authorized_channel
from ...core.webhooks import AlertSettings, WebhookEvent, alerts_problem, read_alerts
from ...triggers.sandbox import expression_problem
from ...triggers.webhooks import url_problem
from ..errors import InvalidInput
from ..texts import checked_name

CHANNELS_MOST = 100
CONDITION_MOST = 4000


@dataclass(frozen=True, slots=True)
class Spec:
    """What is set of a webhook. ``alerts`` is a document, see ``core.webhooks.AlertSettings``."""

    name: str
    url: str
    events: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    condition: str = ""
    alerts: Mapping[str, Any] = field(default_factory=dict)


def checked(spec: Spec, *, of_triggers: bool = False) -> Spec:
    """Return what can be stored, in one form: events in their order, none twice.

    Raises:
        InvalidInput: with the problem of every field.
    """
    problems: dict[str, str] = {}
    name = ""
    try:
        name = checked_name(spec.name)
    except InvalidInput as error:
        problems |= error.problems
    url = spec.url.strip() if isinstance(spec.url, str) else ""
    problem = url_problem(url) or _without_tls(url)
    if problem is not None:
        problems["url"] = problem
    events = tuple(event.value for event in WebhookEvent if event.value in spec.events)
    known = {event.value for event in WebhookEvent}
    if any(event not in known for event in spec.events):
        problems["events"] = f"Expected some of {', '.join(known)}."
    elif not events and not of_triggers:
        problems["events"] = "Choose at least one."
    channels, problem = _channels(spec.channels)
    if problem is not None:
        problems["channels"] = problem
    condition = spec.condition.strip() if isinstance(spec.condition, str) else ""
    problem = _condition_problem(condition)
    if problem is not None:
        problems["condition"] = problem
    alerts = _alerts(spec.alerts, WebhookEvent.ALERT.value in events, problems)
    if problems:
        raise InvalidInput(problems)
    return replace(spec, name=name, url=url, events=events, channels=channels, condition=condition, alerts=alerts)


def _without_tls(url: str) -> str | None:
    settings: Settings = current_app.extensions["tidegate.settings"]
    if url.startswith("http:") and not settings.allow_private_addresses:
        return "Expected an address that begins with https:// (TIDEGATE_ALLOW_PRIVATE_ADDRESSES is off)."
    return None


def _channels(given: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    patterns = tuple(dict.fromkeys(given))
    if len(patterns) > CHANNELS_MOST:
        return (), f"At most {CHANNELS_MOST} names or patterns."
    for pattern in patterns:
        try:
            parse_authorized_channel(pattern)
        except TargetError as error:
            return (), f"`{pattern[:100]}`: {error}"
    return patterns, None


def _condition_problem(condition: str) -> str | None:
    if not condition:
        return None
    if len(condition) > CONDITION_MOST:
        return f"At most {CONDITION_MOST:,} characters."
    if "\x00" in condition or any("\ud800" <= c <= "\udfff" for c in condition):
        return "It holds characters that can't be used."
    return expression_problem(condition)


def _alerts(given: Mapping[str, Any], wanted: bool, problems: dict[str, str]) -> dict[str, Any]:
    problem = alerts_problem(dict(given))
    if problem is not None:
        problems["alerts" + (f".{problem[0]}" if problem[0] else "")] = problem[1]
        return {}
    alerts = read_alerts(dict(given))
    if wanted and alerts == AlertSettings():
        problems["alerts"] = "Say what to be alerted of: a number above which it is told, or one of the switches."
    return alerts.document
