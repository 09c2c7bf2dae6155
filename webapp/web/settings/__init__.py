"""The workspace's switches, name and origins."""

from .views import blueprint

__all__ = ["blueprint"]
