"""The draft of the rules: what it changes, what that would do, and how it ends."""

from .views import blueprint, init_app

__all__ = ["blueprint", "init_app"]
