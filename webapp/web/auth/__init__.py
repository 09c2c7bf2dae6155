"""Set-up with a one-time link, sign-in and sign-out."""

from .views import blueprint

__all__ = ["blueprint"]
