"""The rules of a workspace: table, form, which rule decides, import and export."""

from .views import blueprint

__all__ = ["blueprint"]
