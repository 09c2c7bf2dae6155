"""One's own account: sessions, password, two-step sign-in."""

from .views import blueprint

__all__ = ["blueprint"]
