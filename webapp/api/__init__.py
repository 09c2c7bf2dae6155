"""What programs talk to: the socket endpoint, the JSON API, health and metrics."""

from flask import Flask

from ..config import Settings
from . import sockets


def init_app(app: Flask, settings: Settings) -> None:
    """Put everything that programs talk to on an application."""
    sockets.init_app(app, settings)
