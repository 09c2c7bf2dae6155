"""Set-up with a one-time link, invitations, sign-in and sign-out."""

from . import joining
from .views import blueprint

__all__ = ["blueprint", "joining"]
