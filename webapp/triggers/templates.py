"""Texts and JSON with places that are filled from an event: ``{{ event.client.userId }}``.

A place names a field by its path and nothing else; there are no expressions. One that leads nowhere is empty.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from .moment import Json, Moment

_PLACE = re.compile(r"\{\{\s*(.*?)\s*\}\}")
_PATH = re.compile(r"event(?:\.[\w$-]+|\[\d+\])*")
_PART = re.compile(r"\.([\w$-]+)|\[(\d+)\]")


def problem(template: Any) -> str | None:
    """Say what is wrong with the places of a text, or of the texts in a JSON value; None: nothing."""
    for text in _texts(template):
        for place in _PLACE.findall(text):
            if not _PATH.fullmatch(place):
                return f"`{{{{ {place} }}}}`: a place names a field, such as `{{{{ event.payload.text }}}}`."
    return None


def filled(template: str, moment: Moment) -> str:
    """Fill the places of a text; what is no text itself stands there as JSON."""
    if "{{" not in template:
        return template
    return _PLACE.sub(lambda place: _written(place[1], moment), template)


def filled_json(template: Any, moment: Moment) -> Json:
    """Fill the places in the texts of a JSON value. A text that is one place alone becomes the value itself."""
    return msgspec.json.encode(_fill(template, moment))


def _fill(template: Any, moment: Moment) -> Any:
    if isinstance(template, str):
        alone = _PLACE.fullmatch(template)
        return _json(alone[1], moment) if alone and _PATH.fullmatch(alone[1]) else filled(template, moment)
    if isinstance(template, list):
        return [_fill(item, moment) for item in template]
    if isinstance(template, dict):
        return {name: _fill(value, moment) for name, value in template.items()}
    return template


def _value(path: str, moment: Moment) -> Any:
    found: Any = moment.values
    for name, index in _PART.findall(path.removeprefix("event")):
        if name:
            found = found.get(name) if isinstance(found, dict) else None
        else:
            found = found[int(index)] if isinstance(found, list) and int(index) < len(found) else None
    return found


def _written(path: str, moment: Moment) -> str:
    value = _value(path, moment)
    if not isinstance(value, str):
        return "" if value is None else bytes(_json(path, moment)).decode()
    moment.fill(len(value))
    return value


def _json(path: str, moment: Moment) -> msgspec.Raw:
    written = msgspec.json.encode(_value(path, moment))
    moment.fill(len(written))
    return msgspec.Raw(written)


def _texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield template
    elif isinstance(template, dict):
        for value in template.values():
            yield from _texts(value)
    elif isinstance(template, list):
        for value in template:
            yield from _texts(value)
