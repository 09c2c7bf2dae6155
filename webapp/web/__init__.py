"""The dashboard: server-rendered pages, a blueprint package an area."""

from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from werkzeug.routing import IntegerConverter, Map

from ..extensions import csrf, limiter
from . import (
    access,
    account,
    audit,
    auth,
    bench,
    channels,
    csp,
    drafts,
    errors,
    explain,
    inspector,
    overview,
    people,
    ruletests,
    runs,
    settings,
    shell,
    stacks,
    tokens,
    transfer,
    versions,
    webhooks,
    wording,
    workspaces,
)
from .htmx import htmx

FORM_MEMORY = 4 * 1024 * 1024
"""Bytes a form may hold: an import of a large workspace's rules is pasted into one."""


class _RowNumber(IntegerConverter):
    """A number in an address that a row can have; a larger one names nothing, and no database takes it."""

    def __init__(self, map: Map, **options: Any) -> None:  # noqa: A002  (Werkzeug's name)
        super().__init__(map, **{"max": 2**31 - 1} | options)


class _Sessions(SecureCookieSessionInterface):
    """Session cookies that stay on encrypted connections wherever they were made on one."""

    def get_cookie_secure(self, app: Flask) -> bool:
        from flask import request

        return request.is_secure


def init_app(app: Flask) -> None:
    """Put the dashboard's pages, their guards and their headers on an application."""
    app.config["MAX_FORM_MEMORY_SIZE"] = app.config["MAX_CONTENT_LENGTH"] = FORM_MEMORY
    app.config["SESSION_COOKIE_NAME"] = "tidegate"
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a control room stays open for days; the token ends with the session
    app.config["WTF_CSRF_SSL_STRICT"] = True
    app.session_interface = _Sessions()
    csrf.init_app(app)
    limiter.init_app(app)
    htmx.init_app(app)
    for concern in (csp, errors, access, wording, shell, drafts):
        concern.init_app(app)
    app.url_map.converters["int"] = _RowNumber
    for area in (
        auth,
        account,
        workspaces,
        overview,
        channels,
        stacks,
        runs,
        inspector,
        bench,
        drafts,
        versions,
        transfer,
        ruletests,
        explain,
        tokens,
        webhooks,
        people,
        audit,
        settings,
    ):
        app.register_blueprint(area.blueprint)
