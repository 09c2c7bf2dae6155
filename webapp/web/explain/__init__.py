"""Explain a user: everything that a client may do on which channels, and why."""

from .views import blueprint

__all__ = ["blueprint"]
