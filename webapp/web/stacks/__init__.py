"""The triggers of a rule: their list on the rule's page, and the editor of one trigger with its stack of steps."""

from . import listing, trial, views
from .blueprint import blueprint

__all__ = ["blueprint", "listing", "trial", "views"]
