"""What forms of all areas share."""

from typing import Any

from wtforms import Form

from ..services.errors import ServiceError


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
