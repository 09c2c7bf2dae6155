"""The rules of a workspace: table, editor, which rule decides, import and export."""

from . import deleting, editing, switching
from .views import blueprint

__all__ = ["blueprint", "deleting", "editing", "switching"]
