"""The blueprint of the pages of a rule's triggers, and what they share."""

from flask import Blueprint

from ...core.ruleset import Rule
from ...core.triggers import Trigger, TriggerEvent, TriggerStep
from ...triggers.steps import STEPS, summary
from ..access import in_workspace
from .cards import matters

blueprint = in_workspace(Blueprint("stacks", __name__, url_prefix="/w/<canonical>/channels/triggers"))
for _helper in (summary, matters):
    blueprint.app_template_global()(_helper)


@blueprint.app_template_global()
def events_of(trigger: Trigger) -> list[TriggerEvent]:
    """The events that a trigger runs on, in the order in which they are always named."""
    return [event for event in TriggerEvent if event in trigger.events]


@blueprint.app_template_global()
def step_label(step: TriggerStep) -> str:
    return STEPS[step.kind].label


def find_trigger(rule: Rule | None, name: str | None) -> Trigger | None:
    return next((trigger for trigger in (rule.triggers if rule is not None else ()) if trigger.name == name), None)
