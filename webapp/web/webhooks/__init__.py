"""Webhooks: what they are told, and what was delivered."""

from . import deliveries
from .views import blueprint

__all__ = ["blueprint", "deliveries"]
