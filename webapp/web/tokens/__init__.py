"""Realtime tokens, the keys that sign them, and API keys."""

from . import api_keys, signing_keys
from .views import blueprint

__all__ = ["api_keys", "blueprint", "signing_keys"]
