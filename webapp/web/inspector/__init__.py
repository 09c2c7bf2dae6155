"""The inspector: what passes right now, why, and what to do about it."""

from . import (  # noqa: F401  (each puts its pages on the blueprint)
    acting,
    acts,
    capturing,
    opened,
    recordings,
    resending,
    side,
    stream,
    trying,
    views,
    wording,
)
from .blueprint import blueprint

__all__ = ["blueprint"]
