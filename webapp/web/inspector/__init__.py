"""The inspector: what passes right now, why, and what to do about it."""

# Each puts its pages on the blueprint.
from . import acting, opened, recordings, side, stream, trying, views  # noqa: F401
from .blueprint import blueprint

__all__ = ["blueprint"]
