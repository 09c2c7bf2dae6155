"""The people of a workspace: roles, invitations, sessions."""

from .views import blueprint

__all__ = ["blueprint"]
