"""What forms of all areas share."""

import json
from typing import Any

from wtforms import Form, TextAreaField
from wtforms.validators import ValidationError

from ..services.errors import ServiceError

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
"""The attributes of a field that holds a name or an id, no words."""
JSON_MOST = 64 * 1024


class JsonObject(TextAreaField):
    """A JSON object, or nothing; ``value`` is what was read."""

    value: dict[str, Any] | None = None

    def pre_validate(self, _form: object) -> None:
        self.value = None
        if not (self.data or "").strip():
            return
        if len(self.data) > JSON_MOST:
            raise ValidationError(f"At most {JSON_MOST:,} characters.")
        shown = (self.render_kw or {}).get("placeholder", "{}")
        try:
            value = json.loads(self.data)
        except (ValueError, RecursionError):
            raise ValidationError(f"This is not JSON; write for example {shown}.") from None
        if not isinstance(value, dict):
            raise ValidationError(f"Expected an object, such as {shown}.")
        self.value = value


def example(text: str, rows: int = 2) -> dict[str, str]:
    """The attributes of a field that holds JSON such as ``text``."""
    return {"rows": str(rows), "spellcheck": "false", "autocomplete": "off", "placeholder": text}


def show_problems(form: Form, error: ServiceError) -> list[str]:
    """Put a service's problems beside their fields; return those that concern no field of this form."""
    rest = []
    for name, message in error.problems.items():
        if name in form:
            form[name].errors = [*form[name].errors, message]
        else:
            rest.append(message)
    return rest


def attributes(field: Any, *described_by: str, more: dict[str, Any] | None = None) -> dict[str, Any]:
    """The attributes that tie a field to its help and its errors for screen readers, and ``more``."""
    described = [*described_by, *([f"{field.id}-help"] if field.description else [])]
    if field.errors:
        described.insert(0, f"{field.id}-error")
    found: dict[str, Any] = dict(more or {})
    if described:
        found["aria-describedby"] = " ".join(described)
    if field.errors:
        found["aria-invalid"] = "true"
    return found
