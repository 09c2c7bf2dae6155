"""Saved tests of rules: what must hold, and whether it does."""

from .views import blueprint

__all__ = ["blueprint"]
