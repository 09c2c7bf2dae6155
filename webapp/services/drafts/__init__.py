"""The draft of a workspace: the rule set that its editors work on together until they publish it.

There is at most one a workspace. Nothing in it decides anything.
"""

from ..ruletests import TestsFail
from .edits import (
    RuleConflict,
    bring_up_to_date,
    delete_rule,
    merged,
    replace_all,
    save_rule,
    set_enabled,
    set_switches,
    take_back,
)
from .ending import discard, publish
from .state import DraftState, DraftSummary, current, fingerprint, summary, working_rules

__all__ = [
    "DraftState",
    "DraftSummary",
    "RuleConflict",
    "TestsFail",
    "bring_up_to_date",
    "current",
    "delete_rule",
    "discard",
    "fingerprint",
    "merged",
    "publish",
    "replace_all",
    "save_rule",
    "set_enabled",
    "set_switches",
    "summary",
    "take_back",
    "working_rules",
]
