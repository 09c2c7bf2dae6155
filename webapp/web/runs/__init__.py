"""What triggers did lately, and which there are."""

from .views import blueprint

__all__ = ["blueprint"]
