"""Rules as files: taken in and given out."""

from .views import blueprint

__all__ = ["blueprint"]
