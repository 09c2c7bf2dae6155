"""The kinds of steps that stacks are made of, one module each."""

from functools import lru_cache

from ...core.problems import Problem
from ...core.ruleset import Rule
from ...core.triggers import StepKind, TriggerStep
from .base import Action, StepType
from .condition import Condition
from .javascript import JavaScript
from .log import Log
from .publish import Publish
from .rate_limit import RateLimit
from .stop import Stop
from .transform import Transform
from .validate import Validate
from .webhook import WebhookStep

STEPS: dict[StepKind, StepType] = {
    step.kind: step
    for step in (
        Condition(),
        Validate(),
        RateLimit(),
        Transform(),
        JavaScript(),
        WebhookStep(),
        Publish(),
        Log(),
        Stop(),
    )
}


@lru_cache(4096)
def action(step: TriggerStep) -> Action:
    """Return what runs of a step; steps that say the same share it."""
    kind = STEPS[step.kind]
    return kind.compile(kind.filled(step.values))


@lru_cache(4096)
def step_problems(step: TriggerStep) -> tuple[Problem, ...]:
    """Find what is wrong with a step's settings; paths are names of fields."""
    return tuple(STEPS[step.kind].problems(step.values))


def summary(step: TriggerStep) -> str:
    """Say in a line what a step does. Text in backquotes is shown as code."""
    kind = STEPS[step.kind]
    return kind.summary(kind.filled(step.values))


def trigger_problems(rule: Rule, path: str = "") -> list[Problem]:
    """Find what is wrong with the settings of all steps of a rule, such as ``triggers[0].steps[2].code``."""
    return [
        Problem(f"{path}triggers[{i}].steps[{j}].{problem.path}", problem.message)
        for i, trigger in enumerate(rule.triggers)
        for j, step in enumerate(trigger.steps)
        for problem in step_problems(step)
    ]
