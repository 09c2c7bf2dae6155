"""How the inspector's panes write moments, identities and marks."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from ..wording import clock, printable
from .blueprint import blueprint
from .forms import CAPTURES, DURATIONS

EXTRAS_SHOWN = 600


def from_seconds(seconds: float) -> str:
    """Write a moment, given in seconds since 1970, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def since(seconds: float) -> str:
    """Write a moment short: of today the time, else the day."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%H:%M:%S" if moment.date() == datetime.now(UTC).date() else "%Y-%m-%d")


def hour(moment: datetime) -> str:
    """Write a moment of today to the minute, in UTC, and another day's with its date."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%H:%M UTC") if moment.date() == datetime.now(UTC).date() else clock(moment)


def short_json(value: Mapping[str, Any]) -> str:
    """Write an object on one line, cut where it is long."""
    text = printable(json.dumps(dict(value), ensure_ascii=False, default=str))
    return text if len(text) <= EXTRAS_SHOWN else text[:EXTRAS_SHOWN] + "…"


def mark(text: str) -> str:
    """A short mark of a text, to name an element after a channel."""
    return f"{crc32(text.encode('utf-8', 'surrogatepass')):08x}"


VERDICTS = {"blocked": "denied", "failed": "denied", "changed": "changed", "skipped": "silent"}


def trigger_verdict(state: str) -> str:
    """The colour and shape for what a trigger or a step of it came to."""
    return VERDICTS.get(state, "allowed")


for _filter in (from_seconds, since, hour, short_json, mark):
    blueprint.add_app_template_filter(_filter)
blueprint.app_context_processor(
    lambda: {"durations": DURATIONS, "captures": CAPTURES, "trigger_verdict": trigger_verdict}
)
