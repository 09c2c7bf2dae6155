"""What was changed: every entry in words, filtered, exported."""

from .views import blueprint

__all__ = ["blueprint"]
