"""The published versions: what each changed, and the way back to it."""

from .views import blueprint

__all__ = ["blueprint"]
