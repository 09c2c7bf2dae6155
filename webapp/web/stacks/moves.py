"""What the buttons of the form do to its steps before it is shown again. Nothing of it is saved."""

from collections.abc import Callable
from dataclasses import dataclass

from ...core.triggers import StepKind
from .cards import Card, Typed, card_of, copy_of, new_card
from .forms import TriggerForm
from .starts import start


@dataclass(frozen=True, slots=True)
class Moved:
    """What was done, in words that screen readers are told, and the id of the element that gets the focus then."""

    says: str = ""
    focus: str = ""


def move(form: TriggerForm, wanted: str) -> Moved:
    """Do what a button asks for, such as ``up:KEY`` or ``add:condition``; what makes no sense does nothing."""
    verb, _, rest = wanted.partition(":")
    doing = _DOINGS.get(verb)
    return doing(form, *rest.split(":")) if doing is not None else Moved()


def _add(form: TriggerForm, kind: str, *_: str) -> Moved:
    if kind not in list(StepKind):
        return Moved()
    card = new_card(StepKind(kind))
    form.cards.append(card)
    return Moved(f"{card.type.label} is added as step {len(form.cards)}.", f"step-{card.key}")


def _begin(form: TriggerForm, key: str, *_: str) -> Moved:
    found = start(key)
    if found is None:
        return Moved()
    if not form.cards:
        form.events.data = sorted(event.value for event in found.trigger.events)
        form.on_failure.data = found.trigger.on_failure.value
    form.name.data = form.name.data or found.trigger.name
    cards = [card_of(step) for step in found.trigger.steps]
    form.cards += cards
    return Moved(f"{found.title} is added.", f"step-{cards[0].key}")


def _up(form: TriggerForm, key: str, *_: str) -> Moved:
    return _by(form, key, -1, "up")


def _down(form: TriggerForm, key: str, *_: str) -> Moved:
    return _by(form, key, 1, "down")


def _by(form: TriggerForm, key: str, by: int, button: str) -> Moved:
    at = _place(form, key)
    return _put(form, key, at + by, f"{button}-{key}") if at is not None else Moved()


def _to(form: TriggerForm, key: str, place: str = "", *_: str) -> Moved:
    return _put(form, key, int(place), f"step-{key}") if place.isascii() and place.isdigit() else Moved()


def _put(form: TriggerForm, key: str, place: int, focus: str) -> Moved:
    at = _place(form, key)
    if at is None:
        return Moved()
    card = form.cards[at]
    to = min(max(place, 0), len(form.cards) - 1)
    if to == at:
        return Moved(f"{card.type.label} stays step {at + 1} of {len(form.cards)}.", focus)
    form.cards.insert(to, form.cards.pop(at))
    return Moved(f"{card.type.label} is now step {to + 1} of {len(form.cards)}.", focus)


def _copy(form: TriggerForm, key: str, *_: str) -> Moved:
    at = _place(form, key)
    if at is None:
        return Moved()
    card = copy_of(form.cards[at])
    form.cards.insert(at + 1, card)
    return Moved(f"{card.type.label} is copied as step {at + 2}.", f"step-{card.key}")


def _remove(form: TriggerForm, key: str, *_: str) -> Moved:
    at = _place(form, key)
    if at is None:
        return Moved()
    card = form.cards.pop(at)
    after: list[Card] = form.cards[at : at + 1] or form.cards[-1:]
    return Moved(f"Step {at + 1}, {card.type.label}, is removed.", f"step-{after[0].key}" if after else "add-step")


def _add_row(form: TriggerForm, key: str, name: str = "", *_: str) -> Moved:
    typed = _table(form, key, name)
    if typed is None:
        return Moved()
    typed.new_row()
    return Moved(f"Row {len(typed.rows)} is added.", typed.rows[-1][1][0].id)


def _remove_row(form: TriggerForm, key: str, name: str = "", row: str = "", *_: str) -> Moved:
    typed = _table(form, key, name)
    if typed is None:
        return Moved()
    typed.rows = [(known, cells) for known, cells in typed.rows if known != row]
    return Moved("The row is removed.", f"row-add-{typed.name}")


_DOINGS: dict[str, Callable[..., Moved]] = {
    "add": _add,
    "start": _begin,
    "up": _up,
    "down": _down,
    "to": _to,
    "copy": _copy,
    "remove": _remove,
    "row-add": _add_row,
    "row-remove": _remove_row,
}


def _place(form: TriggerForm, key: str) -> int | None:
    return next((i for i, card in enumerate(form.cards) if card.key == key), None)


def _table(form: TriggerForm, key: str, name: str) -> Typed | None:
    at = _place(form, key)
    typed = form.cards[at].setting(name) if at is not None else None
    return typed if typed is not None and typed.field.columns else None
