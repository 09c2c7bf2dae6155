"""The test bench: real clients side by side in the browser."""

from . import clients, sending, views  # noqa: F401  (each puts its pages on the blueprint)
from .blueprint import blueprint

__all__ = ["blueprint"]
