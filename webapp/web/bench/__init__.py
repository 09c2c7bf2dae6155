"""The test bench: real clients side by side in the browser."""

from .views import blueprint

__all__ = ["blueprint"]
