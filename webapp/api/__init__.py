"""What programs talk to: the socket endpoint, the JSON API, health and metrics."""

from flask import Blueprint, Flask, Response

from ..config import Settings
from ..extensions import csrf
from . import (
    blocks,
    broadcast,
    decide,
    errors,
    events,
    health,
    history,
    live,
    metrics,
    names,
    openapi,
    refusals,
    routes,
    rules,
    ruletests,
    sockets,
    tokens,
    webhooks,
)

PREFIX = "/api/"
VIEWS = (events, tokens, rules, ruletests, decide, refusals, live, blocks, history, webhooks)
"""The modules that hold the API's views; importing them fills the route table."""


def init_app(app: Flask, settings: Settings) -> None:
    """Put everything that programs talk to on an application."""
    sockets.init_app(app, settings)
    app.url_map.converters |= {"any_name": names.AnyName, "digits": names.Digits}
    blueprint = _json_api()
    errors.init_app(app, blueprint, PREFIX)
    for probe in (health.blueprint, metrics.blueprint):
        app.register_blueprint(probe)
    # Keys travel in a header that no browser adds by itself, and cookies count for nothing here.
    csrf.exempt(blueprint)
    csrf.exempt(broadcast.blueprint)
    broadcast.init_app(app)
    app.register_blueprint(blueprint)


def _json_api() -> Blueprint:
    blueprint = Blueprint("api", __name__)
    routes.mount(blueprint)

    @blueprint.get("/api/v1/openapi.json", provide_automatic_options=False)
    def openapi_document() -> Response:
        from .. import __version__

        return errors.answer(openapi.document(__version__))

    return blueprint
