"""Realtime tokens and API keys."""

from .views import blueprint

__all__ = ["blueprint"]
