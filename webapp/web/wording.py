"""How things are said on the pages: counts, publications, sentences with code in them, times."""

import json
import re
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")
_EMPHASIS = re.compile(r"\*([^*]+)\*")


def count(number: int, noun: str, plural: str | None = None) -> str:
    """``count(1, "client")`` is "1 client", ``count(1200, "client")`` "1,200 clients"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def said(sentence: object) -> Markup:
    """Escape a sentence and set what stands in backticks as code, what stands in asterisks emphasized."""
    parts = _CODE.split(str(sentence))
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
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(said=said, clock=clock)
    app.jinja_env.globals.update(count=count, pretty=pretty)
