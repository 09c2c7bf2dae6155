"""The first page: the numbers of the moment and the first steps."""

from .views import blueprint

__all__ = ["blueprint"]
