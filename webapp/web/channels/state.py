"""What the channels' pages keep in this process: open forms and rates. Made anew for each application."""

from typing import cast

from flask import current_app
from flask.sansio.app import App

from .editors import Editors
from .rates import Rates

_KEY = "tidegate.channels"


def init_app(app: App) -> None:
    app.extensions[_KEY] = (Editors(), Rates())


def editors() -> Editors:
    """Return who has which rule's form open in this process."""
    return cast(Editors, current_app.extensions[_KEY][0])


def rates() -> Rates:
    return cast(Rates, current_app.extensions[_KEY][1])
