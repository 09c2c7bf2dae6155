"""How things are said on the pages: counts, publications, sentences with code in them, times."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from ..core.permissions import PERMISSIONS, Permission
from ..models import Source
from .moments import from_now
from .triggerwords import row_changes, triggers_named

_CODE = re.compile(r"`([^`]+)`")
_EMPHASIS = re.compile(r"\*([^*]+)\*")


def full_label(permission: Permission) -> str:
    """A label that stands alone: a narrowing box is named with the one that it narrows."""
    info = PERMISSIONS[permission]
    if info.narrows is None:
        return info.label
    return f"{PERMISSIONS[info.narrows].label}, {info.label[0].lower()}{info.label[1:]}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``count(1, "client")`` is "1 client", ``count(1200, "client")`` "1,200 clients"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def said(sentence: object) -> Markup:
    """Escape a sentence and set what stands in backticks as code, what stands in asterisks emphasized."""
    parts = _CODE.split(printable(str(sentence)))
    html = Markup("")
    for i, part in enumerate(parts):
        if i % 2:
            html += Markup("<code>{}</code>").format(part)
        else:
            html += Markup(_EMPHASIS.sub(r"<em>\1</em>", str(escape(part))))
    return html


def published(publication: Any) -> str:
    """Say what a publication did to the clients that are connected now."""
    report = publication.report
    if report is None:
        return f"Version {publication.version} is published."
    sentence = f"Version {publication.version} is in force"
    if not report.removed:
        return f"{sentence}; no client lost its place."
    were = "was" if report.removed == 1 else "were"
    return f"{sentence}: {count(report.removed, 'client')} {were} taken out of {count(report.channels, 'channel')}."


def clock(moment: datetime | None) -> str:
    """Write a moment to the minute, in UTC: the admins of one server sit in several time zones."""
    if moment is None:
        return "never"
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def pretty(value: object) -> str:
    """Write a JSON value for reading."""
    return printable(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def printable(text: str) -> str:
    """Write halves of surrogate pairs as escapes: a stranger's token may hold some, and no page can carry them."""
    return text.encode("utf-8", "backslashreplace").decode()


FIELDS = {
    "pattern": "Channel name",
    "wildcard": "Nested channels",
    "enabled": "Active",
    "description": "Description",
    "history": "Message history",
    "history_events": "Store server events",
    "triggers": "Triggers",
    "strict_anonymous": "Strict anonymous",
    "refuse_bad_tokens": "Refuse bad tokens",
    "access_manager": "Access Manager",
    "open_operations": "Open operations",
    **{permission.value: full_label(permission) for permission in Permission},
}
SWITCH_FIELDS = {"enabled": "Realtime is on"}


SOURCES = {Source.WEB: "dashboard", Source.API: "JSON API", Source.CLI: "command line", Source.SYSTEM: "the server"}


def source_name(source: str) -> str:
    """Say where a change came from."""
    return SOURCES[Source(source)]


def field_name(name: str, switch: bool = False) -> str:
    """Name a field of the settings document as its form does."""
    return (SWITCH_FIELDS.get(name) if switch else None) or FIELDS.get(name, name)


def field_value(name: str, value: object) -> str:
    """Say what a field of the settings document holds."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if name == "triggers":
        return triggers_named(value).replace("`", "")
    if name == "history":
        return count(int(str(value)), "message") if value else "off"
    return str(value) if value != "" else "empty"


def ago(moment: datetime) -> str:
    """Say how long ago something was, roughly."""
    seconds = max((datetime.now(UTC) - (moment if moment.tzinfo else moment.replace(tzinfo=UTC))).total_seconds(), 0)
    for size, noun in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{count(int(seconds // size), noun)} ago"
    return "just now"


def soon(moment: datetime) -> str:
    """Say when something that is due will be, roughly."""
    return from_now(moment) if moment > datetime.now(UTC) else "now"


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(said=said, clock=clock, ago=ago, soon=soon)
    app.jinja_env.globals.update(source_name=source_name, field_name=field_name, field_value=field_value)
    app.jinja_env.globals.update(count=count, pretty=pretty, trigger_changes=row_changes)
