"""Tidegate: a self-hosted realtime channel server with a control room."""

from flask import Flask

from .config import Settings, shared_folder
from .core.version import VERSION

__version__ = VERSION


def create_app(settings: Settings | None = None) -> Flask:
    """Wire an application. Without settings they are read from the environment.

    Raises:
        ConfigError: settings that can't be used.
    """
    from . import api, cli, web
    from .api.addresses import TrustedProxies
    from .extensions import init_database

    settings = settings or Settings.from_env()
    app = Flask(__name__, template_folder=str(shared_folder("templates")), static_folder=str(shared_folder("static")))
    app.config["SECRET_KEY"] = settings.secret_key
    app.extensions["tidegate.settings"] = settings
    init_database(app, settings)
    cli.init_app(app)
    api.init_app(app, settings)
    web.init_app(app)
    if settings.proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.proxies)  # type: ignore[method-assign]
    return app
