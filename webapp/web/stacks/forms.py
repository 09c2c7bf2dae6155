"""The form of a whole trigger: its name, when it runs, and its steps as they were typed."""

import re
from collections.abc import Iterable

from flask import request
from wtforms import BooleanField, RadioField, SelectChoice, SelectMultipleField, StringField
from wtforms.validators import DataRequired, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from ...core.problems import Problem
from ...core.triggers import (
    STEPS_MOST,
    OnFailure,
    StepKind,
    Trigger,
    TriggerEvent,
    TriggerStep,
    name_problem,
    read_triggers,
    trigger_row,
)
from ...triggers.steps import STEPS
from ..channels.forms import SeenForm
from ..forms import PLAIN
from .cards import Card, card_of, read_cards

EVENTS = {
    TriggerEvent.MESSAGE: "Messages of clients",
    TriggerEvent.JOIN: "Joins",
    TriggerEvent.LEAVE: "Leaves",
    TriggerEvent.EVENT: "Messages of the server",
}
FAILURES = {
    OnFailure.BLOCK: "Block it: nothing passes that was not checked",
    OnFailure.PASS: "Let it pass, as if the trigger were not there",
}
_PLACE = re.compile(r"\[0\]\.(?:(name|events|on_failure)|steps(?:\[(\d+)\])?)")


class TriggerForm(SeenForm):
    """A trigger. ``cards`` are its steps as they stand in the form, ``left`` says what is wrong with the whole."""

    name = StringField("Name", render_kw=PLAIN, filters=[lambda text: (text or "").strip()])
    enabled = BooleanField("Active", description="An inactive trigger is as if it were not there.", default=True)
    events = SelectMultipleField(
        "Runs on",
        choices=[SelectChoice(event.value, label) for event, label in EVENTS.items()],
        validators=[DataRequired("Choose at least one.")],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    on_failure = RadioField(
        "If it fails or takes too long",
        choices=[SelectChoice(choice.value, label) for choice, label in FAILURES.items()],
        default=OnFailure.BLOCK.value,
    )

    def read(self) -> "TriggerForm":
        """Read the steps that were sent with the form."""
        self.cards: list[Card] = read_cards(request.form)
        self.left: list[str] = []
        return self

    def validate_name(self, field: StringField) -> None:
        problem = name_problem(field.data)
        if problem is not None:
            raise ValidationError(problem)

    def fill(self, trigger: Trigger) -> "TriggerForm":
        """Show a trigger as it is."""
        self.name.data = trigger.name
        self.enabled.data = trigger.enabled
        self.events.data = [event.value for event in TriggerEvent if event in trigger.events]
        self.on_failure.data = trigger.on_failure.value
        self.cards = [card_of(step) for step in trigger.steps]
        self.left = []
        return self

    def to_trigger(self, kept: Trigger | None = None) -> Trigger | None:
        """Make the trigger, noting beside each field what is wrong; None if anything is.

        Steps that come to the same as those of ``kept`` stay as they were written.
        """
        fits = self.validate()
        steps = self.steps(kept.steps if kept is not None else ())
        if len(self.cards) > STEPS_MOST:
            self.left.append(f"At most {STEPS_MOST} steps a trigger.")
        if not fits or steps is None or self.left:
            return None
        trigger = Trigger(
            self.name.data,
            frozenset(TriggerEvent(event) for event in self.events.data),
            steps,
            self.enabled.data,
            OnFailure(self.on_failure.data),
        )
        problems: list[Problem] = []
        read_triggers([trigger_row(trigger)], "", problems)
        for problem in problems:
            self._show(problem)
        return trigger if not problems else None

    @property
    def has_errors(self) -> bool:
        return bool(self.left) or any(card.has_errors for card in self.cards)

    @property
    def failure(self) -> OnFailure:
        """What was chosen for when it fails, blocking where nothing that there is."""
        return OnFailure(self.on_failure.data) if self.on_failure.data in list(OnFailure) else OnFailure.BLOCK

    def steps(self, kept: Iterable[TriggerStep] = ()) -> tuple[TriggerStep, ...] | None:
        """Make the steps, noting beside each setting what is wrong; None if anything is."""
        made = [card.step() for card in self.cards]
        known = list(kept)
        steps = tuple(_as_kept(step, known) for step in made if step is not None)
        return steps if not any(card.has_errors for card in self.cards) else None

    def _show(self, problem: Problem) -> None:
        place = _PLACE.match(problem.path)
        if place is not None and place[1]:
            self[place[1]].errors = [*self[place[1]].errors, problem.message]
        elif place is not None and place[2]:
            self.cards[int(place[2])].errors.append(problem.message)
        else:
            self.left.append(problem.message)


def _as_kept(step: TriggerStep, kept: list[TriggerStep]) -> TriggerStep:
    kind = STEPS[StepKind(step.kind)]
    filled = kind.filled(step.values)
    return next((k for k in kept if k.kind is step.kind and kind.filled(k.values) == filled), step)
