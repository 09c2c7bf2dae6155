"""An application without a running server, and its default workspace."""

from collections.abc import Iterator

import pytest
from flask import Flask

from webapp.cli.group import application
from webapp.config import Settings
from webapp.extensions import db
from webapp.models import Workspace
from webapp.services import workspaces


@pytest.fixture
def app(any_settings: Settings) -> Iterator[Flask]:
    made = application(any_settings)
    with made.app_context():
        yield made
        db.engine.dispose()


@pytest.fixture
def workspace(app: Flask) -> Workspace:
    return workspaces.ensure_default()
