"""Several workspaces side by side: going from one to another, and making one."""

from .views import blueprint

__all__ = ["blueprint"]
