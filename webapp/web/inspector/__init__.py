"""The inspector: what passes right now, why, and what to do about it."""

from . import acting, recordings, side, stream, trying, views  # noqa: F401  (each puts its pages on the blueprint)
from .blueprint import blueprint

__all__ = ["blueprint"]
